"""Objects: whole documents of their own, one compressed file each, written once.

A file appears under its name only when it is whole; gzip's own checksum tells whether
it still is, and the file name in its header whether it is the one it should be.
"""

import os
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cortical_cache.errors import CorruptStoreError
from cortical_cache.model.packed import gunzip
from cortical_cache.store.disk import Disk, place, told
from cortical_cache.store.layout import (
    object_file,
    object_files,
    object_names,
    objects_folders,
)
from cortical_cache.store.usage import LastUse

__all__ = ["ObjectGroup", "Objects", "groups", "unpacked"]


@dataclass(frozen=True, slots=True)
class ObjectGroup:
    """What is held of one kind and group.

    Attributes
    ----------
    kind, group : str
    count, nbytes : int
    oldest : datetime or None
        When the first of them was written, UTC.
    """

    kind: str
    group: str
    count: int
    nbytes: int
    oldest: datetime | None


class Objects:
    """The objects of one kind and group, by name. Made by `DatasetStore.objects`.

    Parameters
    ----------
    dataset : Path
        The dataset's folder.
    kind, group : str
        ``skeletons``, ``v4``.
    disk, check, bind
        Given by `DatasetStore`.
    """

    def __init__(  # noqa: PLR0913, PLR0917  identity and collaborators
        self,
        dataset: Path,
        kind: str,
        group: str,
        disk: Disk,
        check: Callable[[], object],
        bind: Callable[[], object],
        below: "Sequence[Objects]" = (),
    ) -> None:
        self._below = tuple(below)
        self._dataset = dataset
        self._kind = kind
        self._group = group
        self._disk = disk
        self._check = check
        self._bind = bind
        self._last_use = LastUse(self._file("any").parent, disk)

    def __contains__(self, name: object) -> bool:
        """Tell whether an object is held."""
        self._check()
        return self._file(str(name)).exists() or any(name in one for one in self._below)

    def names(self) -> list[str]:
        """Return the names of the objects that are held, sorted."""
        self._check()
        own = set(object_names(self._dataset, self._kind, self._group))
        return sorted(own.union(*(one.names() for one in self._below)))

    def read(self, name: str) -> bytes | None:
        """Return an object's bytes, or None if it is not held, here or below.

        Raises
        ------
        CorruptStoreError
            If its file is damaged. Removing the file lets it be fetched anew.
        """
        self._check()
        path = self._file(name)
        try:
            with told(path, "read"):
                packed = path.read_bytes()
        except FileNotFoundError:
            found = (one.read(name) for one in self._below)
            return next((one for one in found if one is not None), None)
        self._last_use.note()
        return unpacked(packed, path)

    def write(self, name: str, packed: bytes) -> None:
        """Keep an object; when this returns it would survive a power cut.

        Parameters
        ----------
        name : str
        packed : bytes
            As gzip.

        Raises
        ------
        StoreError
            If the disk is full or fails. Nothing is left behind.
        """
        self._bind()
        path = self._file(name)
        self._disk.make_folder(path.parent)
        place(self._disk, path, _label(path) + packed)

    def _file(self, name: str) -> Path:
        return object_file(self._dataset, self._kind, self._group, name)


# A gzip header with a file name, which is how ours begin.
_MARK = b"\x1f\x8b\x08\x08" + bytes(6) + b"cortical_cache/"


def _label(path: Path) -> bytes:
    """Return an empty gzip member that says whose the file is; any gunzip skips it."""
    name = "/".join(path.parts[-3:]).encode()
    empty = b"\x03\x00" + bytes(8)  # its checksum and size are 0
    return _MARK + name + b"\0" + empty


def unpacked(packed: bytes, path: Path) -> bytes:
    """Return what gzip holds.

    Raises
    ------
    CorruptStoreError
        If it is damaged, cut short, that of another name, or unpacks to far more.
    """
    if packed.startswith(_MARK) and not packed.startswith(_label(path)):
        raise CorruptStoreError(f"{path} is that of another name; remove it")
    try:
        held = gunzip(packed)
    except (EOFError, OSError, zlib.error) as error:
        raise CorruptStoreError(f"{path} is damaged: {error}; remove it") from error
    if not held:  # cut behind the label, which is whole by itself, or before it
        raise CorruptStoreError(f"{path} is cut short; remove it")
    return held


def groups(dataset: Path) -> list[ObjectGroup]:
    """List what objects are held of a dataset, by kind and group."""
    found: list[ObjectGroup] = []
    for kind, group, folder in sorted(objects_folders(dataset)):
        stats: list[os.stat_result] = []
        for path in object_files(folder):
            with suppress(FileNotFoundError):  # removed since it was listed
                stats.append(path.stat())
        if stats:
            oldest = min(one.st_mtime for one in stats)
            found.append(
                ObjectGroup(
                    kind,
                    group,
                    len(stats),
                    sum(one.st_size for one in stats),
                    datetime.fromtimestamp(oldest, UTC),
                )
            )
    return found
