"""Sizes and spans of time as people write them."""

import re
from datetime import timedelta

from cortical_cache.errors import ConfigurationError

__all__ = ["age", "counted", "parse_size", "parse_span", "size"]

_NUMBER = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)\s*([a-z]*)", re.ASCII)

_BYTES = {"": 1, "b": 1} | {
    f"{prefix}{unit}": base**power
    for power, prefix in enumerate("kmgtp", start=1)
    for unit, base in (("", 1000), ("b", 1000), ("ib", 1024))
}
_SECONDS = {"m": 60, "h": 3_600, "": 86_400, "d": 86_400, "w": 604_800}
_WORDS = {"min": "m", "hour": "h", "hours": "h", "day": "d", "days": "d"}


def parse_size(text: str, where: str) -> int:
    """Return a number of bytes: ``500 MB``, ``1.5TiB``, ``20G``, ``1000000``.

    Parameters
    ----------
    text : str
        kB, MB, GB, TB are powers of 1000; KiB, MiB, GiB, TiB of 1024.
    where : str
        What it was given for, for the message.

    Raises
    ------
    ConfigurationError
        If it is no size.
    """
    match = _NUMBER.fullmatch(text.strip().lower())
    if match is None or match[2] not in _BYTES:
        raise ConfigurationError(
            f"{where} {text!r} is no size; give one such as 500MB or 20GB"
        )
    return int(float(match[1]) * _BYTES[match[2]])


def parse_span(text: str, where: str) -> timedelta:
    """Return a span of time: ``30d``, ``12h``, ``2w``; a bare number is days.

    Raises
    ------
    ConfigurationError
        If it is none.
    """
    match = _NUMBER.fullmatch(text.strip().lower())
    unit = _WORDS.get(match[2], match[2]) if match else None
    if match is None or unit not in _SECONDS:
        raise ConfigurationError(
            f"{where} {text!r} is no span of time; give one such as 30d or 12h"
        )
    try:
        return timedelta(seconds=float(match[1]) * _SECONDS[unit])
    except OverflowError as error:
        raise ConfigurationError(f"{where} {text!r} is too long") from error


def size(nbytes: int) -> str:
    """Write a number of bytes for people: ``12.3 MB``."""
    amount = float(nbytes)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:  # noqa: PLR2004  decimal units, as disks are sold
            return f"{amount:.0f} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def counted(number: int, what: str) -> str:
    """Write how many there are of something: ``1 row``, ``2,000 rows``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def age(passed: timedelta) -> str:
    """Write a span of time for people: ``3 days``."""
    seconds = max(0, int(passed.total_seconds()))
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length:
            return counted(seconds // length, unit)
    return "just now"
