"""One dataset folder: whose it is, its facts, and its row sets.

Facts are small documents that are replaced whole, one file each, so that two processes
that learn different facts cannot lose each other's.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import cast, get_args

from cortical_cache.errors import (
    CorruptStoreError,
    InvalidQueryError,
    StoreError,
    StoreMismatchError,
)
from cortical_cache.model.room import Taken
from cortical_cache.store.commit_file import read_commit
from cortical_cache.store.disk import Disk, told
from cortical_cache.store.document import Document, read_document, write_document
from cortical_cache.store.layout import (
    RowKind,
    binding_file,
    commit_files,
    commits_folder,
    fact_file,
    fact_files,
    graph_names,
    objects_folder,
    row_set_folder,
    row_set_folders_of,
    row_set_identity,
    row_set_names,
    version_file,
    version_folder,
    version_numbers,
)
from cortical_cache.store.names import decode_name
from cortical_cache.store.objects import ObjectGroup, Objects, groups
from cortical_cache.store.pins import is_pinned, pin, unpin
from cortical_cache.store.removal import remove_objects, remove_rows
from cortical_cache.store.rows import RowSet
from cortical_cache.store.sealed import JSON, create_sealed, read_sealed
from cortical_cache.store.space import taken
from cortical_cache.store.sweep import SweepReport, sweep
from cortical_cache.store.verify import Problem, put_back, set_aside, verify

__all__ = ["DatasetStore"]

_FORGOTTEN = "forgotten."


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

    def __init__(  # noqa: PLR0913  identity and collaborators, given by Store
        self,
        folder: Path,
        datastack: str,
        server: str,
        *,
        disk: Disk,
        prepare: Callable[[], None],
        below: "Sequence[DatasetStore]" = (),
    ) -> None:
        self._below = tuple(below)
        self.folder = folder
        self.datastack = datastack
        self.server = server
        self._disk = disk
        self._prepare = prepare
        self._bound = False
        self._row_sets: dict[tuple[RowKind, str, int], RowSet] = {}
        self._row_sets_lock = threading.Lock()

    @property
    def name(self) -> str:
        """Name of the folder, as `Store.datasets` has it."""
        return decode_name(self.folder.name) or self.folder.name

    def bind(self) -> None:
        """Claim the folder before writing to it.

        A second call, and one by another process, changes nothing.

        Raises
        ------
        StoreMismatchError
            If the folder belongs to another datastack or server.
        CorruptStoreError
            If it holds data but does not say whose.
        """
        self._prepare()
        if self.check():
            return
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
                # A folder alone is no data: a lock may lie in it.
                if not any(map(self._holds, version_numbers(self.folder))):
                    return None
        raise CorruptStoreError(
            f"{path} is missing, so whose data {self.folder} holds is unknown"
        )

    def versions(self) -> tuple[int, ...]:
        """Return the versions of which anything is held, rows or facts, ascending."""
        self.check()
        own = set(filter(self._holds, version_numbers(self.folder)))
        return tuple(sorted(own.union(*(one.versions() for one in self._below))))

    def read_fact(self, name: str, version: int | None = None) -> Document | None:
        """Return a fact of the dataset, or of one version; None if it is not held.

        How old it may be is for the caller to judge, by ``captured_at``.

        Raises
        ------
        CorruptStoreError
            If its file is damaged. Writing the fact anew repairs that.
        """
        own = self._read(fact_file(self._folder(version), name))
        return _newest([own, self._fact_below(name, version)])

    def _fact_below(self, name: str, version: int | None) -> Document | None:
        """Return a fact of the layers below, unless it was forgotten here."""
        found = _newest([one.read_fact(name, version) for one in self._below])
        if found is None:
            return None
        mark = self._read(self._forgotten(name, version))
        is_forgotten = mark is not None and found.captured_at <= mark.captured_at
        return None if is_forgotten else found

    def _forgotten(self, name: str, version: int | None) -> Path:
        """Return the file whose date says what of the layers below counts no longer."""
        return fact_file(self._folder(version), f"{_FORGOTTEN}{name}")

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
        own = self._read(version_file(self.folder, version))
        return _newest([own, *(one.read_version(version) for one in self._below)])

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
                    below=[one.rows(kind, name, version) for one in self._below],
                )
            return self._row_sets[key]

    def row_sets(self, version: int) -> tuple[RowSet, ...]:
        """Return the row sets that have a commit, by kind and name.

        No commit is read, so a damaged one hides neither itself nor any other; its
        `RowSet.state` raises.
        """
        self.check()
        found = set(row_set_names(self.folder, version))
        for below in self._below:
            below.check()
            found.update(row_set_names(below.folder, version))
        return tuple(self.rows(kind, name, version) for kind, name in sorted(found))

    def taken(self) -> tuple[Taken, ...]:
        """Return what takes how much room, and when it was last used.

        Superseded files and litter count; no file is read.
        """
        return tuple(taken(self.folder))

    def remove(self, thing: Taken) -> int:
        """Remove a row set or a group of objects; return the bytes that became free."""
        self.check()
        folder = self._place_of(thing)
        if thing.kind in get_args(RowKind):
            return remove_rows(self._disk, folder)
        return remove_objects(self._disk, folder)

    def is_pinned(self, thing: Taken) -> bool:
        """Tell whether it, its version or the dataset is pinned now."""
        return is_pinned(self._place_of(thing), self.folder)

    def pin(self, version: int | None = None, thing: Taken | None = None) -> bool:
        """Pin the dataset, a version or one thing; False if it was pinned itself."""
        self.bind()
        return pin(self._disk, self._pinned_place(version, thing))

    def unpin(self, version: int | None = None, thing: Taken | None = None) -> bool:
        """Take back a pin on exactly this; False if there is none."""
        self.check()
        return unpin(self._disk, self._pinned_place(version, thing))

    def _pinned_place(self, version: int | None, thing: Taken | None) -> Path:
        return self._folder(version) if thing is None else self._place_of(thing)

    def _place_of(self, thing: Taken) -> Path:
        if thing.kind in get_args(RowKind):
            kind = cast("RowKind", thing.kind)
            return row_set_folder(self.folder, kind, thing.name, thing.version)
        return objects_folder(self.folder, thing.kind, thing.name)

    def forget_fact(self, name: str, version: int | None = None) -> bool:
        """Remove a fact; False if it was not held.

        That of a layer below stays where it is, and counts no longer here.
        """
        self.check()
        path = fact_file(self._folder(version), name)
        below = self._fact_below(name, version)
        if below is not None:  # noted first: stopped in between, the fact is still held
            self._write(self._forgotten(name, version), None, below.captured_at)
        if path.exists():
            with told(path):
                self._disk.remove(path)
                self._disk.sync_folder(path.parent)
            return True
        return below is not None

    def fact_names(self, version: int | None = None) -> tuple[str, ...]:
        """Return the names of the facts held of the dataset or of one version."""
        self.check()
        named = (decode_name(one.stem) for one in fact_files(self._folder(version)))
        own = {one for one in named if one and not one.startswith(_FORGOTTEN)}
        return tuple(
            sorted(own.union(*(one.fact_names(version) for one in self._below)))
        )

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

    def put_back(self, problem: Problem) -> None:
        """Let what was set aside count again, damaged as it is."""
        put_back(self._disk, problem)

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
        with told(place):
            self._disk.remove(place)
        create_sealed(self._disk, place, body)

    def row_set_of(self, problem: Problem) -> RowSet | None:
        """Return the row set that damage was found in; None if it is a document's."""
        folder = problem.document.parent
        if folder.name != commits_folder(self.folder).name:
            return None
        found = row_set_identity(self.folder, folder.parent)
        return None if found is None else self.rows(*found)

    def graph_sets(self) -> tuple[RowSet, ...]:
        """Return the row sets of facts that no version changes, by name."""
        self.check()
        names = set(graph_names(self.folder))
        for below in self._below:
            names |= {one.name for one in below.graph_sets()}
        return tuple(self.rows("graph", one, 0) for one in sorted(names))

    def objects(self, kind: str, group: str) -> Objects:
        """Return the objects of that kind and group; nothing needs to be held.

        Raises
        ------
        ConfigurationError
            If a name cannot name a file.
        """
        return Objects(
            self.folder,
            kind,
            group,
            self._disk,
            check=self.check,
            bind=self.bind,
            below=[one.objects(kind, group) for one in self._below],
        )

    def object_groups(self) -> list[ObjectGroup]:
        """List what objects are held in this store itself, by kind and group."""
        self.check()
        return groups(self.folder)

    @property
    def below(self) -> "tuple[DatasetStore, ...]":
        """The same dataset in the stores that are only read."""
        return self._below

    @property
    def layer(self) -> str:
        """Name of the store that the folder lies in: that of its root."""
        return self.folder.parent.name

    def layers_of(self, files: Iterable[str | Path]) -> tuple[str, ...]:
        """Return the names of the layers that files lie in; ``"own"`` for this one."""
        found = dict.fromkeys(
            next(
                (one.layer for one in self._below if one.has(Path(file))),
                "own",
            )
            for file in files
        )
        return tuple(found)

    def has(self, file: Path) -> bool:
        """Tell whether a path is of this folder."""
        return file.is_relative_to(self.folder)

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


def _newest(found: Sequence[Document | None]) -> Document | None:
    """Return what was captured last; the upper layer's where two are as old."""
    held = [one for one in found if one is not None]
    return max(held, key=lambda one: one.captured_at, default=None)


def _plain(server: str) -> str:
    return server.strip().rstrip("/").lower()
