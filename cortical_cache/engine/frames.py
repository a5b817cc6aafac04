"""Stored Arrow columns as the DataFrame that caveclient would return."""

import json
from collections.abc import Sequence
from itertools import groupby
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from cortical_cache.engine.rescale import rescale
from cortical_cache.model.output import Output
from cortical_cache.model.shape import ColumnType, TableShape

__all__ = ["Records", "Resolution", "frame", "records", "without_autapses"]

Records = list[dict[str, object]]

Resolution = tuple[float, float, float]

# Quoted: Arrow's own classes take no parameters.
Values: TypeAlias = "pa.Array[pa.Scalar[pa.DataType]]"

_AXES = 3

# Arrow type of a column of each kind on the wire, tables and views apart.
_WIRE: dict[tuple[str, ColumnType], pa.DataType] = {
    ("table", ColumnType.BIGINT): pa.int64(),
    ("table", ColumnType.INTEGER): pa.int32(),
    ("table", ColumnType.DOUBLE): pa.float32(),
    ("table", ColumnType.BOOLEAN): pa.bool_(),
    ("table", ColumnType.VARCHAR): pa.string(),
    ("table", ColumnType.TIMESTAMP): pa.timestamp("ns", "UTC"),
    ("view", ColumnType.BIGINT): pa.int64(),
    ("view", ColumnType.INTEGER): pa.int64(),
    ("view", ColumnType.DOUBLE): pa.float64(),
    ("view", ColumnType.BOOLEAN): pa.bool_(),
    ("view", ColumnType.VARCHAR): pa.string(),
    ("view", ColumnType.TIMESTAMP): pa.timestamp("ns"),
}

_PANDAS: dict[pa.DataType, pd.api.extensions.ExtensionDtype] = {
    pa.int64(): pd.Int64Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.float32(): pd.Float32Dtype(),
    pa.float64(): pd.Float64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
    pa.string(): pd.StringDtype("python"),
}


def frame(
    rows: pa.Table,
    shown: Sequence[Output],
    shapes: dict[str, TableShape],
    resolution: Resolution,
    *,
    split_positions: bool,
) -> pd.DataFrame:
    """Return the rows with caveclient's columns, dtypes and positions.

    Parameters
    ----------
    rows : pyarrow.Table
        Stored columns, in the order of the split names of `shown`.
    shown : sequence of Output
    shapes : dict of str to TableShape
    resolution : tuple of float
        Nanometres per voxel of the answer's positions.
    split_positions : bool
        False: three columns ``*_x, *_y, *_z`` become one, at the end, of arrays of
        shape (3,) and dtype int64 (object where a coordinate is missing).

    Returns
    -------
    pandas.DataFrame
        With a RangeIndex. Nullable dtypes, also for positions that stay split.
    """
    names: list[str] = []
    arrays: list[Values] = []
    whole: set[str] = set()
    at = 0
    for one in shown:
        shape = shapes[one.table]
        for axis, name in enumerate(one.names):
            array = rows.column(at).combine_chunks()
            at += 1
            if one.column.type is ColumnType.POINT:
                ratio = shape.voxel_resolution[axis] / resolution[axis]
                is_native = shape.voxel_resolution == resolution
                array = _coordinates(array, 1.0 if is_native else ratio)
                whole.add(name)
            else:
                array = _on_the_wire(array, one, shape)
            names.append(name)
            arrays.append(array)
    groups = [] if split_positions else _positions(names)
    if not groups:
        return _pandas(names, arrays, rows.num_rows)
    joined = {name for _, parts in groups for name in parts}
    kept = [number for number, name in enumerate(names) if name not in joined]
    result = _pandas([names[n] for n in kept], [arrays[n] for n in kept], rows.num_rows)
    found = dict(zip(names, arrays, strict=True))
    for base, parts in groups:
        columns = [found[name] for name in parts]
        is_point = whole.issuperset(parts)
        result[base] = pd.Series(
            _points(columns) if is_point else _cells(parts, columns)
        )
    return result


def records(answer: pd.DataFrame) -> Records:
    """Return a frame's rows as caveclient does under ``return_df=False``."""
    if answer.columns.empty:  # pandas would say that there are no rows
        return [{} for _ in answer.index]
    return json.loads(answer.to_json(orient="records"))


def without_autapses(synapses: pd.DataFrame) -> pd.DataFrame:
    """Return the synapses between two different roots, as ``synapse_query`` does.

    Rows where either root is missing go, too. The index keeps its gaps.
    """
    differ = synapses["pre_pt_root_id"] != synapses["post_pt_root_id"]
    return synapses[differ.fillna(value=False)]


def _coordinates(array: Values, ratio: float) -> Values:
    if pa.types.is_floating(array.type):  # PostgreSQL, too, rounds half to even
        array = pc.round(array, round_mode="half_to_even").cast(pa.int64())
    if ratio != 1.0:
        missing = array.is_null().to_numpy(zero_copy_only=False)
        values = _filled(array, 0).cast(pa.int64()).to_numpy()
        array = pa.array(rescale(values, ratio), mask=missing)
    return array.cast(pa.int32())


def _on_the_wire(array: Values, one: Output, shape: TableShape) -> Values:
    if array.null_count and shape.coalesced(one.column.name):
        array = _filled(array, 1)
    if pa.types.is_floating(array.type) and pc.any(pc.is_nan(array)).as_py():
        array = pc.if_else(pc.is_nan(array), None, array)  # as pandas reads a database
    if shape.kind == "view" and not len(array):
        return pa.nulls(0)
    if shape.kind == "view" and array.null_count == len(array):
        return pa.nulls(len(array), pa.string())
    wire = _WIRE[shape.kind, one.column.type]
    if not len(array) and pa.types.is_string(wire):
        return pa.nulls(0)
    return array if array.type == wire else array.cast(wire, safe=False)


def _filled(array: Values, value: int) -> Values:
    return pc.if_else(array.is_null(), value, array)


def _pandas(
    names: list[str], arrays: list[Values], rows: int | None = None
) -> pd.DataFrame:
    if not names:
        return pd.DataFrame(index=pd.RangeIndex(rows or 0))
    return pa.table(arrays, names=names).to_pandas(types_mapper=_PANDAS.get)


def _positions(names: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Return what caveclient takes for a position: neighbours ending in x, y, z."""
    found: list[tuple[str, list[str]]] = []
    for base, group in groupby(names, key=lambda name: name[:-2]):
        parts = list(group)
        if "".join(part[-1:] for part in parts) == "xyz":
            found.append((base, parts))
    return found


def _points(columns: list[Values]) -> npt.NDArray[np.object_ | np.float64]:
    """Return one array of three coordinates per row."""
    rows = len(columns[0])
    if not rows:
        return np.empty(0, dtype=np.float64)
    values = np.empty((rows, _AXES), dtype=np.int64)
    missing = np.zeros((rows, _AXES), dtype=bool)
    for axis, column in enumerate(columns):
        values[:, axis] = _filled(column, 0).to_numpy()
        if column.null_count:
            missing[:, axis] = column.is_null().to_numpy(zero_copy_only=False)
    cells = np.fromiter(values, dtype=object, count=rows)
    partial = missing.any(axis=1)
    if partial.any():
        mixed = values[partial].astype(object)
        mixed[missing[partial]] = pd.NA
        cells[partial] = np.fromiter(mixed, dtype=object, count=len(mixed))
    return cells


def _cells(
    names: list[str], columns: list[Values]
) -> npt.NDArray[np.object_ | np.float64]:
    """Do as caveclient does for columns that only look like a position."""
    if not len(columns[0]):
        return np.empty(0, dtype=np.float64)
    rows = _pandas(names, columns).to_numpy().tolist()
    return np.fromiter(map(np.array, rows), dtype=object, count=len(rows))
