"""Cloud paths as different readers want them, by caveclient's own rules."""

from typing import Any

from caveclient import format_utils

from cortical_cache.errors import InvalidQueryError

__all__ = ["formatted"]

_theirs: Any = format_utils  # it has no types


def formatted(path: str, format_for: str) -> str:
    """Return a path as a reader wants it.

    Parameters
    ----------
    path : str
        As the info service has it.
    format_for : {"raw", "cloudvolume", "neuroglancer", "cave_explorer"}
        Also ``"cave-explorer"`` and ``"spelunker"``.

    Raises
    ------
    InvalidQueryError
        If there is no such reader.
    """
    if format_for not in _theirs.output_map:
        known = ", ".join(_theirs.output_map)
        raise InvalidQueryError(f"format_for {format_for!r} is none of {known}")
    return _theirs.output_map[format_for](path)
