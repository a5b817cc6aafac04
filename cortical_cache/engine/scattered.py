"""Some ids of a table whose copies are sorted by root ids: they lie anywhere.

DuckDB reads all columns of every row group in which an id may be, which is all of them.
Here the ids are read first, and the other columns of the row groups that have some.
"""

from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from cortical_cache.engine.scan import ROW
from cortical_cache.errors import StoreChangedError
from cortical_cache.model.held import HeldRows
from cortical_cache.model.query import Query

__all__ = ["FILE", "is_scattered", "rows_at"]

FILE = "filename"
"""The column by which DuckDB tells the file of a row."""

_TOLD = {FILE, ROW}

_PER_FILE = 40
"""Ids in a file from which on half of its 61 row groups or more have one: to read those
one by one would take longer than all at once. ``python -m benchmarks --only ids`` shows
100 ids of 20 M rows beside DuckDB on the same files."""

Ints = npt.NDArray[np.int64]


def is_scattered(query: Query, held: HeldRows) -> bool:
    """Tell whether a query is for some ids, and no copy is sorted by them."""
    return (
        query.kind == "table"
        and query.limit is None
        and not query.offset
        and len(held.pieces) == 1
        and len(held.pieces[0].files) > 1
        and not _TOLD.intersection(map(str.casefold, held.shape.stored_columns))
        and 0 < _ids(query) <= _PER_FILE * len(held.pieces[0].files)
        and not any(one.column.endswith("_root_id") for one in query.filters)
    )


def _ids(query: Query) -> int:
    """Return how many ids a query is for at most; 0 if it does not say."""
    named = [
        len(one.value) if isinstance(one.value, tuple) else 1
        for one in query.filters
        if one.column == "id" and one.kind in {"in", "equal"}
    ]
    return min(named, default=0)


def rows_at(
    held: HeldRows,
    files: npt.NDArray[np.object_],
    places: Ints,
    columns: Sequence[str],
) -> pa.Table:
    """Return some rows by where they are.

    Parameters
    ----------
    held : HeldRows
        For which `is_scattered` holds.
    files : numpy.ndarray of str, shape (n,)
        The file of each row.
    places : numpy.ndarray of int64, shape (n,)
        Which row of its file.
    columns : sequence of str
        Stored names, repeats kept.

    Raises
    ------
    StoreChangedError
        If a file is gone or cannot be read.
    """
    names = list(dict.fromkeys(columns))
    try:
        if not len(files):
            schema = pq.read_schema(held.pieces[0].files[0])
            return schema.empty_table().select(list(columns))
        rows = pa.concat_tables(
            part
            for path in np.unique(files)
            for part in _read(str(path), places[files == path], names)
        )
    except (OSError, pa.ArrowException) as error:
        raise StoreChangedError(f"a file is gone: {error}") from error
    return rows.select(list(columns))


def _read(path: str, places: Ints, columns: list[str]) -> Iterator[pa.Table]:
    """Yield some rows of one file, a table for each row group that has any."""
    file = pq.ParquetFile(path)
    about = file.metadata
    counts = [about.row_group(n).num_rows for n in range(about.num_row_groups)]
    starts = np.cumsum([0, *counts])
    places = np.sort(places)
    groups = np.searchsorted(starts, places, "right") - 1
    for group in np.unique(groups).tolist():
        here = places[groups == group] - starts[group]
        rows = file.read_row_group(group, columns=columns, use_threads=False)
        yield rows.take(cast("Any", here))
