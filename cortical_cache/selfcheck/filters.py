"""What filters and column selections mean to the server."""

import re

from cortical_cache.selfcheck.probe import Probe, Verdict, judged, probe
from cortical_cache.selfcheck.server import Server, UntestableError

__all__ = ["PROBES"]

_ROWS_TRIED = 6
_NEAR = 0.01
_LETTERS = re.compile("(?<=[A-Za-z])[A-Za-z]{2}")


@probe(
    "null-ids",
    assumes="NULL ids: a split version shows NULL root ids as 1 but filters them as "
    "NULL; a merged one shows NULL",
    otherwise="NULL root ids in the store would be wrong: look at "
    "`TableShape.coalesced` and `canonical`",
)
def _null_ids(server: Server) -> Verdict:
    name, column = server.root_column()
    missing = {"equal": {column: None}}
    shown_as_one = server.count(name, {"in": {column: [1]}})
    if server.count(name, missing) == 0 and shown_as_one == 0:
        raise UntestableError(f"{name} has no row without a {column}")
    shown = set(server.ask(name, missing, limit=50).column(column))
    is_split = "created" in server.sample(name).table.column_names
    holds = shown == ({1} if is_split else {None}) and shown_as_one == 0
    layout = "split" if is_split else "merged"
    return judged(
        holds, f"{layout}: NULL shown as {shown}, {shown_as_one} rows equal 1"
    )


@probe(
    "exclusion-ignored",
    assumes="filters: the exclusion filter (`filter_out_dict`) has no effect",
    otherwise="the line on it in the documented differences is out of date; answers "
    "here exclude either way",
)
def _exclusion_ignored(server: Server) -> Verdict:
    name = server.main
    ids = sorted(server.sample(name).ints("id"))[:3]
    # caveclient's name on the wire for it
    exclusion = {name: {"id": ids[:1]}}
    rows = server.ask(name, {"in": {"id": ids}}, filter_notin_dict=exclusion)
    return judged(
        sorted(rows.ints("id")) == ids,
        f"{rows.table.num_rows} of {len(ids)} rows when one is excluded",
    )


@probe(
    "empty-list",
    assumes="filters: an empty list matches no row",
    otherwise="an empty set of keys would be answered wrongly with no rows: look at "
    "the engine's `in` conditions",
)
def _empty_list(server: Server) -> Verdict:
    rows = server.ask(server.main, {"in": {"id": []}}, limit=1).table.num_rows
    return judged(rows == 0, f"{rows} rows")


@probe(
    "equal-null",
    assumes="filters: equality with null matches the rows without a value",
    otherwise="filters with None would be answered wrongly: look at `conditions`",
)
def _equal_null(server: Server) -> Verdict:
    name = server.main
    rows = server.ask(name, {"equal": {"id": None}}, limit=1).table.num_rows
    return judged(rows == 0, f"{rows} rows without an id")


@probe(
    "comparisons",
    assumes="filters: greater and less exclude their bound, greater_equal and "
    "less_equal include it",
    otherwise="comparisons answered locally and the ranges of paging would be wrong",
)
def _comparisons(server: Server) -> Verdict:
    name = server.main
    one, two = sorted(server.sample(name).ints("id"))[:2]
    among: dict[str, object] = {"id": [one, two]}
    found = {
        kind: sorted(server.ask(name, {"in": among, kind: {"id": bound}}).ints("id"))
        for kind, bound in (
            ("greater", one),
            ("greater_equal", one),
            ("less", two),
            ("less_equal", two),
        )
    }
    expected = {
        "greater": [two],
        "greater_equal": [one, two],
        "less": [one],
        "less_equal": [one, two],
    }
    return judged(found == expected, f"of the ids {one} and {two}: {found}")


@probe(
    "regex-case",
    assumes="filters: a regular expression is case-sensitive and matches anywhere",
    otherwise="regular expressions answered locally would be wrong: look at the "
    "translation to RE2",
)
def _regex_case(server: Server) -> Verdict:
    name, column = server.column_of(("string", "large_string"))
    sample = server.sample(name)
    texts = [str(one) for one in set(sample.column(column)) if one]
    words = [(one, found[0]) for one in texts if (found := _LETTERS.search(one))]
    plain = [(one, inner) for one, inner in words if inner.swapcase() not in one]
    if not plain:
        raise UntestableError(f"{name}.{column} has no letters to look for")
    text, inner = plain[0]
    within: dict[str, object] = {column: [text]}
    same = server.ask(name, {"in": within, "regex": {column: inner}}, limit=1)
    swapped = server.ask(
        name, {"in": within, "regex": {column: inner.swapcase()}}, limit=1
    )
    matches = same.table.num_rows == 1, swapped.table.num_rows == 1
    found = f"{text!r} matches {inner!r}, {inner.swapcase()!r}: {matches}"
    return judged(matches == (True, False), found)


@probe(
    "box-inclusive",
    assumes="boxes: both corners belong to the box",
    otherwise="boxes answered locally would gain rows: look at the engine's boxes",
)
def _box_inclusive(server: Server) -> Verdict:
    name, point = _located(server)
    sample = server.sample(name)
    axes = [sample.column(f"{point}_{axis}") for axis in "xyz"]
    rows = [
        (row, x, y, z)
        for row, x, y, z in zip(sample.ints("id"), *axes, strict=True)
        if isinstance(x, int) and isinstance(y, int) and isinstance(z, int)
    ][:_ROWS_TRIED]
    for row, x, y, z in rows:

        def inside(low: float, high: float) -> bool:
            box = [[low, y - 1, z - 1], [high, y + 1, z + 1]]  # noqa: B023  asked at once
            filters = {"in": {"id": [row]}, "spatial": {point: box}}  # noqa: B023  asked at once
            return server.count(name, filters) == 1

        # Only a point stored on a whole voxel can lie on a corner.
        if inside(x - _NEAR, x + _NEAR):
            lower, upper = inside(x, x + 1), inside(x - 1, x)
            found = f"lower bound: {lower}, upper bound: {upper} ({name} {row})"
            return judged(lower and upper, found)
    raise UntestableError(f"{len(rows)} rows of {name} looked at lie between voxels")


@probe(
    "root-brings-supervoxel",
    assumes="selection: selecting a root id alone brings its supervoxel id, before it",
    otherwise="frames with selected columns would differ from the server's: look at "
    "the output columns",
)
def _root_brings_supervoxel(server: Server) -> Verdict:
    name, column = server.root_column()
    sent = server.ask(name, select_columns=[column], limit=1).table.column_names
    supervoxel = column.replace("_root_id", "_supervoxel_id")
    return judged(sent == [supervoxel, column], f"{column} brings {sent}")


def _located(server: Server) -> tuple[str, str]:
    name = server.table_where(lambda one: bool(server.point(one)), "a position")
    return name, server.point(name)


PROBES: tuple[Probe, ...] = (
    _null_ids,
    _exclusion_ignored,
    _empty_list,
    _equal_null,
    _comparisons,
    _regex_case,
    _box_inclusive,
    _root_brings_supervoxel,
)
