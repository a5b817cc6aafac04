"""The recorded answers of a real CAVE server, and rows on disk made of them."""

import ast
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cortical_cache.model.coverage import Piece
from cortical_cache.model.held import HeldRows
from cortical_cache.model.shape import AXES, Column, ColumnType, TableShape

SHARED = Path(
    os.environ.get("CORTICAL_CACHE_SHARED", Path(__file__).parents[3] / "shared")
)
MANIFEST = SHARED / "golden" / "manifest.json"

TYPES = {
    "Int64": ColumnType.BIGINT,
    "Int32": ColumnType.INTEGER,
    "Float32": ColumnType.DOUBLE,
    "Float64": ColumnType.DOUBLE,
    "boolean": ColumnType.BOOLEAN,
    "string": ColumnType.VARCHAR,
    "datetime64[ns, UTC]": ColumnType.TIMESTAMP,
    "datetime64[ns]": ColumnType.TIMESTAMP,
}


@dataclass(frozen=True)
class Case:
    """One recorded call."""

    record: dict

    @property
    def id(self) -> str:
        return f"{self.record['group']}/{self.record['name']}"

    @property
    def version(self) -> int | None:
        return self._in_url(r"/version/(\d+)", int)

    @property
    def datastack(self) -> str | None:
        return self._in_url(r"/datastack/(\w+)", str)

    @property
    def body(self) -> dict:
        for exchange in self.record.get("http", ()):
            if exchange["method"] == "POST" and exchange["request_body"]:
                return json.loads(exchange["request_body"])
        return {}

    @property
    def url(self) -> str:
        posts = [e["url"] for e in self.record.get("http", ()) if e["method"] == "POST"]
        return posts[0] if posts else ""

    def frame(self) -> pd.DataFrame:
        return pq.read_table(MANIFEST.parent / self.record["file"]).to_pandas(
            types_mapper={
                pa.int64(): pd.Int64Dtype(),
                pa.int32(): pd.Int32Dtype(),
                pa.float32(): pd.Float32Dtype(),
                pa.float64(): pd.Float64Dtype(),
                pa.bool_(): pd.BooleanDtype(),
                pa.string(): pd.StringDtype("python"),
            }.get
        )

    def text(self) -> str:
        return (MANIFEST.parent / self.record["file"]).read_text()

    def arrow(self) -> pa.Table:
        return pq.read_table(MANIFEST.parent / self.record["file"])

    def _in_url(self, pattern: str, kind: type) -> "int | str | None":
        exchanges = self.record.get("http", ())
        # Of a join, metadata is fetched for another version than the one queried.
        for exchange in sorted(exchanges, key=lambda one: one["method"] != "POST"):
            if found := re.search(pattern, exchange["url"]):
                return kind(found[1])
        version = self.record["kwargs"].get("materialization_version")
        return version if kind is int else "demo"


def cases() -> list[Case]:
    if not MANIFEST.exists():
        return []
    return [Case(record) for record in json.loads(MANIFEST.read_text())["cases"]]


World = dict[tuple[int | None, str], HeldRows]


def fill(folder: Path) -> World:
    """Write canonical rows of every table and view that a case shows whole."""
    every = cases()
    merged = {
        case.version: json.loads(case.text())["is_merged"]
        for case in every
        if case.record["method"] == "get_version_metadata"
        and case.record["result"] == "json"
    }
    held: World = {}
    for case in every:
        if not is_whole(case):
            continue
        shape = shape_of(case, is_merged=merged.get(case.version, False))
        path = folder / f"{case.id.replace('/', '_')}.parquet"
        pq.write_table(canonical(case.arrow(), shape), path)
        held[case.version, shape.name] = HeldRows(shape, (Piece((str(path),)),))
    return held


def is_whole(case: Case) -> bool:
    """Tell whether a case shows a whole table or view, by itself."""
    record = case.record
    rest = set(record["kwargs"]) - {
        "materialization_version",
        "merge_reference",
        "split_positions",
    }
    return (
        record["method"] in ("query_table", "query_view")
        and record["result"] == "dataframe"
        and record["group"] in ("query_table", "query_view")
        and not rest
        and not record["attrs"]["join_query"]
    )


def shape_of(case: Case, *, is_merged: bool) -> TableShape:
    record, attrs = case.record, case.record["attrs"]
    ((name, columns),) = ast.literal_eval(attrs["column_names"]).items()
    resolution = attrs.get("table_voxel_resolution") or [
        attrs[f"table_voxel_resolution_{axis}"] for axis in AXES
    ]
    return TableShape(
        name,
        "view" if record["method"] == "query_view" else "table",
        tuple(
            Column(column, type_of(column, record["dtypes"]))
            for column in columns
            if column != "deleted"
        ),
        is_merged,
        tuple(resolution),
        attrs.get("table_reference_table") or None,
    )


def type_of(column: str, dtypes: dict[str, str]) -> ColumnType:
    if f"{column}_x" in dtypes or dtypes[column] == "object":
        return ColumnType.POINT
    return TYPES[dtypes[column]]


def canonical(answer: pa.Table, shape: TableShape) -> pa.Table:
    """Undo what the server and caveclient do to the stored rows."""
    columns = {}
    for column in shape.columns:
        if column.type is not ColumnType.POINT:
            values = answer[column.name].combine_chunks()
            if shape.coalesced(column.name):
                values = pa.array(
                    [None if one == 1 else one for one in values.to_pylist()],
                    values.type,
                )
            if column.type is ColumnType.TIMESTAMP:
                unit = pa.timestamp("us", "UTC" if shape.kind == "table" else None)
                values = values.cast(unit)
            columns[column.name] = values
            continue
        for axis, name in enumerate(column.stored):
            if column.name in answer.column_names:
                points = answer[column.name].to_pylist()
                values = [whole(point[axis]) for point in points]
                columns[name] = pa.array(values, pa.int32())
            else:
                columns[name] = answer[name].combine_chunks()
    return pa.table(columns)


def whole(value: float | None) -> int | None:
    return None if value is None or value != value else int(value)
