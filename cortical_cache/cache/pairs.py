"""Join the two halves of a split version's dump: annotation and segmentation.

Both come in any order and need not fit into memory, so each is sorted by id on disk
and the two are merged. Every annotation stays; one without a segmentation has NULL.
"""

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cortical_cache.errors import SourceError
from cortical_cache.model.shape import Column
from cortical_cache.sources.dumps.columns import stored_schema
from cortical_cache.sources.dumps.reader import Dump
from cortical_cache.store.runs import Runs

__all__ = ["PairDump"]

_ROWS_PER_RUN = 1_000_000
_KEY = "id"


class PairDump:
    """Two dumps that read as one.

    Parameters
    ----------
    left, right : Dump
        Annotation and segmentation; both have a column ``id``.
    folder : Path
        For sorting; exists.
    where : str
        For messages.

    Raises
    ------
    SourceError
        If they share other columns than ``id``, or lack it.
    """

    def __init__(self, left: Dump, right: Dump, folder: Path, where: str) -> None:
        self._left = left
        self._right = right
        self._folder = folder
        self._where = where
        ours = [column.name for column in left.columns]
        theirs = [column.name for column in right.columns]
        if _KEY not in ours or set(ours) & set(theirs) != {_KEY}:
            raise SourceError(
                f"{where}: the halves {ours} and {theirs} cannot be joined by id"
            )
        self.columns: tuple[Column, ...] = (
            *left.columns,
            *(column for column in right.columns if column.name != _KEY),
        )

    def batches(self) -> Generator[pa.RecordBatch]:
        """Yield every annotation, by id, with its segmentation.

        Raises
        ------
        SourceError
            If the segmentation has an id twice.
        """
        lefts, rights = Runs(self._folder, (_KEY,)), Runs(self._folder, (_KEY,))
        try:
            _fill(lefts, self._left)
            _fill(rights, self._right)
            ahead = _Ahead(rights.tables(), stored_schema(self._right.columns))
            for table in lefts.tables():
                yield from self._joined(table, ahead).to_batches()
        finally:
            lefts.close()
            rights.close()

    def check(self) -> dict[str, str]:
        """Prove both halves; the segmentation's proof has names of its own."""
        proof = self._left.check()
        other = self._right.check()
        return {**proof, **{f"segmentation_{name}": v for name, v in other.items()}}

    def close(self) -> None:
        """Close both."""
        self._left.close()
        self._right.close()

    def _joined(self, left: pa.Table, ahead: "_Ahead") -> pa.Table:
        ids = _ids(left)
        right = ahead.up_to(int(ids[-1]))
        keys = _ids(right)
        twice = keys[1:][keys[1:] == keys[:-1]]
        if twice.size:
            raise SourceError(
                f"{self._where}: the segmentation has id {twice[0]} twice"
            )
        return _matched(left, ids, right, keys)


def _matched(
    left: pa.Table,
    ids: npt.NDArray[np.int64],
    right: pa.Table,
    keys: npt.NDArray[np.int64],
) -> pa.Table:
    at = np.searchsorted(keys, ids)
    is_there = at < len(keys)
    is_there[is_there] = keys[at[is_there]] == ids[is_there]
    indices: Any = pa.array(at, mask=~is_there)
    found = right.drop_columns([_KEY]).take(indices)
    arrays: list[Any] = [*left.columns, *found.columns]
    names = [*left.column_names, *found.column_names]
    return pa.Table.from_arrays(arrays, names=names).combine_chunks()


class _Ahead:
    """Sorted tables, read as far as they are needed."""

    def __init__(self, tables: Iterator[pa.Table], schema: pa.Schema) -> None:
        self._tables = tables
        self._rest = schema.empty_table()
        self._is_over = False

    def up_to(self, last: int) -> pa.Table:
        """Return the rows not returned yet with an id of at most `last`."""
        parts = [self._rest]
        while not self._is_over and not _reaches(parts[-1], last):
            table = next(self._tables, None)
            if table is None:
                self._is_over = True
            else:
                parts.append(table)
        rows = pa.concat_tables(parts)
        end = int(np.searchsorted(_ids(rows), last, "right"))
        self._rest = rows.slice(end)
        return rows.slice(0, end)


def _reaches(table: pa.Table, last: int) -> bool:
    return table.num_rows > 0 and int(table.column(_KEY)[-1].as_py()) > last


def _fill(runs: Runs, dump: Dump) -> None:
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in dump.batches():
        waiting.append(batch)
        rows += batch.num_rows
        if rows >= _ROWS_PER_RUN:
            runs.add(pa.Table.from_batches(waiting))
            waiting, rows = [], 0
    if waiting:
        runs.add(pa.Table.from_batches(waiting))


def _ids(table: pa.Table) -> npt.NDArray[np.int64]:
    return np.asarray(table.column(_KEY), np.int64)
