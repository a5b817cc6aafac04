"""The file of a commit: where it is written, and that it is the one it should be."""

from pathlib import Path

from cortical_cache.errors import CorruptStoreError
from cortical_cache.store.commit import Commit
from cortical_cache.store.commit_json import commit_from_json, commit_to_json
from cortical_cache.store.disk import Disk
from cortical_cache.store.layout import commits_folder, place_of
from cortical_cache.store.sealed import read_sealed, write_sealed

__all__ = ["commit_file", "read_commit", "write_commit"]


def commit_file(row_set: Path, commit_id: str) -> Path:
    """Return the file of a commit."""
    return commits_folder(row_set) / f"{commit_id}.json"


def write_commit(disk: Disk, row_set: Path, commit: Commit) -> None:
    """Make a commit count: when this returns it would survive a power cut.

    Raises
    ------
    StoreError
        If the disk refuses. Past its rename the commit counts all the same.
    """
    path = commit_file(row_set, commit.id)
    write_sealed(disk, path, {**commit_to_json(commit), "of": place_of(row_set)})


def read_commit(path: Path) -> Commit:
    """Return the commit in a file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    CorruptStoreError
        If it is damaged, not a commit, or that of another row set.
    StoreError
        If a newer release wrote it.
    """
    body = read_sealed(path)
    try:
        commit = commit_from_json(body)
    except ValueError as error:
        raise CorruptStoreError(f"{path} is not a commit: {error}") from error
    if path.name != f"{commit.id}.json":
        raise CorruptStoreError(f"{path} holds commit {commit.id}: it was renamed")
    here = place_of(path.parents[1])
    if body.get("of", here) != here:  # the first releases did not say
        raise CorruptStoreError(f"{path} is a commit of {body['of']}: it was moved")
    return commit
