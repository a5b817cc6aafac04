"""List and read one location: ``gs://``, ``s3://``, ``https://``, or a folder."""

import base64
import binascii
import os
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import fsspec  # pyright: ignore[reportMissingTypeStubs]  it has no types
import stamina

from cortical_cache.errors import (
    ConfigurationError,
    NotAuthorizedError,
    ServerUnavailableError,
    SourceError,
)
from cortical_cache.sources.limits import JSON_BYTES

__all__ = ["Bucket", "Entry", "ObjectGoneError"]

T = TypeVar("T")

_ATTEMPTS = 6
_DENIED = {401, 403}
_SCHEMES = {"gs", "s3", "https", "http", "file", ""}
_LOGIN = {
    "gs": "gcloud auth application-default login",
    "s3": "aws configure",
}


class ObjectGoneError(SourceError):
    """There is no such object, or no longer."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One object or folder at a location.

    Attributes
    ----------
    name : str
        Path below the location, with slashes.
    is_folder : bool
    size : int
        Bytes.
    generation : str
        Changes whenever the content does: generation, ETag, or time and size.
    crc32c, md5 : bytes or None
        What the store publishes of the content.
    """

    name: str
    is_folder: bool
    size: int = 0
    generation: str = ""
    crc32c: bytes | None = None
    md5: bytes | None = None


class Bucket:
    """A location, read anonymously where that is allowed, else as the user.

    Parameters
    ----------
    location : str
        ``gs://bucket/folder``, ``s3://bucket/folder``, ``https://host/folder``,
        ``file:///folder``, or a path. ``STORAGE_EMULATOR_HOST`` and
        ``AWS_ENDPOINT_URL`` redirect the first two, as in their own tools.

    Raises
    ------
    ConfigurationError
        If it is none of these, or the library for it is not installed.
    """

    def __init__(self, location: str) -> None:
        self.location = location.rstrip("/")
        parts = urlsplit(location)
        if parts.scheme not in _SCHEMES or not location.isprintable():
            raise ConfigurationError(
                f"{location!r} is no export location; give gs://, s3://, https:// or "
                "file:// and a folder, or a path"
            )
        self.scheme = parts.scheme or "file"
        self.is_local = self.scheme == "file"
        self.name = parts.netloc
        if self.is_local:
            self._root = str(Path(parts.path or location).expanduser().absolute())
            self.location = self._root
        elif self.scheme in {"http", "https"}:
            self._root = self.location
        else:
            self._root = f"{parts.netloc}{parts.path}".rstrip("/")
        self._is_anonymous = True
        self._files: Any = None

    def path(self, name: str) -> Path:
        """Return where an object of a local location lies."""
        return Path(self._root, name)

    def entries(self, folder: str = "") -> list[Entry]:
        """List a folder, not what is below it, by name.

        A web server that lists nothing has none; `find` looks for a name there.

        Raises
        ------
        ObjectGoneError
            If there is no such folder.
        NotAuthorizedError, ServerUnavailableError
        """
        path = self._path(folder)
        try:
            found: Any = self._ask(lambda files: files.ls(path, detail=True), folder)
        except ObjectGoneError:
            if self.scheme in {"http", "https"}:
                return []
            raise
        entries = (self._entry(one) for one in found)
        return sorted(
            (one for one in entries if one.name and one.name != folder.rstrip("/")),
            key=lambda one: one.name,
        )

    def find(self, name: str) -> Entry | None:
        """Describe one object as it is now; None if there is none."""
        path = self._path(name)
        try:
            found: Any = self._ask(lambda files: files.info(path), name)
        except ObjectGoneError:
            return None
        return self._entry({**found, "name": path})

    def read(self, name: str, start: int, stop: int) -> bytes:
        """Return some bytes of an object; a cut connection is tried again.

        Raises
        ------
        ObjectGoneError
            If the object vanished.
        NotAuthorizedError
        ServerUnavailableError
            If it stays out of reach.
        """
        path = self._path(name)

        def part(files: Any) -> bytes:  # noqa: ANN401  a file system of fsspec
            data = bytes(files.cat_file(path, start=start, end=stop))
            if len(data) == stop - start:
                return data
            if start == 0 and len(data) > stop:  # a server that knows no ranges
                return data[:stop]
            raise OSError(f"{len(data)} bytes came where {stop - start} were asked")

        return self._ask(part, name)

    def read_all(self, entry: Entry) -> bytes:
        """Return all bytes of a small object: a header, a part of a log.

        Raises
        ------
        SourceError
            If it is over `JSON_BYTES`, which none of these is.
        ObjectGoneError, NotAuthorizedError, ServerUnavailableError
        """
        if entry.size > JSON_BYTES:
            raise SourceError(
                f"{self.location}/{entry.name} has {entry.size:,} bytes, over "
                f"{JSON_BYTES:,}; refused"
            )
        return self.read(entry.name, 0, entry.size) if entry.size else b""

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}".rstrip("/")

    def _ask(self, ask: Callable[[Any], T], name: str) -> T:
        for attempt in stamina.retry_context(
            on=ServerUnavailableError, attempts=_ATTEMPTS, wait_initial=0.2
        ):
            with attempt, self._translated(name):
                try:
                    return ask(self._connected())
                except Exception as error:
                    if not (self._is_anonymous and _is_denied(error)):
                        raise
                return ask(self._as_user())
        raise AssertionError(name)

    def _connected(self) -> Any:  # noqa: ANN401  a file system of fsspec
        if self._files is None:
            self._files = self._open(anonymous=True)
        return self._files

    def _as_user(self) -> Any:  # noqa: ANN401  a file system of fsspec
        """Come back with the user's own credentials, for good."""
        files = self._open(anonymous=False)
        self._files, self._is_anonymous = files, False
        return files

    def _open(self, *, anonymous: bool) -> Any:  # noqa: ANN401  a file system of fsspec
        options: dict[str, object] = {
            "skip_instance_cache": True,
            "use_listings_cache": False,
        }
        if self.scheme == "gs":
            options["token"] = "anon" if anonymous else "google_default"
            if emulator := os.environ.get("STORAGE_EMULATOR_HOST"):
                options["endpoint_url"] = emulator
        elif self.scheme == "s3":
            options["anon"] = anonymous
            if endpoint := os.environ.get("AWS_ENDPOINT_URL"):
                options["endpoint_url"] = endpoint
        elif not anonymous:
            raise PermissionError(f"{self.name or self._root} refuses")
        try:
            return fsspec.filesystem(self.scheme, **options)
        except ImportError as error:
            extra = "cortical-cache[s3]" if self.scheme == "s3" else "gcsfs"
            message = f"{self.location} needs a library: pip install '{extra}'"
            raise ConfigurationError(message) from error

    @contextmanager
    def _translated(self, name: str) -> Generator[None]:
        where = self._path(name) if self.is_local else f"{self.location}/{name}"
        try:
            yield
        except (SourceError, ConfigurationError):
            raise
        except FileNotFoundError as error:
            raise ObjectGoneError(f"there is no {where.rstrip('/')}") from error
        except Exception as error:
            if _is_denied(error) or "Credentials" in type(error).__name__:
                raise NotAuthorizedError(self._refusal(error)) from error
            raise ServerUnavailableError(
                f"{where} cannot be read: {type(error).__name__}: {error}"
            ) from error

    def _refusal(self, error: Exception) -> str:
        what = f"bucket {self.name}" if self.scheme in _LOGIN else self.location
        if self.scheme not in _LOGIN:
            return f"{what} may not be read: {error}"
        kind = {"gs": "Google", "s3": "AWS"}[self.scheme]
        if self._is_anonymous:
            return (
                f"{what} may not be read anonymously, and your {kind} credentials "
                f"cannot be used: `{_LOGIN[self.scheme]}`"
            )
        return (
            f"{what} may not be read with your {kind} credentials; ask its owner for "
            "access"
        )

    def _entry(self, found: Mapping[str, Any]) -> Entry:
        path = str(found["name"])
        root = self._root
        name = path.removeprefix(root).strip("/") if path.startswith(root) else ""
        if found["type" if "type" in found else "name"] == "directory":
            return Entry(name, is_folder=True)
        size = int(found.get("size") or 0)
        etag = str(found.get("ETag") or found.get("etag") or "").strip('"')
        stamp = found.get("generation") or etag or found.get("mtime") or ""
        return Entry(
            name,
            is_folder=False,
            size=size,
            generation=f"{stamp}" if stamp else f"{size} bytes",
            crc32c=_decoded(found.get("crc32c")),
            md5=self._md5(found, etag),
        )

    def _md5(self, found: Mapping[str, Any], etag: str) -> bytes | None:
        published = _decoded(found.get("md5Hash") or found.get("Content-MD5"))
        if published is None and self.scheme == "s3" and "-" not in etag:
            # the ETag of what was sent in one part and not encrypted with a key
            with suppress(binascii.Error, ValueError):
                digest = bytes.fromhex(etag)
                return digest if len(digest) == 16 else None  # noqa: PLR2004  bytes of an MD5
        return published


def _decoded(text: object) -> bytes | None:
    if not text:
        return None
    try:
        return base64.b64decode(str(text), validate=True)
    except binascii.Error:
        return None


def _is_denied(error: BaseException) -> bool:
    code = getattr(error, "code", None) or getattr(error, "status", None)
    with suppress(TypeError, ValueError):
        if int(str(code)) in _DENIED:
            return True
    # gcsfs tells a refusal by its words alone
    said = str(error).startswith(("Forbidden", "Invalid Credentials", "Unauthorized"))
    return said or isinstance(error, PermissionError)
