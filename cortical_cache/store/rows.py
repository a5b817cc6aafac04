"""The rows of one table, view, export or query at one version.

A row set is a folder of immutable files; its state is the union of its commits, less
those that a present commit supersedes. Readers take no lock and writers share no file,
so neither can lose or hide what another one wrote.
"""

import os
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from cortical_cache.errors import StoreChangedError
from cortical_cache.model.coverage import Coverage
from cortical_cache.model.shape import TableShape
from cortical_cache.store.checks import FileChecks
from cortical_cache.store.commit import Commit, DataFile, Provenance
from cortical_cache.store.commit_file import read_commit
from cortical_cache.store.disk import Disk, told
from cortical_cache.store.layout import (
    RowKind,
    commits_folder,
    locks_folder,
    segment_files,
)
from cortical_cache.store.locks import fetch_lock
from cortical_cache.store.state import Extent, RowSetState
from cortical_cache.store.usage import LastUse

if TYPE_CHECKING:
    # Asking what is held must not cost the import of pyarrow.
    import pyarrow as pa

    from cortical_cache.store.segments import Segment
    from cortical_cache.store.writer import RowWriter

__all__ = ["RowSet"]

ROWS_PER_FILE = 2_000_000

_VANISHED = 8

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Reading:
    names: frozenset[str]
    commits: dict[str, Commit]
    state: RowSetState


class RowSet:
    """All that is held of one table, view, export or query at one version.

    Made by `DatasetStore.rows`; making it touches nothing on disk. Safe to share
    between threads.

    Attributes
    ----------
    kind : {"table", "view", "export", "query"}
    name : str
    version : int
    folder : Path
        Where it lies; may not exist.
    disk : Disk
        By which it is changed.
    """

    def __init__(  # noqa: PLR0913  # collaborators and identity, given by DatasetStore
        self,
        kind: RowKind,
        name: str,
        version: int,
        folder: Path,
        *,
        disk: Disk,
        check: Callable[[], object],
        bind: Callable[[], object],
        below: "Sequence[RowSet]" = (),
    ) -> None:
        self.kind = kind
        self.name = name
        self.version = version
        self.folder = folder
        self.disk = disk
        self._check = check
        self._bind = bind
        self._below = tuple(below)
        self._reading = _Reading(frozenset(), {}, self._state({}))
        self._joined: tuple[tuple[_Reading, ...], RowSetState] | None = None
        self._checks = FileChecks()
        self._last_use = LastUse(folder, disk)

    def __repr__(self) -> str:
        """Name the row set."""
        return f"<RowSet {self.kind} {self.name!r} v{self.version}>"

    def state(self) -> RowSetState:
        """Return what is held now, in this store or one below it.

        One commit supersedes another whichever layers they lie in. See `own_state`.
        """
        own = self._read_own()
        if not self._below:
            return own.state
        readings = (own, *(one._read_own() for one in self._below))  # noqa: SLF001  its own kind
        joined = self._joined
        if joined is None or any(
            one is not other for one, other in zip(joined[0], readings, strict=True)
        ):
            joined = readings, self._join(readings)
            self._joined = joined
        return joined[1]

    def own_state(self) -> RowSetState:
        """Return what is held now in this store itself.

        From one consistent reading of the commits.

        The first call reads every commit; a later one lists the folder and reads only
        the commits that are new, whoever wrote them.

        Raises
        ------
        CorruptStoreError
            If a commit is damaged. The message names the file.
        StoreError
            If a newer release wrote one of them, or the folder belongs to another
            server (`StoreMismatchError`).
        """
        return self._read_own().state

    def _read_own(self) -> _Reading:
        self._check()
        for _ in range(_VANISHED):
            names = _names(commits_folder(self.folder))
            reading = self._reading
            if names == reading.names:
                return reading
            known = reading.commits
            try:
                commits = {
                    name: known[name] if name in known else self._read(name)
                    for name in names
                }
            except FileNotFoundError:
                # A sweep removes superseded commits, each before the one that
                # supersedes it. A listing older than that is not to be relied on.
                continue
            self._reading = _Reading(names, commits, self._state(commits))
            return self._reading
        raise StoreChangedError(f"commits keep vanishing from {self.folder}")

    def read(self, ask: Callable[[RowSetState], T]) -> T:
        """Return ``ask(state)``; if files vanish under it, ask once more, anew.

        Parameters
        ----------
        ask : callable
            Reads the files that the state names. `FileNotFoundError` or
            `StoreChangedError` from it means that a file was gone.

        Raises
        ------
        StoreChangedError
            If a file was gone the second time, too.
        """
        try:
            return ask(self.state())
        except (FileNotFoundError, StoreChangedError):
            pass
        try:
            return ask(self.state())
        except FileNotFoundError as error:
            raise StoreChangedError(
                f"{error.filename or self.folder} vanished while it was read, twice"
            ) from error

    def append(  # noqa: PLR0913  # one commit is one sentence with these parts
        self,
        table: "pa.Table",
        *,
        shape: TableShape,
        coverage: Coverage,
        provenance: Provenance,
        supersedes: Collection[str] = (),
        sort_by: Sequence[str] = ("id",),
        exact: bool = False,
    ) -> Commit:
        """Add rows, and what they are all of, in one commit.

        When it returns the commit would survive a power cut, and every later `state`
        shows it. When it raises, what was held before is untouched. Appending the same
        rows again adds a second commit; each key is still answered by one.

        Parameters
        ----------
        table : pyarrow.Table
            Canonical rows, with NULL for what is missing. No rows is fine: that a root
            has no synapses is worth remembering.
        shape : TableShape
        coverage : Whole, Keys or Request
            For the first two the table needs every column of `shape`.
        provenance : Provenance
        supersedes : collection of str
            Ids of commits that count no longer once this one is there. Their files
            stay for a day, for readers that have begun.
        sort_by : sequence of str
            Ascending, NULL last, stable; empty keeps the order as it is.
        exact : bool
            The values are the database's own.

        Raises
        ------
        InvalidQueryError
            If columns are missing, or `supersedes` holds no commit id.
        StoreError
            If the disk is full or fails.
        """
        with self.writer(
            shape=shape,
            coverage=coverage,
            provenance=provenance,
            supersedes=supersedes,
            sort_by=sort_by,
            exact=exact,
        ) as writer:
            writer.write(table)
        return writer.commit

    def writer(  # noqa: PLR0913  # as append
        self,
        *,
        shape: TableShape,
        coverage: Coverage,
        provenance: Provenance,
        supersedes: Collection[str] = (),
        sort_by: Sequence[str] = ("id",),
        exact: bool = False,
        rows_per_file: int = ROWS_PER_FILE,
    ) -> "RowWriter":
        """Return a context manager that adds many batches in one commit.

        Nothing is visible before the block ends; if it ends by an error nothing ever
        is. Memory is bounded by `rows_per_file`. See `RowWriter` and `append`.
        """
        from cortical_cache.store.writer import RowWriter

        return RowWriter(
            self.folder,
            self.disk,
            self._bind,
            shape=shape,
            coverage=coverage,
            provenance=provenance,
            supersedes=self.with_those_below(supersedes),
            sort_by=sort_by,
            exact=exact,
            rows_per_file=rows_per_file,
        )

    def with_those_below(self, supersedes: Collection[str]) -> frozenset[str]:
        """Add what the commits to be superseded have superseded in layers below.

        A sweep takes them in a day, knowing one's own store only; nothing else would
        say then that those below count no longer.
        """
        found = frozenset(supersedes)
        if not self._below:
            return found
        own = {one.id: one for one in self._read_own().commits.values()}
        below = {
            one.id
            for layer in self._below
            for one in layer._read_own().commits.values()  # noqa: SLF001  its own kind
        }
        left = [own.pop(one) for one in found if one in own]
        while left:
            superseded = left.pop().supersedes
            found |= superseded & below
            left += [own.pop(one) for one in superseded if one in own]
        return found

    def claim(self) -> None:
        """Claim the dataset's folder, before something is written beside `append`."""
        self._bind()

    def folder_of(self, commit: Commit) -> Path:
        """Return where the files of a commit lie: here, or in a layer below."""
        name = f"{commit.id}.json"
        layers = (self, *self._below)
        holds = (one for one in layers if name in one._read_own().commits)  # noqa: SLF001  its own kind
        return next((one.folder for one in holds), self.folder)

    def note_use(self) -> None:
        """Note that the rows are used; naming files to a reader does so by itself.

        See `LastUse`: at most once a day, and never an error.
        """
        self._last_use.note()

    def segment(self, file: DataFile, folder: Path) -> "Segment":
        """Return the rows of a data file of facts, by id; mapped if they are many.

        Of a layer below what is mapped already is used, and nothing is made.

        Raises
        ------
        FileNotFoundError
            If the file is gone; ask through `read`.
        """
        from cortical_cache.store.segments import load

        disk = self.disk if folder == self.folder else None
        return load(disk, folder, file)

    @property
    def segment_nbytes(self) -> int:
        """Size of what is there besides the data files to map them."""
        nbytes = 0
        for path in segment_files(self.folder):
            with suppress(FileNotFoundError):  # removed since it was listed
                nbytes += path.stat().st_size
        return nbytes

    def fetch_lock(
        self, key: str, timeout: float = 600
    ) -> AbstractContextManager[bool]:
        """Return a context manager that keeps others from fetching the same thing.

        It yields True if the lock is held, and False if it could not be had within
        `timeout` seconds or at all (a read-only store, say): go on either way, and look
        at `state` again first. Nothing depends on it but saved work, and it never
        raises. A lock whose holder died is free at once, or within half a minute on
        file systems without ``flock``.
        """
        return fetch_lock(
            locks_folder(self.folder), key, timeout, make_folder=self.disk.make_folder
        )

    def make_folder(self) -> None:
        """Make the row set's folder, where what is on its way may lie."""
        self.disk.make_folder(self.folder)

    def _read(self, name: str) -> Commit:
        return read_commit(commits_folder(self.folder) / name)

    def _state(self, commits: dict[str, Commit]) -> RowSetState:
        folders = {one.id: self.folder for one in commits.values()}
        return RowSetState(_live(commits.values()), folders, self._check_file)

    def _join(self, readings: Sequence[_Reading]) -> RowSetState:
        """Return the state of all layers: of a commit in two, the upper one's files."""
        commits: dict[str, Commit] = {}
        folders: dict[str, Path] = {}
        layers = (self, *self._below)
        for layer, reading in reversed(list(zip(layers, readings, strict=True))):
            for commit in reading.commits.values():
                commits[commit.id] = commit
                folders[commit.id] = layer.folder
        return RowSetState(_live(commits.values()), folders, self._check_file)

    def _check_file(self, path: Path, file: DataFile, extent: Extent) -> None:
        self._checks.check(path, file, extent)
        if path.parent == self.folder:
            self.note_use()


def _live(commits: Collection[Commit]) -> tuple[Commit, ...]:
    """Return those that none of them supersedes, oldest first."""
    superseded = {one for commit in commits for one in commit.supersedes}
    live = (one for one in commits if one.id not in superseded)
    return tuple(sorted(live, key=lambda commit: commit.id))


def _names(folder: Path) -> frozenset[str]:
    try:
        with told(folder, "read"):
            names = os.listdir(folder)  # noqa: PTH208  # names only: it runs on every call
        return frozenset(name for name in names if name.endswith(".json"))
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()
