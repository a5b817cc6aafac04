"""Let one row set hold the files of another one, without a second copy on disk."""

import os
from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from uuid6 import uuid7

from cortical_cache.model.coverage import Coverage
from cortical_cache.model.shape import TableShape
from cortical_cache.store.commit import Commit, Provenance
from cortical_cache.store.commit_file import commit_file, write_commit
from cortical_cache.store.disk import TEMPORARY, Disk, told
from cortical_cache.store.layout import commits_folder
from cortical_cache.store.rows import RowSet

__all__ = ["adopt"]

_AT_ONCE = 1 << 20


def adopt(  # noqa: PLR0913  as RowSet.append
    target: RowSet,
    source: RowSet,
    commit: Commit,
    *,
    shape: TableShape,
    coverage: Coverage,
    provenance: Provenance,
    supersedes: Collection[str] = (),
) -> Commit:
    """Commit to `target` the very files of a commit of `source`.

    The files are linked, or copied where the file system has no links; each row set
    keeps its own, so that superseding or sweeping one leaves the other whole. Called
    again it adds another commit; nothing is ever replaced.

    Parameters
    ----------
    target, source : RowSet
        Of one dataset.
    commit : Commit
        Of `source`.
    shape : TableShape
        What the rows are in `target`; the files have its columns, and maybe more.
    coverage : Coverage
    provenance : Provenance
    supersedes : collection of str
        Commits of `target` that count no longer.

    Raises
    ------
    StoreError
        If the disk is full or fails. What was held stays.
    FileNotFoundError
        If a file has gone.
    """
    disk = target.disk
    folder = target.folder
    target.claim()
    disk.make_folder(commits_folder(folder))
    made: list[Path] = []
    files = tuple(replace(one, name=f"{uuid7()}.parquet") for one in commit.files)
    new = Commit(
        id=str(uuid7()),
        created=datetime.now(UTC),
        files=files,
        shape=shape,
        coverage=coverage,
        provenance=provenance,
        supersedes=target.with_those_below(supersedes),
        exact=commit.exact,
    )
    try:
        place = source.folder_of(commit)
        share = _share if place == source.folder else _copy
        for old, file in zip(commit.files, files, strict=True):
            made.append(folder / file.name)
            share(disk, place / old.name, made[-1])
        with told(folder):
            disk.sync_folder(folder)
        write_commit(disk, folder, new)
    except BaseException:
        if not commit_file(
            folder, new.id
        ).exists():  # past its rename the commit counts
            for one in made:
                with suppress(OSError):  # what stays is swept in a day
                    disk.remove(one)
        raise
    return new


def _share(disk: Disk, source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        _copy(disk, source, target)
    else:
        disk.touch(target)


def _copy(disk: Disk, source: Path, target: Path) -> None:
    """Copy a file: a link to one of a layer below would change that one's date."""
    temporary = target.with_name(f".{target.name}{TEMPORARY}")
    with source.open("rb") as there, told(target):
        try:
            with disk.create(temporary) as file:
                while part := there.read(_AT_ONCE):
                    disk.write(file, part)
                disk.sync(file)
            disk.rename(temporary, target)
        finally:
            disk.remove(temporary)
        disk.touch(target)
