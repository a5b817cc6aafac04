"""Remove a row set on purpose, under the eyes of readers and writers."""

from contextlib import suppress
from pathlib import Path

from cortical_cache.errors import StoreError
from cortical_cache.store.commit_file import read_commit
from cortical_cache.store.disk import Disk, told
from cortical_cache.store.layout import commit_files, commits_folder, segment_files

__all__ = ["remove_rows"]


def remove_rows(disk: Disk, folder: Path) -> int:
    """Remove the commits of a row set, then the files that they name.

    Oldest commits first: what one superseded never counts again, and stopped half-way
    the rest still answers. Files of a writer that has not committed yet stay.

    Returns
    -------
    int
        Bytes of the files removed.

    Raises
    ------
    StoreError
        If the disk refuses.
    """
    with told(folder):
        return _remove(disk, folder)


def _remove(disk: Disk, folder: Path) -> int:
    commits = sorted(commit_files(folder), key=lambda path: path.name)
    names: set[str] = set()
    for path in commits:
        with suppress(StoreError, FileNotFoundError):  # a sweep takes its files
            names.update(file.name for file in read_commit(path).files)
        disk.remove(path)
    if commits:
        disk.sync_folder(commits_folder(folder))
    freed = 0
    for path in (*(folder / name for name in names), *segment_files(folder)):
        with suppress(FileNotFoundError):
            freed += path.stat().st_size
            disk.remove(path)
    return freed
