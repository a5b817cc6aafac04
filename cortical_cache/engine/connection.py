"""DuckDB, in memory: opened the same way everywhere, its errors made ours."""

import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager

import duckdb

from cortical_cache.engine.keysets import HANDED_OVER
from cortical_cache.errors import StoreChangedError, UnsupportedQueryError

__all__ = ["Connections", "open_database", "require_apart", "running"]


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
                    self._root = open_database()
                cursor = self._root.cursor()
            # Both settings belong to a cursor, not to the database. Footers may be
            # kept because a file of the store is never written twice.
            cursor.execute("SET TimeZone = 'UTC'")
            cursor.execute("SET parquet_metadata_cache = true")
            self._own.cursor = cursor
        return cursor


def open_database(
    path: str = ":memory:", /, **config: str | bool
) -> duckdb.DuckDBPyConnection:
    """Open a database that nobody else uses, its times in UTC; in memory unless named.

    Parameters
    ----------
    path : str
        Of a file.
    **config
        Settings of DuckDB, such as ``memory_limit``.
    """
    connection = duckdb.connect(
        path,
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "dynamic_or_filter_threshold": HANDED_OVER,
            **config,
        },
    )
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def require_apart(columns: Sequence[str]) -> None:
    """Refuse columns that DuckDB cannot tell apart.

    Raises
    ------
    UnsupportedQueryError
        If two differ in the case of letters alone: of either it would give the first.
    """
    seen: dict[str, str] = {}
    for name in columns:
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            raise UnsupportedQueryError(
                f"columns {other} and {name} differ in the case of letters alone, so "
                "that rows of both cannot be searched; ask for all rows"
            )


@contextmanager
def running(connection: duckdb.DuckDBPyConnection) -> Generator[None]:
    """Translate what DuckDB raises while it runs.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        What runs. After Ctrl-C its threads would go on, and closing it would wait.

    Raises
    ------
    StoreChangedError
        If a file is gone or cannot be read.
    KeyboardInterrupt
        If Ctrl-C stopped it, which DuckDB calls a RuntimeError.
    """
    try:
        yield
    except duckdb.IOException as error:
        raise StoreChangedError(f"a file is gone: {error}") from error
    except RuntimeError as error:
        if isinstance(error.__cause__, KeyboardInterrupt):
            connection.interrupt()
            raise KeyboardInterrupt from error
        raise
