"""Stream the rows of many files, sorted, in bounded memory."""

from collections.abc import Generator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
from duckdb import ColumnExpression

from cortical_cache.engine.connection import open_database, require_apart, running

__all__ = ["MEMORY_LIMIT", "batches"]

MEMORY_LIMIT = "512MB"
"""What a sort may hold; beyond it, it spills to disk beside the rows."""

_ROWS_PER_BATCH = 131_072


def batches(
    files: Sequence[str], columns: Sequence[str], sort_by: Sequence[str]
) -> Generator[pa.RecordBatch]:
    """Yield all rows of Parquet files of one schema.

    Parameters
    ----------
    files : sequence of str
        At least one.
    columns : sequence of str
    sort_by : sequence of str
        Ascending, NULL last; empty: file after file as they are.

    Yields
    ------
    pyarrow.RecordBatch
        With the schema of the first file.
    """
    whole = pq.read_schema(files[0])
    types = dict(zip(whole.names, whole.types, strict=True))
    schema = pa.schema([(name, types[name]) for name in columns])
    if not sort_by:
        for file in files:
            with pq.ParquetFile(file) as rows:
                for batch in rows.iter_batches(_ROWS_PER_BATCH, columns=list(columns)):
                    yield batch.cast(schema)
        return
    require_apart(columns)
    # A connection of its own: its limit and its spilling are nobody else's.
    with (
        TemporaryDirectory(prefix=".sort-", dir=Path(files[0]).parent) as spill,
        open_database(
            memory_limit=MEMORY_LIMIT,
            temp_directory=spill,
            preserve_insertion_order=False,
        ) as connection,
        running(connection),
    ):
        # A folder such as session=3 above the store is no column.
        rows = connection.read_parquet(list(files), hive_partitioning=False).select(
            *(ColumnExpression(name) for name in columns)
        )
        order = [ColumnExpression(name).asc().nulls_last() for name in sort_by]
        for batch in rows.sort(*order).to_arrow_reader(_ROWS_PER_BATCH):
            yield batch.cast(schema)
