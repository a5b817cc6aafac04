"""Compare every file of a dataset with what its commit, or its own checksum, says.

What is damaged can be set aside: then it counts no longer, and the rest does.
"""

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cortical_cache.errors import NewerFormatError, StoreError
from cortical_cache.store.commit import Commit, DataFile
from cortical_cache.store.commit_file import read_commit
from cortical_cache.store.disk import TEMPORARY, Disk, told
from cortical_cache.store.document import read_document
from cortical_cache.store.layout import (
    binding_file,
    commit_files,
    commits_folder,
    document_files,
    object_files,
    objects_folders,
    row_set_folders_of,
    segment_file,
)
from cortical_cache.store.objects import unpacked
from cortical_cache.store.sealed import read_sealed

__all__ = ["Problem", "put_back", "set_aside", "verify"]


@dataclass(frozen=True, slots=True)
class Problem:
    """A file that is not what it should be.

    Attributes
    ----------
    path : Path
    what : str
        What is wrong, as a sentence that names the file.
    document : Path
        The commit that names the file, or the file itself: what to set aside.
    commit : Commit or None
        That commit, if it can be read.
    is_newer : bool
        It is not damaged: a newer release wrote it.
    """

    path: Path
    what: str
    document: Path
    commit: Commit | None = None
    is_newer: bool = False


def verify(dataset: Path, *, deep: bool) -> Iterator[Problem]:
    """Yield what is wrong in a dataset folder; see `Store.verify`."""
    binding = binding_file(dataset)
    if not binding.exists():
        yield Problem(binding, f"{binding} is missing", binding)
    yield from _verify_documents(dataset, binding)
    for _, _, folder in objects_folders(dataset):
        for path in object_files(folder) if deep else ():
            try:
                with told(path, "read"):
                    packed = path.read_bytes()
                unpacked(packed, path)
            except FileNotFoundError:  # removed since it was listed
                continue
            except StoreError as error:
                yield _unreadable(path, error)
    for folder in row_set_folders_of(dataset):
        for path in commit_files(folder):
            yield from _verify_commit(folder, path, deep=deep)


def _verify_documents(dataset: Path, binding: Path) -> Iterator[Problem]:
    for path in document_files(dataset):
        try:
            if path == binding:
                if not read_sealed(path).keys() >= {"datastack", "server"}:
                    yield Problem(path, f"{path} does not say whose the data are", path)
            else:
                read_document(path, dataset)
        except FileNotFoundError:
            continue
        except StoreError as error:
            yield _unreadable(path, error)


def _unreadable(path: Path, error: StoreError) -> Problem:
    newer = isinstance(error, NewerFormatError)
    return Problem(path, str(error), path, is_newer=newer)


def _verify_commit(folder: Path, path: Path, *, deep: bool) -> Iterator[Problem]:
    try:
        commit = read_commit(path)
    except FileNotFoundError:  # swept since it was listed
        return
    except StoreError as error:
        yield _unreadable(path, error)
        return
    for file in commit.files:
        what = _damage(folder / file.name, file, deep=deep)
        if what is not None and path.exists():
            said = f"{folder / file.name} {what}"
            yield Problem(folder / file.name, said, path, commit)
        elif deep:
            yield from _verify_segment(folder, file)


def _verify_segment(folder: Path, file: DataFile) -> Iterator[Problem]:
    segment = segment_file(folder, file.name)
    if not segment.exists():
        return
    from cortical_cache.store.segments import differs

    if differs(folder, file):
        said = f"{segment} says something else than {file.name}"
        yield Problem(segment, said, segment)


def set_aside(disk: Disk, problem: Problem) -> None:
    """Let what is damaged count no longer; a sweep removes it in a day.

    What a commit had superseded counts again, if it is still there. The files that it
    names stay as long as it does, whatever their age: most of them may be sound.
    """
    document = problem.document
    if document.exists():
        with told(document):
            for path in (*_named_by(problem), document):
                with suppress(FileNotFoundError):
                    disk.touch(path)
            disk.rename(document, _aside(document))
            disk.sync_folder(document.parent)


def put_back(disk: Disk, problem: Problem) -> None:
    """Undo `set_aside`, if nothing has come in its place and it was not swept."""
    document = problem.document
    if _aside(document).exists() and not document.exists():
        with told(document):
            disk.rename(_aside(document), document)
            disk.sync_folder(document.parent)


def _aside(document: Path) -> Path:
    return document.with_name(f".{document.name}{TEMPORARY}")


def _named_by(problem: Problem) -> list[Path]:
    """Return the files that go with a commit: any, if it cannot be read."""
    folder = problem.document.parents[1]
    if problem.commit is not None:
        return [folder / file.name for file in problem.commit.files]
    if problem.document.parent != commits_folder(folder):
        return []
    return [*folder.glob("*.parquet")]


def _damage(path: Path, file: DataFile, *, deep: bool) -> str | None:
    try:
        nbytes = path.stat().st_size
        if nbytes != file.nbytes:
            return f"has {nbytes} bytes and its commit says {file.nbytes}"
        if not deep:
            return None
        with path.open("rb") as data:
            digest = hashlib.file_digest(data, "sha256").hexdigest()
    except FileNotFoundError:
        return "is gone, and a commit names it"
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    return None if digest == file.sha256 else "does not match its checksum"
