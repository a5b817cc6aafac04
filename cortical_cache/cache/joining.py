"""Join many small commits of facts into a large one, in bounded memory."""

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from cortical_cache.store import Commit, DataFile, RowSet
from cortical_cache.store.runs import Runs
from cortical_cache.store.segments import MAPPED_ROWS
from cortical_cache.store.writer import RowWriter

__all__ = ["are_many", "join", "worth_joining"]

_ROWS_PER_RUN = 1_000_000
_GROWTH = 2


def are_many(commits: Sequence[Commit], most: int) -> bool:
    """Tell whether to join: too many to look into each, or too much of it in memory."""
    small = sum(one.rows for one in commits if one.rows < MAPPED_ROWS)
    return len(commits) >= most or small >= _ROWS_PER_RUN


def worth_joining(commits: Sequence[Commit]) -> list[Commit]:
    """Return the commits to join, smallest first.

    Those with more than twice the rows of all smaller ones together stay as they are.
    So each join makes a row's commit at least half as large again, and a row is written
    a few times only, however many come after it.
    """
    ordered = sorted(commits, key=lambda commit: commit.rows)
    smaller = [0, *accumulate(commit.rows for commit in ordered)]
    ends = [
        number
        for number, commit in enumerate(ordered)
        if commit.rows <= _GROWTH * smaller[number]
    ]
    return ordered[: max(ends, default=0) + 1]


def join(
    row_set: RowSet, commits: Sequence[Commit], columns: list[str], writer: RowWriter
) -> None:
    """Write the rows of some commits to a writer, by the first column, each row once.

    Parameters
    ----------
    row_set : RowSet
    commits : sequence of Commit
        Of `row_set`.
    columns : list of str
        All of them.
    writer : RowWriter
        Inside its block.
    """
    runs = Runs(row_set.folder, columns[:1])
    try:
        for files in _portions(commits):
            paths = [row_set.folder / file.name for file in files]
            tables = [pq.read_table(path, columns=columns) for path in paths]
            runs.add(pa.concat_tables(tables))
        for rows in runs.tables():  # all rows of an id are in one of them
            writer.write(_each_once(rows))
    finally:
        runs.close()


def _portions(commits: Sequence[Commit]) -> Iterator[list[DataFile]]:
    """Cut the files into portions of as many rows as memory is to hold."""
    portion: list[DataFile] = []
    for commit in commits:
        for file in commit.files:
            portion.append(file)
            if sum(one.rows for one in portion) >= _ROWS_PER_RUN:
                yield portion
                portion = []
    if portion:
        yield portion


def _each_once(rows: pa.Table) -> pa.Table:
    """Drop rows that repeat another one; only rows of one id can."""
    keys: npt.NDArray[np.int64] = np.asarray(rows.column(0), np.int64)
    same = keys[1:] == keys[:-1]
    repeats = np.r_[False, same] | np.r_[same, False]
    if not repeats.any():
        return rows
    names = rows.column_names
    several, single = (
        rows.take(cast("Any", pa.array(np.flatnonzero(those))))
        for those in (repeats, ~repeats)
    )
    once = several.group_by(names).aggregate([])
    return pa.concat_tables([single, once]).sort_by(names[0])
