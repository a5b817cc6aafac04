"""Shut databases that stay open for the next statement on the same tables.

Opening one takes 15 CPU-ms, which is most of what a small question costs.
"""

import os
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import TypeAlias

from cortical_cache.engine.shut import ShutDatabase
from cortical_cache.model.sql import Source, TableName

__all__ = ["KEPT", "ShutDatabases"]

KEPT = 4
"""Databases that stay open; without rows of tables in them, each takes a few MB."""

_Key: TypeAlias = tuple[frozenset[tuple[TableName, frozenset[str]]], str, str | None]

_of_parents: list[object] = []


class ShutDatabases:
    """Lends each statement a database that no other has meanwhile.

    Safe to share between threads. A process that was forked begins anew: DuckDB's
    threads did not come along, and waiting for them would never end.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: dict[_Key, ShutDatabase] = {}
        self._process = os.getpid()

    @contextmanager
    def lend(
        self,
        sources: Mapping[TableName, Source],
        memory_limit: str,
        transform: str | None,
    ) -> Generator[ShutDatabase]:
        """Yield a database for statements on these names; see `ShutDatabase`.

        One that ends by an error is closed; any other is kept for the same names with
        the same reach. The ones used last are kept.
        """
        reach = frozenset((name, one.reach) for name, one in sources.items())
        key = (reach, memory_limit, transform)
        database = self._taken(key) or ShutDatabase(sources, memory_limit, transform)
        try:
            yield database
        except BaseException:
            database.close()
            raise
        for left in self._given_back(key, database):
            left.close()

    def _taken(self, key: _Key) -> ShutDatabase | None:
        with self._lock:
            if self._process != os.getpid():
                _of_parents.append(self._idle)
                self._idle, self._process = {}, os.getpid()
            return self._idle.pop(key, None)

    def _given_back(self, key: _Key, database: ShutDatabase) -> list[ShutDatabase]:
        """Keep a database; return those to be closed."""
        with self._lock:
            left = [self._idle.pop(key)] if key in self._idle else []
            self._idle[key] = database
            while len(self._idle) > KEPT:
                left.append(self._idle.pop(next(iter(self._idle))))
        return left
