"""The facts of a dataset: small documents that are replaced whole, one file each.

So two processes that learn different facts cannot lose each other's.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from cortical_cache.errors import CorruptStoreError, InvalidQueryError
from cortical_cache.store.binding import BoundFolder
from cortical_cache.store.disk import Disk, told
from cortical_cache.store.document import Document, read_document, write_document
from cortical_cache.store.layout import (
    fact_file,
    fact_files,
    version_file,
    version_folder,
)
from cortical_cache.store.names import decode_name
from cortical_cache.store.sealed import JSON

__all__ = ["FactFolder"]

_FORGOTTEN = "forgotten."


class FactFolder(BoundFolder):
    """The part of a dataset's store that keeps its facts and the versions' records."""

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
        super().__init__(folder, datastack, server, disk=disk, prepare=prepare)
        self._below = tuple(below)

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
