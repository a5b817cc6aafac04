"""What takes how much room in a dataset folder: superseded files and litter, too."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from cortical_cache.model.room import Taken
from cortical_cache.store.layout import (
    commits_folder,
    document_files,
    objects_folders,
    row_set_folders_of,
    row_set_identity,
    segment_file,
    version_folder,
    version_numbers,
)
from cortical_cache.store.names import decode_name
from cortical_cache.store.pins import is_pinned
from cortical_cache.store.usage import last_use

__all__ = ["taken"]

Stats = dict[Path, os.stat_result]


def taken(dataset: Path) -> Iterator[Taken]:
    """Yield what lies in a dataset folder. Reads no file, only what folders tell.

    Parameters
    ----------
    dataset : Path
        May not exist.
    """
    name = decode_name(dataset.name) or dataset.name
    for folder in row_set_folders_of(dataset):
        identity = row_set_identity(dataset, folder)
        stats = _files(folder) | _files(commits_folder(folder))
        stats |= _files(segment_file(folder, "").parent)
        if identity is not None and stats:
            kind, row_set, version = identity
            pinned = is_pinned(folder, dataset)
            used_at = _used(folder, stats)
            yield Taken(name, kind, row_set, version, _ids(stats), used_at, pinned)
    for kind, group, folder in objects_folders(dataset):
        stats = _files(folder)
        if stats:
            pinned = is_pinned(folder, dataset)
            used_at = _used(folder, stats)
            yield Taken(name, kind, group, 0, _ids(stats), used_at, pinned)
    yield from _records(dataset, name)


def _records(dataset: Path, name: str) -> Iterator[Taken]:
    of: dict[int, Stats] = {0: {}}
    folders = {version_folder(dataset, one): one for one in version_numbers(dataset)}
    for path in document_files(dataset):
        version = folders.get(path.parent, folders.get(path.parent.parent, 0))
        try:
            of.setdefault(version, {})[path] = path.stat()
        except FileNotFoundError:
            continue
    for version, stats in of.items():
        if stats:
            yield Taken(name, "records", "", version, _ids(stats))


def _files(folder: Path) -> Stats:
    """Return the files in a folder; those that vanish meanwhile take no room."""
    found: Stats = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    if entry.is_file(follow_symlinks=False):
                        # Not the entry's own: on Windows it lacks the inode.
                        found[Path(entry.path)] = os.stat(entry.path)  # noqa: PTH116  as scandir names it
                except FileNotFoundError:
                    continue
    except (FileNotFoundError, NotADirectoryError):
        return {}
    return found


def _ids(stats: Stats) -> dict[tuple[int, int], int]:
    return {(one.st_dev, one.st_ino): one.st_size for one in stats.values()}


def _used(folder: Path, stats: Stats) -> datetime | None:
    """Return when it was last read, or else written."""
    data = [one.st_mtime for path, one in stats.items() if path.suffix != ""]
    written = datetime.fromtimestamp(max(data), UTC) if data else None
    found = [one for one in (last_use(folder), written) if one is not None]
    return max(found, default=None)
