"""JSON files that know when they are damaged, whole or absent.

A file is one JSON object, ``{"format": 1, "sha256": "...", "body": {...}}``. The
checksum is of the body's bytes as they stand in the file: without it one flipped bit
could turn a covered root id into another, and the wrong answer would look like any.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from cortical_cache.errors import CorruptStoreError, NewerFormatError
from cortical_cache.store.disk import Disk, place, told

__all__ = ["FORMAT", "JSON", "create_sealed", "read_sealed", "write_sealed"]

JSON: TypeAlias = (
    "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"
)

FORMAT = 1

_ENVELOPE = re.compile(
    rb'\{"format":(\d{1,9}),"sha256":"([0-9a-f]{64})","body":(.*)\}\n', re.DOTALL
)


def write_sealed(disk: Disk, path: Path, body: Mapping[str, JSON]) -> None:
    """Put `body` at `path`, replacing what is there in one step.

    On any error what was there stays, and nothing is left behind.
    """
    place(disk, path, _seal(body))


def create_sealed(disk: Disk, path: Path, body: Mapping[str, JSON]) -> None:
    """Put `body` at `path`, where nothing may be yet.

    Raises
    ------
    FileExistsError
        If something is there; it stays.
    """
    place(disk, path, _seal(body), exclusive=True)


def read_sealed(path: Path) -> Mapping[str, JSON]:
    """Return the body of the file at `path`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    CorruptStoreError
        If it is not what was written.
    NewerFormatError
        If a newer release wrote it in a format that this one does not know.
    """
    with told(path, "read"):
        sealed = path.read_bytes()
    match = _ENVELOPE.fullmatch(sealed)
    if match is None:
        raise CorruptStoreError(f"{path} is damaged, or not a file of the store")
    number, digest, body = match.groups()
    if int(number) > FORMAT:
        raise NewerFormatError(
            f"{path} has format {int(number)} and this release reads up to {FORMAT}; "
            "upgrade with `pip install --upgrade cortical-cache`"
        )
    if int(number) != FORMAT:
        raise CorruptStoreError(f"{path} has a format that never was")
    if hashlib.sha256(body).hexdigest() != digest.decode():
        raise CorruptStoreError(f"{path} is damaged: its checksum does not match")
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise CorruptStoreError(f"{path} does not hold JSON") from error
    if not isinstance(parsed, dict):
        raise CorruptStoreError(f"{path} does not hold a JSON object")
    return parsed  # pyright: ignore[reportUnknownVariableType]  # json gives str keys


def _seal(body: Mapping[str, JSON]) -> bytes:
    text = json.dumps(body, separators=(",", ":"), allow_nan=False).encode()
    digest = hashlib.sha256(text).hexdigest().encode()
    return b'{"format":%d,"sha256":"%s","body":%s}\n' % (FORMAT, digest, text)
