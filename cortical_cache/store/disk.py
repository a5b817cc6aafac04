"""The few operations by which the store changes a disk, behind one object.

Everything that can fail or be cut short by a crash happens here and only here, so that
a test can hand the store a `Disk` that fails, or ends the process, at any one of them.
Reading is not here: a read changes nothing.
"""

import errno
import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from io import BufferedWriter, FileIO
from pathlib import Path
from typing import BinaryIO, Literal

from uuid6 import uuid7

from cortical_cache.errors import StoreError

__all__ = ["TEMPORARY", "Disk", "IdleDisk", "ReadOnlyDisk", "place", "told"]

TEMPORARY = ".tmp"

# What file systems answer that cannot sync a folder at all; any other error is real.
_CANNOT_SYNC_FOLDER = {errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES}
_CANNOT_LINK = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
_BUFFER = 1 << 20


class Disk:
    """The operations themselves.

    Parameters
    ----------
    group_readable : bool
        Files and folders are made for the user alone; with this, for reading by the
        group, too. Nobody else, and no group may write, whatever the umask allows.
    """

    def __init__(self, *, group_readable: bool = False) -> None:
        self._group_readable = group_readable

    def create(self, path: Path) -> BufferedWriter:
        """Open a file that must not exist yet for writing."""
        file = FileIO(path, "xb", opener=_open_private)
        if self._group_readable:  # asked for, so the umask has no say
            path.chmod(0o640)
        return BufferedWriter(file, _BUFFER)

    def write(self, file: BinaryIO, data: bytes | memoryview) -> None:
        """Append `data` to the file."""
        file.write(data)

    def sync(self, file: BinaryIO) -> None:
        """Return once the file's bytes would survive a power cut."""
        file.flush()
        os.fsync(file.fileno())

    def rename(self, source: Path, target: Path) -> None:
        """Give the file its new name in one step, replacing what had it."""
        source.replace(target)

    def link(self, source: Path, target: Path) -> None:
        """Give the file a second name that nothing may have yet.

        Raises
        ------
        FileExistsError
            If something has that name.
        """
        try:
            os.link(source, target)
        except OSError as error:
            if error.errno not in _CANNOT_LINK:
                raise
            # No links here (exFAT, some network mounts): two processes that do this at
            # the same instant can both succeed, which is as good as it gets.
            if target.exists():
                raise FileExistsError(errno.EEXIST, "exists", str(target)) from error
            self.rename(source, target)

    def sync_folder(self, path: Path) -> None:
        """Return once the folder's entries would survive a power cut."""
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except PermissionError:  # Windows opens no folders, and needs no sync
            return
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in _CANNOT_SYNC_FOLDER:
                raise
        finally:
            os.close(descriptor)

    def make_folder(self, path: Path) -> None:
        """Create the folder and its parents where they are missing, durably.

        Raises
        ------
        StoreError
            If the disk refuses.
        """
        if path.is_dir():
            return
        self.make_folder(path.parent)
        with told(path):
            with suppress(FileExistsError):  # another process was faster
                path.mkdir(mode=0o700)
                if self._group_readable:
                    path.chmod(0o750)
            self.sync_folder(path.parent)

    def touch(self, path: Path) -> None:
        """Set the file's time to now.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        """
        os.utime(path)

    def remove(self, path: Path) -> None:
        """Remove the file if it is there."""
        path.unlink(missing_ok=True)


class IdleDisk(Disk):
    """A disk that nothing is removed from, to learn what would be."""

    def remove(self, path: Path) -> None:
        """Leave the file where it is."""

    def sync_folder(self, path: Path) -> None:
        """Do nothing: nothing was changed."""


class ReadOnlyDisk(Disk):
    """A disk that refuses every change, whatever its permissions are."""

    def create(self, path: Path) -> BufferedWriter:
        """Refuse it."""
        raise _refused(path)

    def rename(self, source: Path, target: Path) -> None:  # noqa: ARG002  as Disk
        """Refuse it."""
        raise _refused(target)

    def link(self, source: Path, target: Path) -> None:  # noqa: ARG002  as Disk
        """Refuse it."""
        raise _refused(target)

    def make_folder(self, path: Path) -> None:
        """Refuse it."""
        raise _refused(path)

    def touch(self, path: Path) -> None:
        """Refuse it."""
        raise _refused(path)

    def remove(self, path: Path) -> None:
        """Refuse it."""
        raise _refused(path)


def _open_private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def _refused(path: Path) -> PermissionError:
    return PermissionError(errno.EACCES, "in a store that is only read", str(path))


@contextmanager
def told(path: Path, verb: Literal["read", "written"] = "written") -> Generator[None]:
    """Say of an error of the disk what could not be read or written.

    Raises
    ------
    StoreError
        With the system's number. What is an answer passes: that a file to be made is
        there, or that one to be read is not.
    """
    try:
        yield
    except (FileExistsError, StoreError):
        raise
    except OSError as error:
        if verb == "read" and isinstance(error, FileNotFoundError | NotADirectoryError):
            raise
        said = error.strerror or str(error)
        problem = StoreError(f"{path} cannot be {verb}: {said}")
        problem.errno = error.errno
        raise problem from error


def place(disk: Disk, path: Path, data: bytes, *, exclusive: bool = False) -> None:
    """Put a whole file at `path`, in one step and durably.

    On any error what was there stays, and nothing is left behind.

    Parameters
    ----------
    exclusive : bool
        Do not replace what is there.

    Raises
    ------
    FileExistsError
        If something is there and must not be replaced.
    StoreError
        If the disk refuses.
    """
    temporary = path.parent / f".{uuid7()}{TEMPORARY}"
    with told(path):
        try:
            with disk.create(temporary) as file:
                disk.write(file, data)
                disk.sync(file)
            if exclusive:
                disk.link(temporary, path)
            else:
                disk.rename(temporary, path)
        finally:
            disk.remove(temporary)
        disk.sync_folder(path.parent)
