"""One dataset folder: its facts, its row sets, its objects, and what takes its room."""

import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Self, cast, get_args

from cortical_cache.model.room import Taken
from cortical_cache.store.disk import Disk
from cortical_cache.store.facts import FactFolder
from cortical_cache.store.layout import (
    RowKind,
    commits_folder,
    graph_names,
    objects_folder,
    row_set_folder,
    row_set_identity,
    row_set_names,
    versions_held,
)
from cortical_cache.store.objects import ObjectGroup, Objects, groups
from cortical_cache.store.pins import is_pinned, pin, unpin
from cortical_cache.store.removal import remove_objects, remove_rows
from cortical_cache.store.rows import RowSet
from cortical_cache.store.space import taken
from cortical_cache.store.sweep import SweepReport, sweep
from cortical_cache.store.verify import Problem, put_back, set_aside, verify

__all__ = ["DatasetStore"]


class DatasetStore(FactFolder):
    """What is held of one dataset. Made by `Store.dataset`.

    Attributes
    ----------
    folder : Path
        May not exist.
    datastack, server : str
        Whose it is; see `BoundFolder`.
    """

    def __init__(  # noqa: PLR0913  identity and collaborators, given by Store
        self,
        folder: Path,
        datastack: str,
        server: str,
        *,
        disk: Disk,
        prepare: Callable[[], None],
        below: Sequence[Self] = (),
    ) -> None:
        super().__init__(
            folder, datastack, server, disk=disk, prepare=prepare, below=below
        )
        self._row_sets: dict[tuple[RowKind, str, int], RowSet] = {}
        self._row_sets_lock = threading.Lock()

    def versions(self) -> tuple[int, ...]:
        """Return the versions of which anything is held, rows or facts, ascending."""
        self.check()
        own = set(versions_held(self.folder))
        return tuple(sorted(own.union(*(one.versions() for one in self._below))))

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
