"""Rows by id, mapped into memory: what is read is what is asked for, whatever there is.

A segment says again what one Parquet file of facts says, as arrays: the ids in order,
to bisect, and the rows beside them, each in one piece, since who asks for an id asks
for all of its row. A third has a CRC-32 of every few rows: what is read is compared
first, as are the rows before and behind it, which show that nothing else is about an
id, wherever damage led the bisection. It is derived: it can be removed whenever nothing
runs, and is made anew when it is needed.
"""

import io
import logging
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.lib import format as npy
from uuid6 import uuid7

from cortical_cache.errors import CorruptStoreError
from cortical_cache.model.ids import MISSING
from cortical_cache.store.commit import DataFile
from cortical_cache.store.disk import TEMPORARY, Disk
from cortical_cache.store.layout import locks_folder, segment_file
from cortical_cache.store.locks import fetch_lock
from cortical_cache.store.sums import Sums

__all__ = ["MAPPED_ROWS", "Segment", "differs", "load"]

log = logging.getLogger(__name__)

MAPPED_ROWS = 32_768
"""Files of fewer rows are read as they are: a second file would cost more than it."""

_ROWS_AT_ONCE = 65_536
_ROWS_PER_SUM = 64  # a lookup of scattered ids compares that many rows for each
_KINDS = {pa.int64(): "<i8", pa.float64(): "<f8"}
_FILLERS = {
    pa.int64(): pa.scalar(MISSING, pa.int64()),
    pa.float64(): pa.scalar(np.nan, pa.float64()),
}

Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[np.void]


class _Proof:
    """Which rows of a mapped segment are as they were written, as far as was asked."""

    def __init__(self, path: Path, sums: "npt.NDArray[np.uint32]") -> None:
        self._path = path
        self._sums = sums
        self._right = np.zeros(len(sums), np.bool_)

    def has(self, sums: Sums) -> bool:
        """Tell whether it compares with these."""
        return np.array_equal(self._sums, np.asarray(sums.parts, np.uint32))

    def check(self, ids: Ints, rows: Rows, first: Ints, last: Ints) -> None:
        """Compare rows from `first` to `last`, each pair inclusive, with their sums."""
        start, end = first // _ROWS_PER_SUM, last // _ROWS_PER_SUM
        blocks = np.repeat(start, end - start + 1)
        blocks += _counted(end - start + 1)
        for block in np.unique(blocks[~self._right[blocks]]).tolist():
            part = slice(block * _ROWS_PER_SUM, (block + 1) * _ROWS_PER_SUM)
            there = rows[part]
            same = zlib.crc32(there.tobytes()) == self._sums[block]
            if not same or (ids[part] != there[_key(rows)]).any():
                raise CorruptStoreError(
                    f"{self._path} is damaged: the checksum of rows does not match"
                )
            self._right[block] = True


@dataclass(frozen=True, slots=True)
class Segment:
    """Rows sorted by id.

    Attributes
    ----------
    ids : numpy.ndarray of int64, shape (n,)
    rows : numpy.ndarray, shape (n,)
        With a field of int64 or float64 for each column; `MISSING` or NaN for NULL.
    """

    ids: Ints
    rows: Rows
    _proof: _Proof | None = field(default=None, repr=False, compare=False)

    def has(self, sums: Sums) -> bool:
        """Tell whether rows are compared with these sums, if with any."""
        return self._proof is None or self._proof.has(sums)

    def find(self, keys: Ints) -> tuple[Ints, Rows]:
        """Return all rows about some ids, and which id each is about.

        Returns
        -------
        asked : numpy.ndarray of int64, shape (m,)
            Positions in `keys`.
        rows : numpy.ndarray, shape (m,)

        Raises
        ------
        CorruptStoreError
            If they are mapped, and not what was written.
        """
        first = np.searchsorted(self.ids, keys, "left")
        end = np.searchsorted(self.ids, keys, "right")
        if self._proof is not None:
            # With the neighbours: between them nothing else can be about the id.
            low = np.maximum(first - 1, 0)
            high = np.minimum(np.maximum(first, end), len(self.ids) - 1)
            self._proof.check(self.ids, self.rows, low, high)
        count = np.maximum(end - first, 0)
        asked = np.repeat(np.arange(len(keys)), count)
        return asked, self.rows[first[asked] + _counted(count)]


def _counted(counts: Ints) -> Ints:
    """Return 0, 1, ... up to each count, one after the other."""
    starts: Ints = np.cumsum(counts) - counts
    return np.arange(counts.sum(), dtype=np.int64) - np.repeat(starts, counts)


def load(disk: Disk | None, folder: Path, file: DataFile) -> Segment:
    """Return the rows of a file, mapped if they are many.

    Parameters
    ----------
    disk : Disk or None
        None: nothing may be written there.
    folder : Path
        Of the row set.
    file : DataFile
        Of integers and floats, sorted by its first column.

    Raises
    ------
    FileNotFoundError
        If the file is gone.
    """
    source = folder / file.name
    if file.rows < MAPPED_ROWS:
        return _read(source)
    path = segment_file(folder, file.name)
    if disk is None:
        return _mapped(path, file.rows) or _read(source)
    with fetch_lock(locks_folder(folder), f"segment {file.name}", timeout=60):
        try:
            held = _mapped(path, file.rows)
            if held is None:
                _make(disk, source, path, file.rows)
                held = _mapped(path, file.rows)
        except FileNotFoundError:
            raise
        except OSError as error:  # read-only or full: it goes without
            log.warning("cannot map %s (%s): reading all of it", path, error)
            held = None
    return held or _read(source)


def differs(folder: Path, file: DataFile) -> bool:
    """Tell whether the segment of a file says something else than the file does."""
    held = _mapped(segment_file(folder, file.name), file.rows)
    if held is None:  # it is cut or alien, and will be made anew
        return False
    start = 0
    sums: Sums | None = None
    for rows in _batches(folder / file.name):
        sums = sums or Sums(_ROWS_PER_SUM * rows.dtype.itemsize)
        sums.add(rows.tobytes())
        there = held.rows[start : start + len(rows)]
        ids = held.ids[start : start + len(rows)]
        same = rows.dtype == there.dtype and rows.tobytes() == there.tobytes()
        if not same or (ids != rows[_key(rows)]).any():
            return True
        start += len(rows)
    return sums is None or not held.has(sums)


def _key(rows: Rows) -> str:
    names = rows.dtype.names
    assert names  # noqa: S101  every row has a key
    return names[0]


def _read(source: Path) -> Segment:
    rows = np.concatenate([*_batches(source)])
    return Segment(np.ascontiguousarray(rows[_key(rows)]), rows)


def _mapped(path: Path, count: int) -> Segment | None:
    """Map a segment; None if it is not there, or not whole."""
    try:
        with path.open("rb") as file:
            ids, rows = (_array(path, file, count) for _ in range(2))
            sums = _array(path, file, -(-count // _ROWS_PER_SUM))
            if file.read(1):
                return None
    except (FileNotFoundError, ValueError):
        return None
    return Segment(ids, rows, _Proof(path, sums))


def _array(path: Path, file: BinaryIO, count: int) -> npt.NDArray[Any]:
    """Map the next array of a file, and go on behind it.

    Raises
    ------
    ValueError
        If there is none, or not all of it.
    """
    npy.read_magic(file)
    shape, _, kind = npy.read_array_header_1_0(file)
    if shape != (count,):
        raise ValueError(f"{path} has {shape} items, not {count}")
    start = file.tell()
    found = np.memmap(path, kind, "r", start, shape)  # ValueError beyond the end
    file.seek(start + found.nbytes)
    return np.asarray(found)


def _make(disk: Disk, source: Path, path: Path, count: int) -> None:
    """Write the segment of a file, whole or not at all, a part at a time."""
    disk.make_folder(path.parent)
    temporary = path.parent / f".{path.name}.{uuid7()}{TEMPORARY}"
    sums: Sums | None = None
    try:
        with disk.create(temporary) as file:
            for is_key in (True, False):
                first = True
                for rows in _batches(source, key_only=is_key):
                    part = np.ascontiguousarray(rows[_key(rows)]) if is_key else rows
                    if first:
                        disk.write(file, _header(part.dtype, count))
                        first = False
                    data = part.tobytes()
                    disk.write(file, data)
                    if not is_key:
                        sums = sums or Sums(_ROWS_PER_SUM * part.dtype.itemsize)
                        sums.add(data)
            found = np.asarray(sums.parts if sums else (), np.uint32)
            disk.write(file, _header(found.dtype, len(found)) + found.tobytes())
            disk.sync(file)
        disk.rename(temporary, path)
    finally:
        disk.remove(temporary)
    disk.sync_folder(path.parent)


def _header(kind: "np.dtype[Any]", count: int) -> bytes:
    """Return what numpy writes ahead of an array."""
    text = io.BytesIO()
    described = {
        "descr": npy.dtype_to_descr(kind),
        "fortran_order": False,
        "shape": (count,),
    }
    npy.write_array_header_1_0(text, described)
    return text.getvalue()


def _batches(source: Path, *, key_only: bool = False) -> Iterator[Rows]:
    """Yield the rows of a file of facts, at least one batch."""
    with pq.ParquetFile(source) as file:
        schema = file.schema_arrow
        names = schema.names[:1] if key_only else schema.names
        kind = np.dtype([(one, _KINDS[schema.field(one).type]) for one in names])
        yield np.empty(0, kind)
        for batch in file.iter_batches(_ROWS_AT_ONCE, columns=names):
            columns: Any = batch
            rows = np.empty(batch.num_rows, kind)
            for name in names:
                column = columns.column(name)
                rows[name] = np.asarray(column.fill_null(_FILLERS[column.type]))
            yield rows
