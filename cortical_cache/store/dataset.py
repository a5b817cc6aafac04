"""One dataset folder: whose it is, its facts, and its row sets.

Facts are small documents that are replaced whole, one file each, so that two processes
that learn different facts cannot lose each other's.
"""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from cortical_cache.errors import (
    CorruptStoreError,
    InvalidQueryError,
    StoreError,
    StoreMismatchError,
)
from cortical_cache.store.commit_file import read_commit
from cortical_cache.store.disk import Disk
from cortical_cache.store.document import Document, read_document, write_document
from cortical_cache.store.layout import (
    RowKind,
    binding_file,
    commit_files,
    commits_folder,
    fact_file,
    fact_files,
    graph_names,
    row_set_folder,
    row_set_folders_of,
    row_set_identity,
    row_set_names,
    version_file,
    version_folder,
    version_numbers,
)
from cortical_cache.store.objects import ObjectGroup, Objects, groups
from cortical_cache.store.removal import remove_rows
from cortical_cache.store.rows import RowSet
from cortical_cache.store.sealed import JSON, create_sealed, read_sealed
from cortical_cache.store.sweep import SweepReport, sweep
from cortical_cache.store.verify import Problem, set_aside, verify

__all__ = ["DatasetStore"]


class DatasetStore:
    """What is held of one dataset.

    The folder belongs to one (datastack, info server), for ever: rows of two servers
    under one name would be wrong answers that look right. Made by `Store.dataset`.

    Attributes
    ----------
    folder : Path
        May not exist.
    datastack, server : str
    """

    def __init__(
        self,
        folder: Path,
        datastack: str,
        server: str,
        *,
        disk: Disk,
        prepare: Callable[[], None],
    ) -> None:
        self.folder = folder
        self.datastack = datastack
        self.server = server
        self._disk = disk
        self._prepare = prepare
        self._bound = False
        self._row_sets: dict[tuple[RowKind, str, int], RowSet] = {}
        self._row_sets_lock = threading.Lock()

    def bind(self) -> None:
        """Claim the folder; a second call, and one by another process, changes nothing.

        Raises
        ------
        StoreMismatchError
            If the folder belongs to another datastack or server.
        CorruptStoreError
            If it holds data but does not say whose.
        """
        if self.check():
            return
        self._prepare()
        self._disk.make_folder(self.folder)
        body: dict[str, JSON] = {"datastack": self.datastack, "server": self.server}
        try:
            create_sealed(self._disk, binding_file(self.folder), body)
        except FileExistsError:  # another process was faster; it must agree with us
            self.check()

    def check(self) -> bool:
        """Tell whether the folder is claimed, and make sure that it is by us.

        Raises
        ------
        StoreMismatchError, CorruptStoreError
            As `bind`.
        """
        if self._bound:
            return True
        body = self._binding()
        if body is None:
            return False
        found = (body.get("datastack"), _plain(str(body.get("server"))))
        if found != (self.datastack, _plain(self.server)):
            raise StoreMismatchError(
                f"{self.folder} holds {body.get('datastack')} of {body.get('server')}, "
                f"not {self.datastack} of {self.server}; use another folder for it"
            )
        self._bound = True
        return True

    def _binding(self) -> Mapping[str, JSON] | None:
        path = binding_file(self.folder)
        # Twice: between looking for the binding and looking for data, another process
        # may have made both. Data that is there comes after its binding.
        for _ in range(2):
            try:
                return read_sealed(path)
            except FileNotFoundError:
                if next(version_numbers(self.folder), None) is None:
                    return None
        raise CorruptStoreError(
            f"{path} is missing, so whose data {self.folder} holds is unknown"
        )

    def versions(self) -> tuple[int, ...]:
        """Return the versions of which anything is held, rows or facts, ascending."""
        self.check()
        return tuple(sorted(filter(self._holds, version_numbers(self.folder))))

    def read_fact(self, name: str, version: int | None = None) -> Document | None:
        """Return a fact of the dataset, or of one version; None if it is not held.

        How old it may be is for the caller to judge, by ``captured_at``.

        Raises
        ------
        CorruptStoreError
            If its file is damaged. Writing the fact anew repairs that.
        """
        return self._read(fact_file(self._folder(version), name))

    def write_fact(
        self,
        name: str,
        value: JSON,
        version: int | None = None,
        captured_at: datetime | None = None,
    ) -> None:
        """Keep a fact in place of the one held, unless that was captured later.

        Parameters
        ----------
        name : str
        value : JSON
        version : int, optional
            None: a fact of the dataset.
        captured_at : datetime, optional
            With a time zone; now by default.
        """
        self._write(fact_file(self._folder(version), name), value, captured_at)

    def read_version(self, version: int) -> Document | None:
        """Return the record of the version itself; None if it is not held."""
        return self._read(version_file(self.folder, version))

    def write_version(
        self, version: int, value: JSON, captured_at: datetime | None = None
    ) -> None:
        """Keep the record of the version itself; see `write_fact`."""
        self._write(version_file(self.folder, version), value, captured_at)

    def rows(self, kind: RowKind, name: str, version: int) -> RowSet:
        """Return the row set of that name, the same object every time.

        Nothing needs to be held of it, and nothing is read.

        Raises
        ------
        ConfigurationError
            If the name cannot name a file.
        """
        key = (kind, name, version)
        with self._row_sets_lock:
            if key not in self._row_sets:
                folder = row_set_folder(self.folder, kind, name, version)
                self._row_sets[key] = RowSet(
                    kind,
                    name,
                    version,
                    folder,
                    disk=self._disk,
                    check=self.check,
                    bind=self.bind,
                )
            return self._row_sets[key]

    def row_sets(self, version: int) -> tuple[RowSet, ...]:
        """Return the row sets that have a commit, by kind and name.

        No commit is read, so a damaged one hides neither itself nor any other; its
        `RowSet.state` raises.
        """
        self.check()
        found = sorted(row_set_names(self.folder, version))
        return tuple(self.rows(kind, name, version) for kind, name in found)

    def remove(self, row_set: RowSet) -> int:
        """Remove a row set; return the bytes freed. See `remove_rows`."""
        self.check()
        return remove_rows(self._disk, row_set.folder)

    def verify(self, *, deep: bool) -> tuple[Problem, ...]:
        """Look for damage in the folder; see `Store.verify`. Empty if there is none."""
        if not self.folder.is_dir():
            return ()
        return tuple(verify(self.folder, deep=deep))

    def sweep(self) -> SweepReport:
        """Remove what no reader can need any more; see `Store.sweep`."""
        self.check()
        return sweep(self.folder.parent, self._disk, [self.folder])

    def set_aside(self, problem: Problem) -> None:
        """Let what is damaged count no longer; a sweep removes it in a day."""
        set_aside(self._disk, problem)

    def reclaim(self, fetched_from: str) -> None:
        """Claim a folder whose binding is damaged, if its commits show that it is ours.

        Parameters
        ----------
        fetched_from : str
            The server that every commit with rows of a CAVE must name.

        Raises
        ------
        StoreMismatchError
            If one names another, or none tells.
        """
        servers: set[str] = set()
        for folder in row_set_folders_of(self.folder):
            for path in commit_files(folder):
                with suppress(StoreError, FileNotFoundError):
                    provenance = read_commit(path).provenance
                    if provenance.source == "cave":
                        servers.add(_plain(provenance.server))
        if servers != {_plain(fetched_from)}:
            named = ", ".join(sorted(servers)) or "no server"
            raise StoreMismatchError(
                f"whose data {self.folder} holds can no longer be told: its commits "
                f"name {named}; move it away and sync again"
            )
        body: dict[str, JSON] = {"datastack": self.datastack, "server": self.server}
        place = binding_file(self.folder)
        place.unlink(missing_ok=True)
        create_sealed(self._disk, place, body)

    def row_set_of(self, problem: Problem) -> RowSet | None:
        """Return the row set that damage was found in; None if it is a document's."""
        folder = problem.document.parent
        if folder.name != commits_folder(self.folder).name:
            return None
        found = row_set_identity(self.folder, folder.parent)
        return None if found is None else self.rows(*found)

    def graph_facts(self) -> tuple[str, ...]:
        """Return the names of the row sets that belong to no version, sorted."""
        self.check()
        return tuple(sorted(graph_names(self.folder)))

    def graph_sets(self) -> tuple[RowSet, ...]:
        """Return the row sets of facts that no version changes, by name."""
        self.check()
        names = sorted(graph_names(self.folder))
        return tuple(self.rows("graph", one, 0) for one in names)

    def objects(self, kind: str, group: str) -> Objects:
        """Return the objects of that kind and group; nothing needs to be held.

        Raises
        ------
        ConfigurationError
            If a name cannot name a file.
        """
        return Objects(
            self.folder, kind, group, self._disk, check=self.check, bind=self.bind
        )

    def object_groups(self) -> list[ObjectGroup]:
        """List what objects are held, by kind and group."""
        self.check()
        return groups(self.folder)

    def _holds(self, version: int) -> bool:
        folder = version_folder(self.folder, version)
        return (
            version_file(self.folder, version).exists()
            or next(fact_files(folder), None) is not None
            or next(row_set_names(self.folder, version), None) is not None
        )

    def _folder(self, version: int | None) -> Path:
        return self.folder if version is None else version_folder(self.folder, version)

    def _read(self, path: Path) -> Document | None:
        self.check()
        return read_document(path, self.folder)

    def _write(self, path: Path, value: JSON, captured_at: datetime | None) -> None:
        now = datetime.now(UTC)
        moment = (captured_at or now).astimezone(UTC)
        if captured_at is not None and captured_at.tzinfo is None:
            raise InvalidQueryError("captured_at needs a time zone")
        self.bind()
        try:
            held = read_document(path, self.folder)
        except CorruptStoreError:
            held = None
        # A capture from the future is a wrong clock, and must not stay for ever.
        if held is not None and moment < held.captured_at <= now:
            return
        write_document(self._disk, self.folder, path, Document(value, moment))


def _plain(server: str) -> str:
    return server.strip().rstrip("/").lower()
