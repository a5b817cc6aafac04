"""Replay the log of a Delta Lake table: which files make it up now.

The log is JSON, one action a line, with a checkpoint in Parquet now and then. No
library is needed to read it, and none of the features that would need one is guessed
at: a table that asks for them is refused.
"""

import io
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import unquote

import pyarrow as pa

from cortical_cache.errors import SourceError
from cortical_cache.model.json import JsonObject, as_object
from cortical_cache.sources.buckets.bucket import Bucket, Entry

__all__ = ["DeltaFile", "DeltaTable", "replay"]

_COMMIT = re.compile(r"(\d{20})\.json")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint(\.(\d{10})\.(\d{10}))?\.parquet")
_ROWS = 1_024
_READER = 1
_READER_WITH_FEATURES = 3
_HARMLESS = {"timestampNtz", "vacuumProtocolCheck"}


@dataclass(frozen=True, slots=True)
class DeltaFile:
    """One data file.

    Attributes
    ----------
    path : str
        Below the table's folder.
    size : int
    partition : mapping of str to str or None
        Values of the partition columns, which the file itself lacks.
    rows : int or None
        As its statistics say.
    """

    path: str
    size: int
    partition: dict[str, str | None]
    rows: int | None


@dataclass(slots=True)
class DeltaTable:
    """A table as of its newest version.

    Attributes
    ----------
    version : int
        Of the log.
    files : dict of str to DeltaFile
        By path.
    partition_columns : tuple of str
    """

    version: int = -1
    files: dict[str, DeltaFile] = field(default_factory=dict[str, DeltaFile])
    partition_columns: tuple[str, ...] = ()


def replay(bucket: Bucket, folder: str) -> DeltaTable:
    """Return the files of a Delta table as of its newest version.

    Raises
    ------
    SourceError
        If the log has a gap or cannot be read, names a file outside the table, or the
        table needs a feature that is not read here.
    """
    try:
        return _replay(bucket, folder)
    except SourceError:
        raise
    except (
        pa.ArrowException,
        AttributeError,
        KeyError,
        OSError,
        OverflowError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:  # what JSON and Parquet of any other kind end in
        where = f"{bucket.location}/{folder}"
        raise SourceError(f"{where}: its log cannot be read: {error!r}") from error


def _replay(bucket: Bucket, folder: str) -> DeltaTable:
    entries = bucket.entries(f"{folder}/_delta_log")
    named = {one.name.rpartition("/")[2]: one for one in entries}
    commits = {
        int(found[1]): entry
        for name, entry in named.items()
        if (found := _COMMIT.fullmatch(name))
    }
    table = DeltaTable()
    start, parts = _checkpoint(named)
    for part in parts:
        _apply(table, _rows(bucket.read_all(part)), folder)
    table.version = start
    for version in sorted(one for one in commits if one > start):
        if version != table.version + 1:
            raise SourceError(
                f"{bucket.location}/{folder}: its log lacks version {table.version + 1}"
            )
        text = bucket.read_all(commits[version]).decode()
        lines = [line for line in text.splitlines() if line.strip()]
        _apply(table, (as_object(json.loads(line)) for line in lines), folder)
        table.version = version
    if table.version < 0:
        raise SourceError(f"{bucket.location}/{folder} has no log")
    return table


def _checkpoint(named: dict[str, Entry]) -> tuple[int, list[Entry]]:
    """Return the newest checkpoint that is there whole."""
    found: dict[tuple[int, int], list[Entry]] = {}
    for name, entry in sorted(named.items()):
        match = _CHECKPOINT.fullmatch(name)
        if match:
            of = int(match[4]) if match[4] else 1
            found.setdefault((int(match[1]), of), []).append(entry)
    whole = {key: parts for key, parts in found.items() if len(parts) == key[1]}
    if not whole:
        return -1, []
    newest = max(whole)
    return newest[0], whole[newest]


def _rows(data: bytes) -> Iterable[JsonObject]:
    import pyarrow.parquet as pq

    # In small batches: where a page lies about its size, reading all of it at once
    # takes gigabytes for a file of kilobytes.
    with pq.ParquetFile(io.BytesIO(data)) as file:
        for batch in file.iter_batches(_ROWS, use_threads=False):
            for row in batch.to_pylist():
                yield {
                    name: _plain(value)
                    for name, value in as_object(row).items()
                    if value is not None
                }


def _plain(value: Any) -> Any:  # noqa: ANN401  JSON, with Arrow's maps as pairs
    if isinstance(value, dict):
        pairs = cast("dict[str, Any]", value)
        return {name: _plain(one) for name, one in pairs.items()}
    if isinstance(value, list):
        items = cast("list[Any]", value)
        if items and all(isinstance(one, tuple) for one in items):
            return dict(cast("list[tuple[str, Any]]", items))
        return [_plain(one) for one in items]
    return value


def _apply(table: DeltaTable, actions: Iterable[JsonObject], folder: str) -> None:
    for action in actions:
        if "add" in action:
            file = _file(as_object(action["add"]), folder)
            table.files[file.path] = file
        elif "remove" in action:
            path = _path(as_object(action["remove"]), folder)
            table.files.pop(path, None)
        elif "metaData" in action:
            columns = as_object(action["metaData"]).get("partitionColumns")
            named = cast("list[str]", columns or [])
            table.partition_columns = tuple(named)
        elif "protocol" in action:
            _check(as_object(action["protocol"]), folder)


def _check(protocol: JsonObject, folder: str) -> None:
    version = int(str(protocol.get("minReaderVersion", 1)))
    features = set(cast("list[str]", protocol.get("readerFeatures") or []))
    unknown = sorted(features - _HARMLESS)
    if unknown or version not in (_READER, _READER_WITH_FEATURES):
        needs = ", ".join(unknown) or f"reader version {version}"
        raise SourceError(f"{folder}: the Delta table needs {needs}, not read here")


def _path(action: JsonObject, folder: str) -> str:
    """Return the path of a file, which must lie below the table's folder.

    Delta Lake allows absolute ones, to files of other tables: whoever writes the log
    could name any file that the reader may read.
    """
    path = unquote(str(action["path"]))
    parts = path.split("/")
    if not {"", ".", ".."}.isdisjoint(parts) or ":" in parts[0] or "\\" in path:
        raise SourceError(f"{folder}: the log names {path!r}, outside of the table")
    if not path.isprintable():
        raise SourceError(f"{folder}: the log names {path!r}, which is no path")
    return path


def _file(add: JsonObject, folder: str) -> DeltaFile:
    if add.get("deletionVector"):
        raise SourceError(f"{folder}: the Delta table has deletion vectors, not read")
    values = add.get("partitionValues")
    partition = as_object(values) if isinstance(values, dict) else {}
    stats = add.get("stats")
    counted = json.loads(str(stats)).get("numRecords") if stats else None
    return DeltaFile(
        _path(add, folder),
        int(str(add["size"])),
        {name: None if v is None else str(v) for name, v in partition.items()},
        None if counted is None else int(counted),
    )
