"""The recorded answers, as a world for the loopback CAVE, and how to ask for them.

The tables come from the recorded cases that return whole tables, so what those never
show is unknown here: invalid rows, coordinates within a voxel, doubles behind
Float32. Cases that depend on those are left out by name.
"""

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from caveclient import CAVEclient

from cortical_cache.demo import (
    ServerSettings,
    World,
    WorldSettings,
    build_world,
)
from cortical_cache.demo.rows import (
    Kind,
    Rows,
    Vector,
    empty,
    floating,
    moments,
    points,
    text,
    truth,
    whole,
)
from cortical_cache.demo.schemas import all_schemas
from cortical_cache.demo.world import (
    AlignedVolume,
    Datastack,
    FrozenTable,
    MergedTable,
    SplitTable,
    Table,
    Version,
    View,
)

SHARED = Path(
    os.environ.get("CORTICAL_CACHE_SHARED", Path(__file__).parents[3] / "shared")
)
GOLDEN = SHARED / "golden"
MANIFEST = GOLDEN / "manifest.json"
CASES = json.loads(MANIFEST.read_text("utf-8"))["cases"] if MANIFEST.exists() else []

UNKNOWABLE = {
    "sp_f32_fraction": "coordinates within a voxel were never recorded",
    "in_syn_root_v4": "synapses were recorded whole only for versions 2 and 5",
    "err_badtoken": "tested with the other refusals in test_services.py",
}
GROUPS = (
    "meta",
    "query_table",
    "errors",
    "join_query",
    "query_view",
    "managers",
    "synapse_query",
    "truncation",
)


def recorded_frame(name: str) -> pd.DataFrame:
    return pd.read_parquet(GOLDEN / f"{name}.parquet")


def _vector(kind: Kind, column: pd.Series) -> Vector:
    null = column.isna().to_numpy()
    if kind == "geometry":
        rows = [p if p is not None else [np.nan] * 3 for p in column]
        xyz = np.array(rows, dtype=np.float64).reshape(-1, 3)
        return points(np.nan_to_num(xyz), np.isnan(xyz).any(axis=1))
    if kind in ("bigint", "integer", "smallint"):
        return whole(column.fillna(0).to_numpy(np.int64), null, kind)
    if kind in ("double precision", "real", "numeric"):
        return floating(column.to_numpy(np.float64, na_value=0), null, kind)
    if kind == "boolean":
        return truth(column.fillna(value=False).to_numpy(np.bool_), null)
    if kind == "character varying":
        return text([None if n else str(v) for v, n in zip(column, null, strict=True)])
    naive = pd.to_datetime(column, utc=True).dt.tz_localize(None)
    return moments(naive.to_numpy().astype("datetime64[us]"), null)


def _rows(kinds: dict[str, Kind], frame: pd.DataFrame) -> Rows:
    columns: dict[str, Vector] = {}
    for name, kind in kinds.items():
        if name in frame:
            vector = _vector(kind, frame[name])
        else:
            vector = empty(kind, len(frame))
        if name.endswith(("_root_id", "_supervoxel_id")):
            ones = vector.data == 1
            vector = Vector(kind, vector.data, vector.null | ones)
        columns[name] = vector
    return Rows(columns)


def _recorded(table: str, version: int) -> pd.DataFrame | None:
    if table == "synapses_demo":
        frame = recorded_frame(f"query_table/all_synapses_v{5 if version > 2 else 2}")
        for point in ("pre_pt_position", "post_pt_position", "ctr_pt_position"):
            if f"{point}_x" in frame:
                parts = frame[[f"{point}_{axis}" for axis in "xyz"]]
                frame[point] = parts.to_numpy(np.float64, na_value=np.nan).tolist()
        return frame
    for name in (f"all_{table}_noref_v{version}", f"all_{table}_v{version}"):
        if (GOLDEN / "query_table" / f"{name}.parquet").exists():
            return recorded_frame(f"query_table/{name}")
    if table == "late_table" and version == 5:
        return recorded_frame("query_table/late_table_v5")
    return None


def _frozen(table: str, schema_name: str, version: int, *, merged: bool) -> FrozenTable:
    schema = all_schemas()[schema_name]
    frame = _recorded(table, version)
    if frame is None:
        frame = pd.DataFrame({"id": pd.array([], dtype="Int64")})
    if table == "nucleus_detection_v0" and version > 3:
        exact = recorded_frame(f"query_view/all_nucleus_cell_types_v{version}")
        volume = exact.drop_duplicates("id").set_index("id")["volume"]
        frame["volume"] = frame["id"].map(volume)
        shown = recorded_frame(f"query_table/greater_v{version}")
        not_a_number = frame["id"].isin(shown["id"][shown["volume"].isna()])
        exact_values = frame["volume"].to_numpy(np.float64, na_value=0)
        null = frame["volume"].isna().to_numpy() & ~not_a_number.to_numpy()
        exact_values[not_a_number.to_numpy()] = np.nan
        frame["volume"] = pd.arrays.FloatingArray(exact_values, null)
    count = len(frame)
    recorded = GOLDEN / "meta" / f"count_{table}_v{version}.json"
    if recorded.exists():
        count = json.loads(recorded.read_text("utf-8"))
    if merged:
        return MergedTable(count, _rows(schema.flat, frame))
    segmentation = None
    if schema.segmentation:
        segmentation = _rows({"id": "bigint", **schema.segmentation}, frame)
    return SplitTable(count, _rows(schema.annotation, frame), segmentation)


def _json(name: str) -> object:
    return json.loads((GOLDEN / "meta" / f"{name}.json").read_text("utf-8"))


def _bodies(name: str) -> object:
    """Return the raw reply of a recorded metadata request."""
    return json.loads((GOLDEN / "meta" / "raw" / f"{name}.0.bin").read_bytes())


def _time(value: str) -> datetime:
    return datetime.fromisoformat(value).replace(tzinfo=UTC)


def _table(record: dict[str, object]) -> Table:
    schema = all_schemas()[str(record["schema"])]
    name = str(record["table_name"])
    strings = _bodies_of_unique_strings(name)
    n = max((len(v) for v in strings.values()), default=0)
    frame = pd.DataFrame({"id": pd.array(range(n), dtype="Int64")})
    for column, values in strings.items():
        frame[column] = [*values, *([values[0]] * (n - len(values)))]
    segmented = "pcg_table_name" in record
    seg_kinds: dict[str, Kind] = {"id": "bigint", **schema.segmentation}
    return Table(
        name=name,
        schema=schema.name,
        description=str(record["description"]),
        voxel_resolution=tuple(record[f"voxel_resolution_{a}"] for a in "xyz"),
        created=_time(str(record["created"])),
        last_modified=_time(str(record["last_modified"])),
        annotation=_rows(schema.annotation, frame),
        segmentation=_rows(seg_kinds, frame) if segmented else None,
        last_updated=_time(str(record["last_updated"])) if segmented else None,
        reference_table=record["reference_table"],
        notice_text=record["notice_text"],
        user_id=str(record["user_id"]),
        read_permission=record["read_permission"],
        write_permission=record["write_permission"],
    )


def _bodies_of_unique_strings(table: str) -> dict[str, list[str | None]]:
    if table == "cell_type_ref":
        return _bodies("unique_strings_ct")
    return {}


KINDS: dict[str, Kind] = {
    "integer": "bigint",
    "float": "double precision",
    "number": "numeric",
    "string": "character varying",
    "boolean": "boolean",
    "SpatialPoint": "geometry",
}


def _view(name: str, record: dict[str, object]) -> View:
    schema = _json("view_schemas_v5")[name]
    columns = {
        column: "timestamp without time zone"
        if "format" in spec
        else KINDS[spec["type"]]
        for column, spec in schema.items()
    }
    return View(
        view_id=int(str(record["id"])),
        name=name,
        description=str(record["description"]),
        voxel_resolution=tuple(record[f"voxel_resolution_{a}"] for a in "xyz"),
        columns=columns,
        notice_text=record["notice_text"],
        live_compatible=bool(record["live_compatible"]),
    )


def _versions(tables: dict[int, dict[str, int]]) -> tuple[Version, ...]:
    records = _bodies("versions_metadata_expired")
    return tuple(
        Version(
            row_id=r["id"],
            number=r["version"],
            time_stamp=_time(r["time_stamp"]),
            expires_on=None if r["expires_on"] is None else _time(r["expires_on"]),
            is_merged=r["is_merged"],
            valid=r["valid"],
            status=r["status"],
            tables=tables.get(r["version"], {}),
        )
        for r in records
    )


def golden_world() -> World:
    listed: dict[int, dict[str, int]] = {}
    for version in (1, 2, 3, 4, 5, 6):
        names = _bodies(f"tables_v{version}")
        listed[version] = {n: i for i, n in enumerate(names)}
    records: dict[str, dict[str, object]] = {}
    for version in (4, 5):
        for record in _bodies(f"tables_metadata_v{version}"):
            records[record["table_name"]] = record
            listed[version][record["table_name"]] = record["id"]
    public_ids = {r["table_name"]: r["id"] for r in _bodies("tables_metadata_public")}
    views = {n: _view(n, r) for n, r in _bodies("views_v5").items()}
    versions = _versions(listed)
    four = next(v for v in versions if v.number == 4)
    public = Version(
        7,
        4,
        four.time_stamp,
        None,
        is_merged=True,
        valid=True,
        status="AVAILABLE",
        tables=public_ids,
        parent=4,
    )
    frozen = {
        ("demo", v.number): {
            t: _frozen(t, str(records[t]["schema"]), v.number, merged=v.is_merged)
            for t in v.tables
        }
        for v in versions
        if v.valid
    }
    view_rows = {
        ("demo", v): {
            name: _rows(
                dict(view.columns), recorded_frame(f"query_view/all_{name}_v{v}")
            )
            for name, view in views.items()
        }
        for v in (0, 4, 5)
    }
    view_rows["demo", 2] = view_rows["demo", 4]
    stacks = {
        name: Datastack(
            name,
            "",
            "demo_volume",
            "demo_pcg",
            "synapses_demo",
            "nucleus_detection_v0",
            (4.0, 4.0, 40.0),
            numbers,
            parent,
        )
        for name, numbers, parent in (
            ("demo", versions, None),
            ("demo_public", (public,), "demo"),
        )
    }
    volume = AlignedVolume(
        1, "demo_volume", "", "", "", {n: _table(r) for n, r in records.items()}, views
    )
    graphs = build_world(WorldSettings(cells=40, synapses=200)).segmentations
    return World(stacks, {"demo_volume": volume}, graphs, frozen, view_rows)


def settings(row_cap: int) -> ServerSettings:
    return ServerSettings(row_cap=row_cap, join_block_order="given")


def arguments(value: object) -> object:
    """Turn recorded arguments back into what was passed."""
    if isinstance(value, dict):
        if "__ndarray__" in value:
            parts = value["__ndarray__"]
            rows = [json.loads(p) if isinstance(p, str) else p for p in parts]
            return np.array(rows, dtype=value["dtype"])
        if "__datetime__" in value:
            return datetime.fromisoformat(value["__datetime__"])
        return {key: arguments(item) for key, item in value.items()}
    if isinstance(value, list):
        return [arguments(item) for item in value]
    if isinstance(value, str) and "dtype: int64" in value:
        return pd.Series([int(line.split()[1]) for line in value.splitlines()[:-1]])
    return value


def call(case: dict, client: CAVEclient) -> object:
    kwargs = arguments(case["kwargs"])
    materialize = client.materialize
    if case["group"] == "managers":
        kind, name = re.match(r"(\w+)\.(\w+)", case["method"]).groups()
        manager = getattr(getattr(materialize, kind), name)
        return manager(**arguments(case["filter"])).query(**kwargs)
    return getattr(materialize, case["method"])(*arguments(case["args"]), **kwargs)


def picked() -> list[dict]:
    picked = []
    for case in CASES:
        stem = re.sub(r"_v\d$", "", case["name"])
        if case["group"] in GROUPS and not {stem, case["name"]} & UNKNOWABLE.keys():
            picked.append(case)
    return picked


def assert_same_json(case: dict, answer: object) -> None:
    expected = json.loads((GOLDEN / case["file"]).read_text("utf-8"))
    answer = json.loads(json.dumps(answer, default=str))
    assert _sorted(answer) == _sorted(expected)


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        return {k: _sorted(v) for k, v in sorted(value.items())}
    if isinstance(value, list):
        return sorted((_sorted(v) for v in value), key=json.dumps)
    return value
