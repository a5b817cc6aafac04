"""All rows of a table, read as they lie.

DuckDB decodes, cuts into vectors, and puts together again; where nothing is asked of
the rows, reading the columns from the files takes half of that.
"""

from collections.abc import Sequence
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cortical_cache.errors import StoreChangedError
from cortical_cache.model.held import HeldRows
from cortical_cache.model.query import Query

__all__ = ["is_whole", "read_whole"]


def is_whole(query: Query, held: HeldRows) -> bool:
    """Tell whether a query takes all rows of a table from one set of files.

    Not of views: ties between their ids are broken by the place in a file.
    """
    return (
        query.kind == "table"
        and not query.filters
        and query.limit is None
        and not query.offset
        and held.shape.column("id") is not None
        and [one.key_column for one in held.pieces] == [None]
    )


def read_whole(held: HeldRows, columns: Sequence[str]) -> pa.Table:
    """Return the rows that queries show.

    Parameters
    ----------
    held : HeldRows
        For which `is_whole` holds.
    columns : sequence of str
        Stored names, in order, repeats kept.

    Raises
    ------
    StoreChangedError
        If a file is gone or cannot be read.
    """
    tests = ["valid"] if held.shape.column("valid") is not None else []
    names = list(dict.fromkeys([*columns, *tests]))
    (piece,) = held.pieces
    try:
        rows = pa.concat_tables(
            pq.ParquetFile(path).read(columns=names) for path in piece.files
        )
    except (OSError, pa.ArrowException) as error:
        raise StoreChangedError(f"a file is gone: {error}") from error
    if tests:
        valid = cast("Any", rows["valid"])
        if not pc.all(valid, skip_nulls=False).as_py():
            rows = rows.filter(valid)
    return rows.select(list(columns))
