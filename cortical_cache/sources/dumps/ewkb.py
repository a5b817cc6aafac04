"""Decode points: EWKB as hexadecimal text (PostGIS dumps) or as bytes (Delta Lake).

Whole columns at a time: the rows of one length share their layout, so they are one
matrix of bytes, and a column of coordinates is a slice of it.
"""

import binascii
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cortical_cache.errors import SourceError

__all__ = ["points"]

Values: TypeAlias = "pa.Array[Any]"
_Bytes = npt.NDArray[np.uint8]

_compute: Any = pc  # its stubs know columns of tables only

_POINT = 1
_HAS_Z, _HAS_M, _HAS_SRID = 0x80000000, 0x40000000, 0x20000000
_ISO = 1000  # ISO: 1001 has Z, 2001 M, 3001 both
_HEADER = 5


def points(column: Values, where: str) -> list[Values]:
    """Return x, y and z of each point as float64, bit for bit; NULL where it is NULL.

    Parameters
    ----------
    column : pyarrow.Array of binary
        EWKB or ISO WKB, with or without SRID, as hexadecimal digits or raw.
    where : str
        For messages.

    Raises
    ------
    SourceError
        If a value is not a point.
    """
    rows = len(column)
    xyz = np.full((3, rows), np.nan)
    missing = np.ones((3, rows), dtype=bool)
    lengths: Values = _compute.binary_length(column)
    sizes = cast("list[int]", lengths.unique().drop_null().to_pylist())
    for size in sizes:
        is_all = len(sizes) == 1 and not column.null_count
        at = np.arange(rows) if is_all else _positions(lengths, size)
        chosen = column if is_all else _compute.take(column, at)
        raw = _matrix(chosen, size, where)
        _decode(raw, at, xyz, missing, where)
    return [pa.array(xyz[axis], mask=missing[axis]) for axis in range(3)]


def _positions(lengths: Values, size: int) -> npt.NDArray[np.int64]:
    of_any: Any = lengths
    return np.flatnonzero(of_any.fill_null(-1).to_numpy() == size)


def _matrix(column: Values, size: int, where: str) -> _Bytes:
    """Return values of one length as rows of bytes."""
    _, offsets, buffer = column.buffers()
    data = memoryview(b"" if buffer is None else buffer).cast("B")  # Arrow's are signed
    ends = np.frombuffer(memoryview(b"" if offsets is None else offsets), np.int32)
    start = int(ends[column.offset])
    data = data[start : start + size * len(column)]
    if size and data[0] in b"0123456789abcdefABCDEF":  # raw ones begin with 0 or 1
        if size % 2:
            raise SourceError(f"{where}: a geometry has {size} hexadecimal digits")
        try:
            data = memoryview(binascii.unhexlify(data))
        except binascii.Error as error:
            raise SourceError(f"{where}: a geometry is no hexadecimal") from error
        size //= 2
    return np.frombuffer(data, np.uint8).reshape(len(column), size)


def _decode(
    raw: _Bytes,
    at: npt.NDArray[np.int64],
    xyz: npt.NDArray[np.float64],
    missing: npt.NDArray[np.bool_],
    where: str,
) -> None:
    """Put rows that share a length in place, one layout after another."""
    if raw.shape[1] < _HEADER:
        raise SourceError(f"{where}: a geometry has {raw.shape[1]} bytes")
    heads = np.ascontiguousarray(raw[:, :_HEADER]).view(f"V{_HEADER}").ravel()
    layouts = [heads[0]] if (heads == heads[0]).all() else list(np.unique(heads))
    for head in layouts:
        if len(layouts) == 1:
            part, here = raw, at
        else:
            same = heads == head
            part = raw[same]
            here = at[same]
        for axis, values in enumerate(_coordinates(part, bytes(head), where)):
            xyz[axis, here] = values
            missing[axis, here] = np.isnan(values)  # an empty point has none


def _coordinates(part: _Bytes, head: bytes, where: str) -> npt.NDArray[np.float64]:
    order = {0: ">", 1: "<"}.get(head[0])
    if order is None:
        raise SourceError(f"{where}: a geometry begins with byte {head[0]}")
    kind = int(np.frombuffer(head[1:], f"{order}u4")[0])
    base = kind & 0x0FFFFFFF
    iso, number = divmod(base, _ISO)
    if number != _POINT or iso > 3:  # noqa: PLR2004  see `_ISO`
        raise SourceError(f"{where}: a geometry of type {number} is not a point")
    has_z = bool(kind & _HAS_Z) or iso in {1, 3}
    has_m = bool(kind & _HAS_M) or iso in {2, 3}
    start = _HEADER + (4 if kind & _HAS_SRID else 0)
    axes = 2 + has_z + has_m
    if part.shape[1] != start + 8 * axes:
        raise SourceError(f"{where}: a point has {part.shape[1]} bytes")
    body = np.ascontiguousarray(part[:, start:]).view(f"{order}f8")
    return body[:, : 2 + has_z].T.astype(np.float64)
