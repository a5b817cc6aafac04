"""Bring one object once: it is read while it comes, and what has come stays.

The bytes go to a file as they come. The reader follows that file, so decoding overlaps
with the network, and after a crash the next run reads what is there and asks only for
the rest.
"""

import base64
import hashlib
import io
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from google_crc32c import Checksum  # pyright: ignore[reportMissingTypeStubs]  it has no types

from cortical_cache.errors import SourceError
from cortical_cache.sources.buckets.bucket import Bucket, Entry

__all__ = ["Download", "open_object"]

_CHUNK = 8 << 20


class Download(io.RawIOBase):
    """An object as a file to read once, front to back, and check at the end.

    Parameters
    ----------
    bucket : Bucket
    entry : Entry
        As listed; another generation is refused.
    spool : Path or None
        Where its bytes are kept until the caller removes them; None: the object is
        a local file and is read where it lies.
    came : callable
        Told how many bytes there are so far.
    """

    def __init__(
        self,
        bucket: Bucket,
        entry: Entry,
        spool: Path | None,
        came: Callable[[int], object],
    ) -> None:
        self._bucket = bucket
        self._entry = entry
        self._spool = spool
        self._came = came
        self._change = threading.Condition()
        self._error: BaseException | None = None
        self._stop = False
        self._digest = _digest(entry)
        self._at = 0
        self._here = 0
        self._thread: threading.Thread | None = None
        if spool is None:
            self._file: BinaryIO = bucket.path(entry.name).open("rb")
            self._here = entry.size
        else:
            spool.touch()
            self._file = spool.open("rb")
            self._here = min(spool.stat().st_size, entry.size)
            self._thread = threading.Thread(target=self._bring, daemon=True)
            self._thread.start()

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes as soon as there are any; nothing at the end.

        Raises
        ------
        SourceError
            If the object cannot be had. What has come stays in the spool.
        """
        if self._at >= self._entry.size:
            return b""
        with self._change:
            self._change.wait_for(lambda: self._here > self._at or self._error)
            if self._here <= self._at and self._error is not None:
                raise self._error
            there = self._here - self._at
        data = self._file.read(there if size < 0 else min(size, there))
        if not data:
            raise SourceError(f"{self._where} is shorter than it was when listed")
        self._at += len(data)
        self._digest.update(data)
        if self._spool is None:
            self._came(self._at)
        return data

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401  anything writable
        """Fill a buffer as far as there are bytes; see `read`."""
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def check(self) -> dict[str, str]:
        """Prove that what was read is the object; return what proves it.

        Raises
        ------
        SourceError
            If it differs from what the store publishes, or changed meanwhile. The
            spool is removed: its bytes are not to be gone on with.
        """
        while self.read(_CHUNK):  # a gzip reader may stop before the last bytes
            pass
        now = self._bucket.find(self._entry.name)
        if now is None or now.generation != self._entry.generation:
            self._forget()
            raise SourceError(
                f"{self._where} changed while it was read; run it again for the new one"
            )
        algorithm, published = _published(self._entry)
        if published is not None and self._digest.digest() != published:
            self._forget()
            raise SourceError(
                f"{self._where}: the bytes that came do not have the {algorithm} that "
                "is published of it; run it again"
            )
        proof = {"generation": self._entry.generation, "bytes": str(self._entry.size)}
        if published is not None:
            proof[algorithm] = base64.b64encode(published).decode()
        return proof

    def close(self) -> None:
        """Stop bringing; what has come stays in the spool."""
        with self._change:
            self._stop = True
        if self._thread is not None:
            self._thread.join()
        self._file.close()
        super().close()

    @property
    def _where(self) -> str:
        return f"{self._bucket.location}/{self._entry.name}"

    def _forget(self) -> None:
        if self._spool is not None:
            self._spool.unlink(missing_ok=True)

    def _bring(self) -> None:
        try:
            self._append()
        except BaseException as error:  # noqa: BLE001  the reader raises it
            with self._change:
                self._error = error
                self._change.notify_all()

    def _append(self) -> None:
        if self._spool is None:
            return
        with self._spool.open("r+b") as file:
            file.truncate(self._here)
            file.seek(self._here)
            while self._here < self._entry.size and not self._stop:
                stop = min(self._here + _CHUNK, self._entry.size)
                data = self._bucket.read(self._entry.name, self._here, stop)
                file.write(data)
                file.flush()
                with self._change:
                    self._here += len(data)
                    self._change.notify_all()
                self._came(self._here)


def open_object(
    bucket: Bucket, entry: Entry, spool: Path, came: Callable[[int], object]
) -> Download:
    """Return an object to read: a local one where it lies, else as it comes."""
    return Download(bucket, entry, None if bucket.is_local else spool, came)


class _Digest(Protocol):
    def update(self, data: bytes, /) -> Any: ...  # noqa: ANN401  whatever it returns

    def digest(self) -> bytes: ...


def _published(entry: Entry) -> tuple[str, bytes | None]:
    if entry.crc32c is not None:
        return "crc32c", entry.crc32c
    return "md5", entry.md5


def _digest(entry: Entry) -> _Digest:
    if entry.crc32c is not None:
        return Checksum()
    return hashlib.md5(usedforsecurity=False)
