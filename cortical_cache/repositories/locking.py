"""Say what some tables hold, so that others can have the very same. No network."""

import platform
from collections.abc import Collection
from contextlib import suppress
from importlib.metadata import version as installed
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cortical_cache.errors import (
    InvalidQueryError,
    NotCachedError,
    PartialTableError,
    UnknownNameError,
)
from cortical_cache.model.commands import sync_command
from cortical_cache.model.dataset import Dataset
from cortical_cache.model.lock import Lock, LockedTable
from cortical_cache.model.quantities import counted
from cortical_cache.repositories.pins import Pins
from cortical_cache.repositories.versions import Versions
from cortical_cache.store import DatasetStore, RowSet, RowSetState

if TYPE_CHECKING:
    from cortical_cache.store.content import Content

__all__ = ["Locking"]

_PACKAGES = ("cortical-cache", "caveclient", "duckdb", "pandas", "pyarrow")
_KINDS = ("table", "view", "export")


class Locking:
    """Locks of one dataset.

    Parameters
    ----------
    dataset, store, versions, pins
        Collaborators.
    """

    def __init__(
        self, dataset: Dataset, store: DatasetStore, versions: Versions, pins: Pins
    ) -> None:
        self._dataset = dataset
        self._store = store
        self._versions = versions
        self._pins = pins

    def lock(self, version: int, names: Collection[str] = ()) -> Lock:
        """Read what is held, say what it is, and pin it.

        Parameters
        ----------
        version : int
        names : collection of str
            Tables, views, exports; otherwise all tables and views held whole.

        Raises
        ------
        PartialTableError
            If one of them is not held whole.
        NotCachedError
            If nothing is held of the version.
        """
        name = self._dataset.name
        held = [one for one in self._store.row_sets(version) if one.kind in _KINDS]
        chosen = [self._named(held, one, version) for one in names]
        if not names:
            chosen = [
                one for one in held if one.kind != "export" and one.state().is_whole
            ]
        if not chosen:
            command = f"cortical-cache sync {name} {version}"
            raise NotCachedError(f"any whole table of {name} v{version} is", command)
        record = self._versions.record(version)
        tables = sorted((self._locked(one) for one in chosen), key=_by_name)
        for one in chosen:
            # A store that may not be written, or rows of a layer below.
            with suppress(OSError, UnknownNameError):
                self._pins.pin(version, [one.name])
        return Lock(
            dataset=name,
            datastack=self._dataset.datastack,
            server=_bare(self._dataset.server_address),
            version=version,
            timestamp=record.timestamp,
            tables=tuple(tables),
            tools={
                "python": platform.python_version(),
                **{one: installed(one) for one in _PACKAGES},
            },
        )

    def require_ours(self, lock: Lock) -> None:
        """Make sure that a lock speaks of this dataset, and of its version as we do.

        Raises
        ------
        InvalidQueryError
            If it does not.
        UnknownNameError, NotCachedError
            If the version is not known.
        """
        if lock.datastack != self._dataset.datastack:
            raise InvalidQueryError(
                f"the lock is of datastack {lock.datastack}, "
                f"{self._dataset.name} is {self._dataset.datastack}"
            )
        ours = self._versions.record(lock.version).timestamp
        if ours != lock.timestamp:
            raise InvalidQueryError(
                f"the lock's v{lock.version} was frozen at {lock.timestamp}, that of "
                f"{self._dataset.name} at {ours}: they are not the same"
            )

    def problem(self, lock: Lock, table: LockedTable) -> str | None:
        """Say what is other than the lock says; None if the rows held are the same.

        Raises
        ------
        StoreError
            If what is held is damaged.
        """
        row_set = self._store.rows(table.kind, table.name, lock.version)
        if not row_set.state().is_whole:
            return "not held whole"
        ours = self._locked(row_set)
        if (ours.source, ours.export) != (table.source, table.export):
            wanted = table.export or "the server's replies"
            return f"held from {ours.export or 'the server'}, the lock is of {wanted}"
        if ours.rows != table.rows:
            return f"{counted(ours.rows, 'row')}, the lock says {table.rows:,}"
        if ours.schema != table.schema:
            return "columns or types differ from the lock's"
        if ours.content != table.content:
            return "values differ from the lock's"
        return None

    def _named(self, held: list[RowSet], name: str, version: int) -> RowSet:
        found = [one for one in held if one.name == name]
        if not found:
            where = f"what is held of {self._dataset.name} v{version}"
            raise UnknownNameError("table", name, where, [one.name for one in held])
        whole = [one for one in found if one.state().is_whole]
        if not whole:
            state = found[0].state()
            of = self._dataset.name
            command = sync_command(of, version, "table", name)
            raise PartialTableError(f"{name} of {of} v{version}", state.rows, command)
        # A table before the export that it was made of.
        return min(whole, key=lambda one: _KINDS.index(one.kind))

    def _locked(self, row_set: RowSet) -> LockedTable:
        content, export = row_set.read(_content)
        if row_set.kind == "export":
            export = row_set.name
        return LockedTable(
            kind="table" if row_set.kind not in _KINDS else row_set.kind,
            name=row_set.name,
            rows=content.rows,
            schema=content.schema_digest,
            content=content.digest,
            source="cave" if export is None else "export",
            export=export,
        )


def _content(state: RowSetState) -> "tuple[Content, str | None]":
    """Digest the rows of the whole, and name the export that they are of."""
    from cortical_cache.store.content import content_of_files

    held = state.held_whole()
    if held is None:
        raise InvalidQueryError("not held whole any more")
    files = [file for piece in held.pieces for file in piece.files]
    exports = (
        {
            commit.provenance.details.get("export")
            for commit in state.commits
            if commit.provenance.source != "cave"
        }
        if held.exact
        else {None}
    )
    return content_of_files(files, held.shape.stored_columns), next(iter(exports), None)


def _by_name(one: LockedTable) -> tuple[int, str]:
    return _KINDS.index(one.kind), one.name


def _bare(address: str) -> str:
    """Return an address without who asks, should anyone have put that in."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
