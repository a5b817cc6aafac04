"""Find the exports at a location."""

import re

from cortical_cache.errors import SourceError
from cortical_cache.model.export import SUFFIXES, Export, Layout, paired
from cortical_cache.sources.buckets.bucket import Bucket, Entry

__all__ = ["list_exports", "of_version", "probe"]

_VERSION = re.compile(r"v(\d+)")
_FILES: tuple[Layout, ...] = ("csv", "parquet", "feather")


def list_exports(bucket: Bucket) -> list[Export]:
    """Return the exports in the folders ``v{version}`` of a location.

    Raises
    ------
    SourceError
        If it cannot be listed.
    """
    found: list[Export] = []
    for folder in bucket.entries():
        version = _VERSION.fullmatch(folder.name)
        if folder.is_folder and version is not None:
            found += of_version(bucket, folder.name, int(version[1]))
    return found


def probe(bucket: Bucket, name: str, version: int) -> Export | None:
    """Look for one export by name, where a server does not list its files."""
    base = f"v{version}/{name}"
    for layout in _FILES:
        entry = bucket.find(f"{base}{SUFFIXES[layout]}")
        if entry is not None:
            return _file(bucket, entry, layout, version, None)
    return None


def of_version(bucket: Bucket, folder: str, version: int) -> list[Export]:
    """Return the exports in one folder.

    Raises
    ------
    SourceError
        If it cannot be listed, or a dump has several other halves.
    """
    entries = bucket.entries(folder)
    files: dict[Layout, dict[str, Entry]] = {
        layout: {
            _name(one, layout): one
            for one in entries
            if not one.is_folder and one.name.endswith(SUFFIXES[layout])
        }
        for layout in _FILES
    }
    found: list[Export] = []
    for layout, named in files.items():
        for name, entry in named.items():
            half = _half(bucket, name, named) if layout == "csv" else None
            found.append(_file(bucket, entry, layout, version, half))
    taken = {one.name for one in found}
    for entry in entries:
        if entry.is_folder and entry.name.rpartition("/")[2] not in taken:
            found += _delta(bucket, entry, version)
    return found


def _half(bucket: Bucket, name: str, named: dict[str, Entry]) -> Entry | None:
    try:
        half = paired(name, named)
    except ValueError as error:
        raise SourceError(f"{bucket.location}: {error}") from error
    return None if half is None else named[half]


def _file(
    bucket: Bucket, entry: Entry, layout: Layout, version: int, half: Entry | None
) -> Export:
    suffix = SUFFIXES[layout]
    generation = entry.generation
    if half is not None:
        generation = f"{generation}+{half.generation}"
    return Export(
        name=_name(entry, layout),
        version=version,
        size=entry.size + (0 if half is None else half.size),
        layout=layout,
        location=bucket.location,
        filepath_base=entry.name.removesuffix(suffix),
        generation=generation,
        part=None if half is None else half.name.removesuffix(suffix),
    )


def _delta(bucket: Bucket, folder: Entry, version: int) -> list[Export]:
    """Return a Delta table: the folder itself, or the first of its orders."""
    inside = [one for one in bucket.entries(folder.name) if one.is_folder]
    logs = [one for one in inside if one.name.endswith("/_delta_log")]
    base = folder.name
    if not logs and inside:
        base = inside[0].name
        parts = bucket.entries(base)
        logs = [one for one in parts if one.name.endswith("/_delta_log")]
    if not logs:
        return []
    last = [one for one in bucket.entries(logs[0].name) if one.name.endswith(".json")]
    if not last:
        return []
    return [
        Export(
            name=folder.name.rpartition("/")[2],
            version=version,
            size=0,
            layout="delta",
            location=bucket.location,
            filepath_base=base,
            generation=f"{last[-1].name.rpartition('/')[2]}@{last[-1].generation}",
        )
    ]


def _name(entry: Entry, layout: Layout) -> str:
    return entry.name.rpartition("/")[2].removesuffix(SUFFIXES[layout])
