"""Inflate a gzip stream in a thread of its own, checked to its end.

The trailer's CRC and length are checked by the inflater; what this adds is that a
stream which simply stops is an error, and not the end.
"""

import gzip
import io
import queue
import threading
import zlib
from collections.abc import Callable, Generator
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from cortical_cache.errors import SourceError
from cortical_cache.sources.limits import check_unpacked

__all__ = ["Inflated"]

_CHUNK = 4 << 20
_AHEAD = 4


class Inflated(io.RawIOBase):
    """The inflated bytes of a gzip file, as a file to read once, front to back.

    Parameters
    ----------
    file : binary file
        Of one or more gzip members.
    where : str
        For messages.

    Raises
    ------
    SourceError
        From `read`: if the stream is cut, damaged, no gzip at all, or unpacks to far
        more than a dump does.
    """

    def __init__(self, file: io.RawIOBase, where: str) -> None:
        self._where = where
        self._packed = _Counted(file)
        self._file = _opener()(self._packed)
        self._ready: queue.Queue[bytes | BaseException] = queue.Queue(_AHEAD)
        self._stop = threading.Event()
        self._rest = memoryview(b"")
        self._is_over = False
        self._error: BaseException | None = None
        self.nbytes = 0
        """Inflated bytes read so far."""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes; nothing at the end."""
        if size < 0:
            return b"".join(iter(lambda: self.read(_CHUNK), b""))
        if not self._rest and not self._is_over:
            self._rest = self._next()
        found, self._rest = self._rest[:size], self._rest[size:]
        self.nbytes += len(found)
        return bytes(found)

    def finish(self) -> None:
        """Raise what the stream ended by, if it was not its end.

        A parser may stop at an error of its own that a damaged stream led to.
        """
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Stop the thread."""
        self._stop.set()
        with suppress(queue.Empty):
            while True:
                self._ready.get_nowait()
        self._thread.join()
        super().close()

    def _next(self) -> memoryview:
        item = self._ready.get()
        if isinstance(item, BaseException):
            self._is_over = True
            self._error = item
            raise item
        self._is_over = not item
        return memoryview(item)

    def _run(self) -> None:
        for item in self._chunks():
            while not self._stop.is_set():
                try:
                    self._ready.put(item, timeout=0.2)
                    break
                except queue.Full:
                    continue
            if self._stop.is_set():
                return

    def _chunks(self) -> Generator[bytes | BaseException]:
        try:
            unpacked = 0
            while chunk := self._file.read(_CHUNK):
                unpacked += len(chunk)
                check_unpacked(unpacked, self._packed.nbytes, self._where)
                yield chunk
            yield b""
        except EOFError as error:
            yield _fault(
                f"{self._where} is cut short: its gzip stream has no end", error
            )
        except (gzip.BadGzipFile, zlib.error, OSError, ValueError) as error:
            if isinstance(error, SourceError):
                yield error
            else:
                yield _fault(f"{self._where} is damaged: {error}", error)
        except Exception as error:  # noqa: BLE001  isal has an error class of its own
            yield _fault(f"{self._where} is damaged: {error}", error)


class _Counted(io.RawIOBase):
    """A file that knows how many bytes were read of it."""

    def __init__(self, file: io.RawIOBase) -> None:
        self._file = file
        self.nbytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401  any writable buffer
        found = self._file.read(len(buffer)) or b""
        buffer[: len(found)] = found
        self.nbytes += len(found)
        return len(found)


def _fault(message: str, cause: BaseException) -> SourceError:
    fault = SourceError(message)
    fault.__cause__ = cause
    return fault


def _opener() -> Callable[[Any], Any]:
    """Return isal's inflater, three to four times faster, or else zlib's."""
    if find_spec("isal") is None:
        return lambda file: gzip.GzipFile(fileobj=file, mode="rb")
    igzip: Any = import_module("isal.igzip")
    return lambda file: igzip.IGzipFile(fileobj=file, mode="rb")
