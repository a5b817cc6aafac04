"""Whose a dataset folder is."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from cortical_cache.errors import CorruptStoreError, StoreError, StoreMismatchError
from cortical_cache.store.commit_file import read_commit
from cortical_cache.store.disk import Disk, told
from cortical_cache.store.layout import (
    binding_file,
    commit_files,
    row_set_folders_of,
    versions_held,
)
from cortical_cache.store.names import decode_name
from cortical_cache.store.sealed import JSON, create_sealed, read_sealed

__all__ = ["BoundFolder"]


class BoundFolder:
    """A folder that belongs to one (datastack, info server), for ever.

    Rows of two servers under one name would be wrong answers that look right.

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
                if next(versions_held(self.folder), None) is None:
                    return None
        raise CorruptStoreError(
            f"{path} is missing, so whose data {self.folder} holds is unknown"
        )

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


def _plain(server: str) -> str:
    return server.strip().rstrip("/").lower()
