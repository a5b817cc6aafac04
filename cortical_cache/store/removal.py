"""Remove something on purpose, under the eyes of readers and writers.

The room is wanted now, so nothing waits a day as what is superseded does: a reader that
has a file open goes on, and one that comes too late asks anew.
"""

from contextlib import suppress
from pathlib import Path

from cortical_cache.errors import StoreError
from cortical_cache.store.commit import Commit, superseded_first
from cortical_cache.store.commit_file import read_commit
from cortical_cache.store.disk import Disk, told
from cortical_cache.store.layout import (
    commit_files,
    commits_folder,
    object_files,
    segment_files,
    used_file,
)

__all__ = ["remove_objects", "remove_rows"]


def remove_rows(disk: Disk, folder: Path) -> int:
    """Remove the commits of a row set, then the files that they name.

    What one superseded never counts again, and stopped half-way the rest still answers.
    Files of a writer that has not committed yet stay.

    Returns
    -------
    int
        Bytes that became free: not those of files that another row set shares.

    Raises
    ------
    StoreError
        If the disk refuses.
    """
    with told(folder):
        return _remove_rows(disk, folder)


def _remove_rows(disk: Disk, folder: Path) -> int:
    paths = {path.stem: path for path in commit_files(folder)}
    commits: dict[str, Commit] = {}
    for path in paths.values():
        with suppress(StoreError, FileNotFoundError):  # a sweep takes its files
            commit = read_commit(path)
            commits[commit.id] = commit
    for ready in superseded_first(commits, commits):
        for commit in ready:
            disk.remove(paths.pop(commit.id))
        disk.sync_folder(commits_folder(folder))
    for path in paths.values():  # damaged: what they superseded is gone by now
        disk.remove(path)
    if paths:
        disk.sync_folder(commits_folder(folder))
    names = {file.name for commit in commits.values() for file in commit.files}
    disk.remove(used_file(folder))
    files = [*(folder / name for name in names), *segment_files(folder)]
    return sum(_remove(disk, path) for path in files)


def remove_objects(disk: Disk, folder: Path) -> int:
    """Remove the objects in a folder; return the bytes that became free.

    Each goes by itself: stopped half-way, the rest is still held.

    Raises
    ------
    StoreError
        If the disk refuses.
    """
    with told(folder):
        freed = sum(_remove(disk, path) for path in list(object_files(folder)))
        disk.remove(used_file(folder))
    return freed


def _remove(disk: Disk, path: Path) -> int:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return 0
    disk.remove(path)
    return stat.st_size if stat.st_nlink == 1 else 0
