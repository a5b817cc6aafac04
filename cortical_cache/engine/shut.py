"""A DuckDB that reads the files it is given, and can do nothing else.

`statement` refuses by what a text says; this refuses by what the engine may do: no file
but those named, no network, no extension, no setting, bounded time and memory.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

import duckdb
import pyarrow as pa

from cortical_cache.engine.connection import open_database, running
from cortical_cache.engine.views import add_keys, add_macros, add_views
from cortical_cache.errors import (
    InvalidQueryError,
    QueryMemoryError,
    QueryTimeoutError,
)
from cortical_cache.model.sql import Source, Statement, TableName

__all__ = ["ShutDatabase"]

_PATIENCE = 0.1
"""Seconds between two interrupts."""


class ShutDatabase:
    """An in-memory database of views on held rows; a context manager.

    Parameters
    ----------
    sources : mapping of TableName to Source
        What the names of a statement stand for.
    keys : mapping of str to sequence of int
        Key sets, by name: the tables ``keys.NAME`` with the one column ``id``.
    memory_limit : str
        As DuckDB writes it: ``"4GB"``. Beyond it, what can be spilt goes to disk.
    transform : str, optional
        That ``soma_depth`` means; without it there is no such macro.
    """

    def __init__(
        self,
        sources: Mapping[TableName, Source],
        keys: Mapping[str, Sequence[int]],
        memory_limit: str,
        transform: str | None = None,
    ) -> None:
        self._spill = TemporaryDirectory(prefix="cortical-cache-")
        self._limit = memory_limit
        try:
            self._connection = open_database(
                memory_limit=memory_limit,
                temp_directory=self._spill.name,
                python_enable_replacements=False,
            )
        except duckdb.Error as error:
            self._spill.cleanup()
            message = f"memory_limit {memory_limit!r} is no size such as '4GB'"
            raise InvalidQueryError(message) from error
        try:
            with running(self._connection):
                add_views(self._connection, sources)
                add_keys(self._connection, keys)
                add_macros(self._connection, sources, transform)
            self._shut([file for one in sources.values() for file in one.files])
        except BaseException:
            self.close()
            raise

    def _shut(self, files: Sequence[str]) -> None:
        allowed = {"files": list(files)}
        self._connection.execute("SET allowed_paths = $files", allowed)
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute("SET lock_configuration = true")
        self._connection.execute("BEGIN TRANSACTION READ ONLY")

    def run(
        self,
        statement: Statement,
        parameters: Mapping[str, object],
        timeout: float,
    ) -> pa.Table:
        """Run a statement and return all of its rows.

        Parameters
        ----------
        statement : Statement
        parameters : mapping of str to object
            A value for each of the statement's parameters.
        timeout : float
            Seconds; more than that, and it is stopped.

        Raises
        ------
        InvalidQueryError
            If DuckDB makes no sense of it; the error has DuckDB's words.
        QueryTimeoutError, QueryMemoryError
            If it takes more than it may.
        StoreChangedError
            If a file is gone.
        KeyboardInterrupt
            If Ctrl-C stopped it.
        """
        numbered = sorted(parameters, key=int) if "1" in parameters else None
        values = [parameters[one] for one in numbered] if numbered else {**parameters}

        def work() -> pa.Table:
            with running(self._connection):
                found = self._connection.sql(statement.text, params=values or None)
                return found.to_arrow_table()

        try:
            return self._bounded(work, timeout)
        except duckdb.OutOfMemoryException as error:
            raise QueryMemoryError(self._limit) from error
        except duckdb.Error as error:
            raise InvalidQueryError(_told(error)) from error

    def _bounded(self, work: Callable[[], pa.Table], timeout: float) -> pa.Table:
        """Let another thread do it: DuckDB sees no Ctrl-C while it makes Arrow."""
        with ThreadPoolExecutor(1, "cortical-cache-sql") as pool:
            future = pool.submit(work)
            try:
                wait([future], timeout)
            finally:
                stopped = not future.done()
                # Again and again: what has not begun yet hears no interrupt.
                while not future.done():
                    self._connection.interrupt()
                    wait([future], _PATIENCE)
        if stopped:
            raise QueryTimeoutError(timeout)
        return future.result()

    def close(self) -> None:
        """Forget everything."""
        self._connection.close()
        self._spill.cleanup()

    def __enter__(self) -> Self:
        """Return the database."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Forget everything."""
        self.close()


def _told(error: duckdb.Error) -> str:
    """Return DuckDB's words in one line, without the text that the caller knows."""
    words = str(error).partition("\n\n")[0]
    return " ".join(words.split())
