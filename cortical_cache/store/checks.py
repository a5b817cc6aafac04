"""Compare data files with what their commit says, before anything reads them.

Once in a process: what comes to harm after that is found by the next one, or by
`verify`.
"""

import hashlib
from pathlib import Path

from cortical_cache.errors import CorruptStoreError, StoreChangedError
from cortical_cache.store.commit import SMALL, DataFile
from cortical_cache.store.disk import told
from cortical_cache.store.state import Extent
from cortical_cache.store.sums import FileParts

__all__ = ["FileChecks"]


class FileChecks:
    """What a process has found right of the data files of a row set.

    A small file is hashed whole, as is any that is copied: damage must not get a new,
    right checksum. Of a large one those parts are compared that will be read. Where a
    statement scans it nobody knows which, and to read every column of every row could
    cost many times the statement: then, and where an earlier release wrote the commit,
    without sums of parts, the size alone.
    """

    def __init__(self) -> None:
        self._whole: set[str] = set()
        self._parts: dict[str, FileParts] = {}

    def check(self, path: Path, file: DataFile, extent: Extent) -> None:
        """Compare what is going to be read of a file.

        Raises
        ------
        CorruptStoreError
            If it differs.
        StoreChangedError
            If the file is gone.
        """
        try:
            with told(path, "read"):
                self._check(path, file, extent)
        except FileNotFoundError as error:
            raise StoreChangedError(f"{path} is gone, and a commit names it") from error

    def _check(self, path: Path, file: DataFile, extent: Extent) -> None:
        nbytes = path.stat().st_size
        if nbytes != file.nbytes:
            raise CorruptStoreError(
                f"{path} has {nbytes} bytes and its commit says {file.nbytes}"
            )
        if file.name in self._whole:
            return
        if nbytes <= SMALL or extent == "copied":
            _check_hash(path, file)
            self._whole.add(file.name)
        elif file.sums and extent != "scanned":
            parts = self._parts.setdefault(file.name, FileParts(path, file.sums))
            if extent == "read":
                parts.check_all()
            else:
                parts.check_keys(*extent)


def _check_hash(path: Path, file: DataFile) -> None:
    with path.open("rb") as data:
        digest = hashlib.file_digest(data, "sha256").hexdigest()
    if digest != file.sha256:
        raise CorruptStoreError(f"{path} is damaged: its checksum does not match")
