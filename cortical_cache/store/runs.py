"""Sort more rows than memory holds: sorted runs on disk, merged range by range.

A run is an Arrow file of small batches in order. The first keys of all batches of all
runs are a sample of the rows, good enough to cut them into ranges of even size; each
range is read from every run, front to back, each batch once, and sorted by itself.
"""

from bisect import bisect_left
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import ipc
from uuid6 import uuid7

from cortical_cache.store.disk import TEMPORARY, Disk, told

__all__ = ["Runs", "in_order"]

_ROWS_PER_BATCH = 8_192
_ROWS_PER_RANGE = 1_000_000

Key: TypeAlias = tuple[int, int]
Keys: TypeAlias = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]

_LAST = np.iinfo(np.int64).max  # NULL comes last


class Runs:
    """Rows in one order.

    Parameters
    ----------
    folder : Path
        Exists; for files that `close` removes, or a sweep.
    order : sequence of str
        One or two integer columns, ascending, NULL last; none: as they come.
    """

    def __init__(self, folder: Path, order: Sequence[str]) -> None:
        self._folder = folder
        self._order = tuple(order)
        self._files: list[Path] = []
        self._starts: list[list[Key]] = []

    def add(self, table: pa.Table) -> None:
        """Sort some rows, as many as memory is to hold, and keep them on disk.

        Raises
        ------
        StoreError
            If the disk is full or fails.
        """
        rows = in_order(table, self._order)
        path = self._folder / f".run-{uuid7()}{TEMPORARY}"
        self._files.append(path)
        starts: list[Key] = []
        options = ipc.IpcWriteOptions(compression="lz4")
        with (
            told(path),
            Disk().create(path) as sink,
            ipc.new_file(
                pa.PythonFile(sink, mode="w"), rows.schema, options=options
            ) as file,
        ):
            for batch in rows.to_batches(_ROWS_PER_BATCH):
                starts.append(_first(batch, self._order))
                file.write_batch(batch)
        self._starts.append(starts)

    def tables(self) -> Generator[pa.Table]:
        """Yield all rows in order, about a million at a time."""
        cursors = [_Cursor(path, self._order) for path in self._files]
        if not self._order:
            for cursor in cursors:
                yield from map(_table, ([one] for one in cursor.until(None)))
            return
        for bound in [*self._bounds(), None]:
            parts = [list(cursor.until(bound)) for cursor in cursors]
            found = [batch for part in parts for batch in part]
            if found:
                rows = _table(found)
                yield in_order(rows, self._order) if sum(map(bool, parts)) > 1 else rows

    def close(self) -> None:
        """Remove the files."""
        for path in self._files:
            with suppress(OSError):  # what stays is swept in a day
                path.unlink(missing_ok=True)

    def _bounds(self) -> Iterator[Key]:
        sample = sorted(start for starts in self._starts for start in starts)
        step = max(1, _ROWS_PER_RANGE // _ROWS_PER_BATCH)
        yield from dict.fromkeys(sample[step::step])


class _Cursor:
    """Reads one run from front to back."""

    def __init__(self, path: Path, order: tuple[str, ...]) -> None:
        self._order = order
        # Not memory-mapped: pages of a mapped file count as this process's memory.
        self._reader = ipc.open_file(pa.OSFile(str(path), "rb"))
        self._at = 0
        self._rest: pa.RecordBatch | None = None

    def until(self, bound: Key | None) -> Iterator[pa.RecordBatch]:
        """Yield the rows before a key that were not yielded yet."""
        while True:
            if self._rest is None:
                if self._at == self._reader.num_record_batches:
                    return
                self._rest = self._reader.get_batch(self._at)
                self._at += 1
            batch = self._rest
            rows = batch.num_rows
            end = rows if bound is None else _before(batch, self._order, bound)
            if end:
                yield batch.slice(0, end)
            if end < rows:
                self._rest = batch.slice(end)
                return
            self._rest = None


def in_order(table: pa.Table, order: Sequence[str]) -> pa.Table:
    """Return the rows sorted by one or two integer columns, NULL last, stable."""
    if not order or not table.num_rows:
        return table
    first, second = _keys(table, order)
    if _is_sorted(first, second):
        return table
    ranks: Any = pa.array(_ranks(first, second))
    return table.combine_chunks().take(ranks)


def _ranks(
    first: npt.NDArray[np.int64], second: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Sort by two keys: by the second where it needs it, then, stable, by the first."""
    if second is first:
        return np.argsort(first, kind="stable")
    if bool((second[1:] >= second[:-1]).all()):
        return np.argsort(first, kind="stable")
    return np.lexsort((second, first))


def _is_sorted(first: npt.NDArray[np.int64], second: npt.NDArray[np.int64]) -> bool:
    before, after = first[:-1], first[1:]
    rises = (before < after) | ((before == after) & (second[:-1] <= second[1:]))
    return bool(rises.all())


def _first(batch: pa.RecordBatch, order: tuple[str, ...]) -> Key:
    if not order:
        return (0, 0)
    first, second = _keys(batch.slice(0, 1), order)
    return (int(first[0]), int(second[0]))


def _before(batch: pa.RecordBatch, order: tuple[str, ...], bound: Key) -> int:
    """Return how many rows of a sorted batch come before a key."""
    first, second = _keys(batch, order)
    low = int(np.searchsorted(first, bound[0], "left"))
    high = int(np.searchsorted(first, bound[0], "right"))
    return low + bisect_left(cast("Sequence[int]", second[low:high]), bound[1])


def _keys(rows: pa.Table | pa.RecordBatch, order: Sequence[str]) -> Keys:
    first = _numbers(rows.column(order[0]))
    return first, (_numbers(rows.column(order[-1])) if len(order) > 1 else first)


def _numbers(column: Any) -> npt.NDArray[np.int64]:  # noqa: ANN401  array or chunks
    values = column.fill_null(_LAST) if column.null_count else column
    return np.asarray(values, np.int64)


def _table(batches: list[pa.RecordBatch]) -> pa.Table:
    return pa.Table.from_batches(batches)
