"""Turn names from outside into parts of a path, and back. Nothing else may.

A table name comes from a server or a user, so it could be ``../../.bashrc``. It could
also differ from another by case alone, which is the same file on macOS and Windows.
Hence capitals, like everything but plain characters, are percent-encoded.
"""

import re
import string

from cortical_cache.errors import ConfigurationError

__all__ = ["decode_name", "encode_name"]

_PLAIN = frozenset(string.ascii_lowercase + string.digits + "_-.")
_REFUSED = frozenset("/\\\0")
_RESERVED = frozenset(
    {"con", "prn", "aux", "nul", "cachedir.tag"}
    | {f"{device}{number}" for device in ("com", "lpt") for number in range(1, 10)}
)
_MAX_BYTES = 200  # of the 255 that file systems grant, so that suffixes fit
_ESCAPE = re.compile(rb"%([0-9a-f]{2})")


def encode_name(name: str) -> str:
    """Return the path part that stands for `name`.

    Two names share a path part only if they are equal, also on file systems that
    ignore case or normalise Unicode.

    Raises
    ------
    ConfigurationError
        If `name` is empty, ``"."`` or ``".."``, contains a path separator or NUL, is a
        device name that Windows reserves, or is over 200 bytes when encoded.
    """
    if name in {"", ".", ".."} or _REFUSED.intersection(name):
        raise ConfigurationError(f"{name!r} cannot name a file of the store")
    if name.lower() in _RESERVED or name.lower().split(".")[0] in _RESERVED:
        raise ConfigurationError(f"{name!r} is a name that file systems reserve")
    last = len(name) - 1
    try:
        encoded = "".join(
            # A leading dot would hide the file, and Windows drops a trailing one.
            _escape(one)
            if one not in _PLAIN or (one == "." and position in {0, last})
            else one
            for position, one in enumerate(name)
        )
    except UnicodeEncodeError as error:
        raise ConfigurationError(f"{name!r} is not valid Unicode") from error
    if len(encoded) > _MAX_BYTES:
        raise ConfigurationError(
            f"{name[:40]!r}... is too long to name a file of the store "
            f"({len(encoded)} bytes of at most {_MAX_BYTES})"
        )
    return encoded


def decode_name(part: str) -> str | None:
    """Return the name that a path part stands for; None if no name has that part."""
    try:
        raw = _ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), part.encode())
        name = raw.decode()
        return name if encode_name(name) == part else None
    except (UnicodeError, ConfigurationError):
        return None


def _escape(character: str) -> str:
    return "".join(f"%{byte:02x}" for byte in character.encode())
