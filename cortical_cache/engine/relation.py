"""An Arrow table as a DuckDB relation that the caller may go on with."""

import duckdb
import pyarrow as pa

from cortical_cache.engine.connection import open_database

__all__ = ["relation"]


def relation(table: pa.Table) -> duckdb.DuckDBPyRelation:
    """Return the rows as a relation on an in-memory database of its own.

    Types stay as they are: int64 with NULL is BIGINT.
    """
    return open_database().from_arrow(table)
