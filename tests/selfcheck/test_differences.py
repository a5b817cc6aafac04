"""Every probe notices a server that is otherwise: one thing altered on the way."""

import re
from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pyarrow as pa
import pytest

from cortical_cache.selfcheck import PROBES, Outcome
from tests.selfcheck.proxy import Asked, Proxy, Told

NUCLEI = "nucleus_detection_v0"
RESOLUTION = {"x": 4.0, "y": 4.0, "z": 40.0}
LOOKUP = "nucleus_detection_lookup"


def asking(change: Callable[[dict], dict | None]) -> Proxy:
    """Alter query bodies in place (or return another)."""

    def ask(asked: Asked) -> Asked:
        if not asked.is_query:
            return asked
        query = asked.query
        return asked.with_query(change(query) or query)

    return Proxy(ask=ask)


def conditions(kind: str, change: Callable[[dict], object]) -> Proxy:
    """Alter the conditions of one kind of filter, column to value, in place."""

    def alter(query: dict) -> None:
        for columns in query.get(f"filter_{kind}_dict", {}).values():
            change(columns)

    return asking(alter)


def dropping(kind: str, column: str) -> Proxy:
    return conditions(kind, lambda columns: columns.pop(column, None))


def telling(where: str, change: Callable[[Asked, Told], Told]) -> Proxy:
    """Alter the replies to requests whose path fits a pattern."""

    def tell(asked: Asked, told: Told) -> Told:
        return change(asked, told) if re.search(where, asked.path) else told

    return Proxy(tell=tell)


def documents(where: str, change: Callable[[object], object]) -> Proxy:
    """Alter JSON documents; the change returns the new one or alters it in place."""

    def alter(_: Asked, told: Told) -> Told:
        document = told.json
        return told.with_json(change(document) or document)

    return telling(where, alter)


def arrows(where: str, change: Callable[[Asked, Told], Told]) -> Proxy:
    """Alter replies that carry rows."""
    return telling(where, lambda a, t: change(a, t) if t.is_arrow else t)


def cast(where: str, column: str, type_: pa.DataType) -> Proxy:
    """Send a column as another type."""

    def alter(_: Asked, told: Told) -> Told:
        if column not in told.rows.column_names:
            return told
        return told.with_column(column, lambda values: values.cast(type_))

    return arrows(where, alter)


def renamed(pattern: str, by: str) -> Proxy:
    def alter(_: Asked, told: Told) -> Told:
        rows = told.rows
        names = [re.sub(pattern, by, name) for name in rows.column_names]
        return told.with_rows(rows.rename_columns(names))

    return arrows("version/5/query", alter)


def flip_layout(records) -> None:
    for one in records:
        one["is_merged"] = not one["is_merged"]


def strip(records, name: str) -> None:
    for one in records:
        del one[name]


def whole_seconds(records) -> None:
    for one in records:
        one["time_stamp"] = one["time_stamp"].split(".")[0]


def odd_types(schemas) -> None:
    for schema in schemas.values():
        for column in schema.values():
            column["type"] = "bigint"


def uncompressed(_: Asked, told: Told) -> Told:
    rows = told.rows
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    return replace(told, body=sink.getvalue().to_pybytes())


def ones_as_null(_: Asked, told: Told) -> Told:
    frame = told.frame
    if "pt_root_id" in frame.columns:
        frame.loc[frame["pt_root_id"] == 1, "pt_root_id"] = pd.NA
    return told.with_rows(frame)


def excluding(asked: Asked, told: Told) -> Told:
    excluded = asked.query.get("filter_notin_dict", {}).get(NUCLEI)
    if not excluded:
        return told
    frame = told.frame
    return told.with_rows(frame[~frame["id"].isin(excluded["id"])])


def only_what_was_selected(asked: Asked, told: Told) -> Told:
    selected = asked.query.get("select_columns")
    return told.with_rows(told.rows.select(selected)) if selected else told


def double_arithmetic() -> Proxy:
    """Scale positions in doubles, as plain code would."""

    def ask(asked: Asked) -> Asked:
        query = asked.query
        query.pop("desired_resolution", None)
        return asked.with_query(query) if asked.is_query else asked

    def tell(asked: Asked, told: Told) -> Told:
        desired = asked.query.get("desired_resolution")
        if not desired:
            return told
        frame = told.frame
        for axis, wanted in zip("xyz", desired, strict=True):
            ratio = RESOLUTION[axis] / wanted
            name = f"pt_position_{axis}"
            frame[name] = [int(one * ratio) for one in frame[name]]
        return told.with_rows(frame)

    return Proxy(ask, tell)


def rounding() -> Proxy:
    plain = double_arithmetic()

    def tell(asked: Asked, told: Told) -> Told:
        desired = asked.query.get("desired_resolution")
        if not desired:
            return told
        frame = told.frame
        for axis, wanted in zip("xyz", desired, strict=True):
            scaled = frame[f"pt_position_{axis}"] * (RESOLUTION[axis] / wanted)
            frame[f"pt_position_{axis}"] = scaled.round().astype("int32")
        return told.with_rows(frame)

    return Proxy(plain.ask, tell)


def less_or_equal(query: dict) -> None:
    if "filter_less_dict" in query:
        query["filter_less_equal_dict"] = query.pop("filter_less_dict")


def greater_or_equal(query: dict) -> None:
    if "filter_greater_dict" in query:
        query["filter_greater_equal_dict"] = query.pop("filter_greater_dict")


def open_box(columns: dict) -> None:
    for box in columns.values():
        box[1] = [bound - 0.004 for bound in box[1]]


def thick_box(columns: dict) -> None:
    for box in columns.values():
        box[1] = [bound + 0.004 for bound in box[1]]


def any_case(columns: dict) -> None:
    for name, pattern in columns.items():
        columns[name] = f"(?i){pattern}"


def no_empty_lists(columns: dict) -> None:
    for name in [name for name, value in columns.items() if value == []]:
        del columns[name]


def no_nulls(columns: dict) -> None:
    for name in [name for name, value in columns.items() if value is None]:
        del columns[name]


def lists_of_one(columns: dict) -> None:
    for name, value in columns.items():
        columns[name] = value if isinstance(value, list) else [value]


def two_columns(query: dict) -> None:
    if list(query.get("select_columns") or ()) == ["id"]:
        query["select_columns"] = ["id", "valid"]


def known_kinds(query: dict) -> None:
    query.pop("filter_no_such_kind_dict", None)


def path(pattern: str, by: str) -> Proxy:
    """Alter the addresses that are asked."""
    return Proxy(ask=lambda one: replace(one, path=re.sub(pattern, by, one.path)))


def reworded(_: Asked, told: Told) -> Told:
    if told.status < 500:
        return told
    return told.with_json({"message": "Something went wrong"}, told.status)


def counted_joins(asked: Asked, told: Told) -> Told:
    return told.with_rows(pa.table({"count": [told.rows.num_rows]}))


def one_more(_: Asked, told: Told) -> Told:
    return told.with_column("count", lambda counts: pa.array([counts[0].as_py() + 1]))


def shifted(_: Asked, told: Told) -> Told:
    frame = told.frame
    if "id_ref" in frame.columns:
        frame["id_ref"] = frame["id_ref"].to_numpy()[::-1]
    return told.with_rows(frame)


def zeros_as_sevens(_: Asked, told: Told) -> Told:
    nothing, seven = bytes(8), (7).to_bytes(8, "little")
    ids = [told.body[at : at + 8] for at in range(0, len(told.body), 8)]
    return replace(told, body=b"".join(seven if i == nothing else i for i in ids))


def with_zone(zone: str | None) -> Proxy:
    """Give the lookup view a time."""
    described = {"type": "string", "format": "date-time"}

    def tell(asked: Asked, told: Told) -> Told:
        if asked.path.endswith("/views/schemas"):
            schemas = told.json
            schemas[LOOKUP]["seen"] = described
            return told.with_json(schemas)
        if told.is_arrow and f"/views/{LOOKUP}/" in asked.path:
            rows = told.rows
            times = pa.array([0] * rows.num_rows, pa.timestamp("ns", zone))
            return told.with_rows(rows.append_column("seen", times))
        return told

    return Proxy(tell=tell)


VERSIONS = r"/datastack/demo/metadata"
TABLE = r"/table/\w+/query"
OTHERWISE = {
    "an old server": (
        documents(r"/materialize/version$", lambda _: "5.12.3"),
        {"server-version"},
    ),
    "no layout in the record": (
        documents(VERSIONS, lambda records: strip(records, "is_merged")),
        {"version-record", "split-or-merged"},
    ),
    "whole seconds": (documents(VERSIONS, whole_seconds), {"fractional-seconds"}),
    "a version not listed": (
        documents(r"/versions\?", lambda numbers: sorted(numbers)[:-1]),
        {"versions-list"},
    ),
    "another layout": (documents(VERSIONS, flip_layout), {"split-or-merged"}),
    "other single records": (
        documents(rf"/table/{NUCLEI}/metadata", lambda one: one | {"user_id": "99"}),
        {"table-metadata"},
    ),
    "other view types": (documents("/views/schemas", odd_types), {"view-schema"}),
    "no end marker": (
        arrows("", lambda _, told: replace(told, body=told.body[:-8])),
        {"arrow-stream"},
    ),
    "another content type": (
        telling(
            TABLE,
            lambda _, told: (
                replace(
                    told.without("Content-Type"),
                    headers=[
                        *told.without("Content-Type").headers,
                        ("Content-Type", "application/octet-stream"),
                    ],
                )
                if told.is_arrow
                else told
            ),
        ),
        {"arrow-stream"},
    ),
    "no compression": (arrows("", uncompressed), {"zstd-buffers"}),
    "no resolution": (
        telling(TABLE, lambda _, told: told.without("dataframe_resolution")),
        {"resolution-header"},
    ),
    "no column names": (
        telling(TABLE, lambda _, told: told.without("column_names")),
        {"column-names"},
    ),
    "wide positions": (cast(TABLE, "pt_position_x", pa.int64()), {"table-integers"}),
    "narrow ids": (cast(TABLE, "id", pa.int32()), {"table-integers"}),
    "doubles in tables": (cast(TABLE, "volume", pa.float64()), {"table-floats"}),
    "naive times": (cast(TABLE, "created", pa.timestamp("ns")), {"table-times"}),
    "floats in views": (
        cast("/views/synapse_counts/", "total_size", pa.float32()),
        {"view-floats"},
    ),
    "narrow ids in views": (
        cast(f"/views/{LOOKUP}/query", "id", pa.int32()),
        {"view-integers"},
    ),
    "aware times in views": (with_zone("UTC"), {"view-times"}),
    "NULL shown as NULL": (arrows(TABLE, ones_as_null), {"null-ids"}),
    "exclusion works": (arrows(TABLE, excluding), {"exclusion-ignored"}),
    "an empty list is no filter": (conditions("in", no_empty_lists), {"empty-list"}),
    "null is no filter": (conditions("equal", no_nulls), {"equal-null", "null-ids"}),
    "less means at most": (asking(less_or_equal), {"comparisons", "id-ranges"}),
    "greater means at least": (asking(greater_or_equal), {"comparisons"}),
    "any case": (conditions("regex", any_case), {"regex-case"}),
    "open boxes": (conditions("spatial", open_box), {"box-inclusive"}),
    "flat boxes": (conditions("spatial", thick_box), {"box-corners"}),
    "no supervoxels brought": (
        arrows(TABLE, only_what_was_selected),
        {"root-brings-supervoxel"},
    ),
    "other words": (
        telling("", reworded),
        {
            "unknown-table",
            "unknown-version",
            "unknown-column",
            "unknown-filter",
            "single-column",
            "box-corners",
            "regex-on-number",
            "list-for-in",
        },
    ),
    "any version will do": (
        path("987654321", "5"),
        {"unknown-version", "unknown-version-record"},
    ),
    "any table will do": (
        path("no_such_thing_anywhere", NUCLEI),
        {"unknown-table"},
    ),
    "any selected column will do": (
        asking(
            lambda query: {
                **query,
                "select_columns": [
                    "valid" if one == "no_such_thing_anywhere" else one
                    for one in query.get("select_columns") or ()
                ],
            }
        ),
        {"unknown-column"},
    ),
    "unknown columns ignored": (
        dropping("equal", "no_such_thing_anywhere"),
        {"unknown-filter-column"},
    ),
    "unknown filters ignored": (asking(known_kinds), {"unknown-filter"}),
    "a single column": (asking(two_columns), {"single-column"}),
    "regex on numbers": (dropping("regex", "id"), {"regex-on-number"}),
    "a value for a list": (conditions("in", lists_of_one), {"list-for-in"}),
    "counts ignored": (
        path("&count=True", ""),
        {"count-of-rows", "null-ids", "annotation-count", "box-inclusive"},
    ),
    "counts off by one": (
        arrows(rf"/table/{NUCLEI}/query.*count=True", one_more),
        {"count-of-rows", "null-ids"},
    ),
    "joins counted": (
        arrows("version/5/query.*count=True", counted_joins),
        {"join-not-counted"},
    ),
    "cut in silence": (
        telling("", lambda _, told: told.without("Warning")),
        {"limit-warning"},
    ),
    "stored counts too large": (
        telling(
            f"/table/{NUCLEI}/count", lambda _, told: told.with_json(told.json + 99)
        ),
        {"annotation-count"},
    ),
    "double arithmetic": (double_arithmetic(), {"exact-scaling"}),
    "rounded positions": (rounding(), {"exact-scaling"}),
    "other suffixes": (renamed("^created_ref$", "created_y"), {"join-columns"}),
    "a join shuffled": (arrows("version/5/query", shifted), {"join-rows"}),
    "the suffix after the axis": (
        renamed("^pt_position_ref_(.)$", r"pt_position_\1_ref"),
        {"join-columns", "join-positions"},
    ),
    "a root of nothing": (
        telling("/roots_binary", zeros_as_sevens),
        {"root-of-nothing"},
    ),
    "roots of another time": (
        path(r"(roots_binary\?timestamp=)[\d.]+", r"\g<1>1720000000"),
        {"roots-of-version"},
    ),
    "all ids are latest": (
        documents("/is_latest_roots", lambda _: {"is_latest": [True, True]}),
        {"latest-of-unknown"},
    ),
    "leaves of layer 1": (path("stop_layer=2", "stop_layer=1"), {"level-2"}),
}


@pytest.mark.parametrize("what", OTHERWISE)
def test_what_is_otherwise_is_noticed_and_nothing_else(start, examine, before, what):
    proxy, expected = OTHERWISE[what]

    found = examine(before(start(), proxy))

    differing = {
        name: one.verdict.found
        for name, one in found.items()
        if one.verdict.outcome is Outcome.DIFFERS
    }
    assert set(differing) == expected, differing
    assert Outcome.NO_ANSWER not in {one.verdict.outcome for one in found.values()}


def test_a_faithful_proxy_changes_nothing(start, examine, before):
    found = examine(before(start(), Proxy()))

    outcomes = {name: one.verdict.outcome for name, one in found.items()}
    assert Outcome.DIFFERS not in outcomes.values()


def test_a_low_cap_is_noticed(start, examine):
    found = examine(start(row_cap=150).url)

    assert found["row-cap"].verdict.outcome is Outcome.DIFFERS
    assert found["row-cap"].verdict.found == "the cap is 150 rows"


def test_every_probe_can_fail():
    noticed = set().union(*(expected for _, expected in OTHERWISE.values()))

    assert noticed | {"row-cap"} == {probe.name for probe in PROBES}


def test_naive_times_of_views_are_as_assumed(start, examine, before):
    found = examine(before(start(), with_zone(None)))

    assert found["view-times"].verdict.outcome is Outcome.AS_ASSUMED


def test_the_command_tells_what_differs_and_what_follows(start, before, command):
    proxy, _ = OTHERWISE["exclusion works"]
    url = before(start(), proxy)

    ran = command("selfcheck", "demo", "--server", url)

    assert ran.code == 4
    assert "exclusion-ignored\tdiffers\t2 of 3 rows" in ran.out
    assert "exclusion-ignored differs: 2 of 3 rows when one is excluded" in ran.err
    assert "documented differences is out of date" in ran.err


def test_what_the_server_does_not_answer_is_no_difference(start, before, command):
    refused = telling(
        "/segmentation/api/v1/", lambda _, told: told.with_json({"message": "no"}, 403)
    )
    url = before(start(), refused)

    ran = command("selfcheck", "demo", "--server", url)

    assert ran.code == 1
    assert "4 no answer" in ran.err
    assert "level-2\tno answer\t" in ran.out
