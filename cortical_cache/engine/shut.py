"""A DuckDB that reads the files it is given, and can do nothing else.

`statement` refuses by what a text says; this refuses by what the engine may do: no file
but those named, no network, no extension, no setting, bounded time and memory.
"""

import os
import shutil
import weakref
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from tempfile import mkdtemp
from types import TracebackType
from typing import Self

import duckdb
import pyarrow as pa
from duckdb import StatementType

from cortical_cache.engine.connection import open_database, running
from cortical_cache.engine.views import (
    add_keys,
    add_macros,
    add_views,
    drop_keys,
    set_resolutions,
)
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
    """An in-memory database of views on held rows, for one statement after another.

    Each statement has a connection of its own, in a read-only transaction, and is one
    SELECT by DuckDB's own word: it can leave nothing behind for the next. To be used by
    one thread at a time. A context manager.

    Parameters
    ----------
    sources : mapping of TableName to Source
        What the names of a statement stand for. Of the files only those that these can
        reach (`Source.reach`) can be read, then and later.
    memory_limit : str
        As DuckDB writes it: ``"4GB"``. Beyond it, what can be spilt goes to disk.
    transform : str, optional
        That ``soma_depth`` means; without it there is no such macro.
    """

    def __init__(
        self,
        sources: Mapping[TableName, Source],
        memory_limit: str,
        transform: str | None = None,
    ) -> None:
        spill = mkdtemp(prefix="cortical-cache-")
        self._forget = weakref.finalize(self, _remove, spill, os.getpid())
        self._limit = memory_limit
        try:
            self._connection = open_database(
                memory_limit=memory_limit,
                temp_directory=spill,
                python_enable_replacements=False,
                enable_external_file_cache=False,  # kept for long, it stays small
            )
        except duckdb.Error as error:
            self._forget()
            message = f"memory_limit {memory_limit!r} is no size such as '4GB'"
            raise InvalidQueryError(message) from error
        self._shown: dict[TableName, Source] = {}
        try:
            with running(self._connection):
                self._show(sources)
                add_macros(self._connection, transform)
                self._shut([file for one in sources.values() for file in one.reach])
        except BaseException:
            self.close()
            raise

    def _shut(self, files: Sequence[str]) -> None:
        execute = self._connection.execute
        # A file of the store is never written twice: footers stay as they are.
        execute("SET GLOBAL parquet_metadata_cache = true")
        execute("SET GLOBAL TimeZone = 'UTC'")
        execute("SET allowed_paths = $files", {"files": list(files)})
        execute("SET enable_external_access = false")
        execute("SET lock_configuration = true")

    def _show(self, sources: Mapping[TableName, Source]) -> None:
        """Make the views what they shall be; most are so already."""
        changed = {
            name: one for name, one in sources.items() if self._shown.get(name) != one
        }
        if changed:
            add_views(self._connection, changed)
            self._shown |= changed

    def run(
        self,
        statement: Statement,
        sources: Mapping[TableName, Source],
        keys: Mapping[str, Sequence[int]],
        parameters: Mapping[str, object],
        timeout: float,
    ) -> pa.Table:
        """Run a statement and return all of its rows.

        Parameters
        ----------
        statement : Statement
        sources : mapping of TableName to Source
            Of the names, and within the reach, of those that it was opened for.
        keys : mapping of str to sequence of int
            Key sets, by name: the tables ``keys.NAME`` with the one column ``id``.
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
        try:
            with running(self._connection):
                self._show(sources)
            with self._given(keys), self._connection.cursor() as cursor:
                if statement.measured:
                    set_resolutions(cursor, sources)
                cursor.execute("BEGIN TRANSACTION READ ONLY")

                def work() -> pa.Table:
                    with running(cursor):
                        one = _only(cursor.extract_statements(statement.text))
                        found = cursor.sql(one, params=values or None)
                        return found.to_arrow_table()

                return _bounded(cursor, work, timeout)
        except duckdb.OutOfMemoryException as error:
            raise QueryMemoryError(self._limit) from error
        except duckdb.Error as error:
            raise InvalidQueryError(_told(error)) from error

    @contextmanager
    def _given(self, keys: Mapping[str, Sequence[int]]) -> Generator[None]:
        """Have the tables of keys for the time of one statement."""
        add_keys(self._connection, keys)
        try:
            yield
        finally:
            drop_keys(self._connection, keys)

    def close(self) -> None:
        """Forget everything."""
        self._connection.close()
        self._forget()

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


def _remove(folder: str, process: int) -> None:
    """Remove the folder of spilt rows; a process that was forked leaves it alone."""
    if process == os.getpid():
        shutil.rmtree(folder, ignore_errors=True)


def _only(statements: Sequence[duckdb.Statement]) -> duckdb.Statement:
    if len(statements) != 1 or statements[0].type != StatementType.SELECT:
        raise InvalidQueryError("only one SELECT is run here")
    return statements[0]


def _bounded(
    cursor: duckdb.DuckDBPyConnection, work: Callable[[], pa.Table], timeout: float
) -> pa.Table:
    """Let another thread do it: DuckDB sees no Ctrl-C while it makes Arrow."""
    with ThreadPoolExecutor(1, "cortical-cache-sql") as pool:
        future = pool.submit(work)
        try:
            wait([future], timeout)
        finally:
            stopped = not future.done()
            # Again and again: what has not begun yet hears no interrupt.
            while not future.done():
                cursor.interrupt()
                wait([future], _PATIENCE)
    if stopped:
        raise QueryTimeoutError(timeout)
    return future.result()


def _told(error: duckdb.Error) -> str:
    """Return DuckDB's words in one line, without the text that the caller knows."""
    words = str(error).partition("\n\n")[0]
    return " ".join(words.split())
