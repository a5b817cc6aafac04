"""An Arrow table as a DuckDB relation that the caller may go on with."""

import duckdb
import pyarrow as pa

__all__ = ["relation"]


def relation(table: pa.Table) -> duckdb.DuckDBPyRelation:
    """Return the rows as a relation on an in-memory database of its own.

    Types stay as they are: int64 with NULL is BIGINT.
    """
    connection = duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    connection.execute("SET TimeZone = 'UTC'")
    return connection.from_arrow(table)
