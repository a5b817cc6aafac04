"""An in-memory DuckDB, opened at the first question, with one cursor per thread."""

import threading

import duckdb

__all__ = ["Connections"]


class Connections:
    """Gives each thread its own cursor on one in-memory DuckDB."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._root: duckdb.DuckDBPyConnection | None = None
        self._own = threading.local()

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Return the calling thread's cursor."""
        cursor: duckdb.DuckDBPyConnection | None = getattr(self._own, "cursor", None)
        if cursor is None:
            with self._lock:
                if self._root is None:
                    self._root = _open()
                cursor = self._root.cursor()
            # Both settings belong to a cursor, not to the database. Footers may be
            # kept because a file of the store is never written twice.
            cursor.execute("SET TimeZone = 'UTC'")
            cursor.execute("SET parquet_metadata_cache = true")
            self._own.cursor = cursor
        return cursor


def _open() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
