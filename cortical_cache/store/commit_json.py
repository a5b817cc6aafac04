"""The JSON form of a commit: plain enough for anyone, checked when it is read back."""

import re
import struct
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from cortical_cache.model.coverage import Columns, Coverage, Keys, Request, Span, Whole
from cortical_cache.model.shape import Column, ColumnType, Kind, TableShape
from cortical_cache.store.commit import Commit, DataFile, Provenance
from cortical_cache.store.sealed import JSON
from cortical_cache.store.sums import PART

__all__ = ["commit_from_json", "commit_to_json", "provenance_to_json"]

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_FILE = re.compile(_ID.pattern + r"\.parquet")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SUMS = re.compile(r"([0-9a-f]{8})+")


def commit_to_json(commit: Commit) -> dict[str, JSON]:
    """Return the commit as JSON."""
    return {
        "id": commit.id,
        "created": commit.created.isoformat(),
        "files": [_file_to_json(file) for file in commit.files],
        "shape": _shape_to_json(commit.shape),
        "coverage": _coverage_to_json(commit.coverage),
        "provenance": provenance_to_json(commit.provenance),
        "supersedes": sorted(commit.supersedes),
        "exact": commit.exact,
    }


def provenance_to_json(provenance: Provenance) -> dict[str, JSON]:
    """Return the provenance as JSON."""
    return {
        "source": provenance.source,
        "server": provenance.server,
        "fetched_at": provenance.fetched_at.isoformat(),
        "details": dict(provenance.details),
    }


def commit_from_json(body: Mapping[str, JSON]) -> Commit:
    """Return the commit that `body` describes.

    Raises
    ------
    ValueError
        If it describes none, or would lead outside its folder.
    """
    reader = _Reader(body)
    files = tuple(_file_from_json(one) for one in reader.mappings("files"))
    if not files:
        raise ValueError("no files")
    return Commit(
        id=reader.matching("id", _ID),
        created=reader.time("created"),
        files=files,
        shape=_shape_from_json(reader.mapping("shape")),
        coverage=_coverage_from_json(reader.mapping("coverage")),
        provenance=_provenance_from_json(reader.mapping("provenance")),
        supersedes=frozenset(reader.texts("supersedes")),
        exact=reader.flag("exact"),
    )


def _provenance_from_json(body: Mapping[str, JSON]) -> Provenance:
    reader = _Reader(body)
    details = _Reader(reader.mapping("details"))
    return Provenance(
        source=reader.text("source"),
        server=reader.text("server"),
        fetched_at=reader.time("fetched_at"),
        details={name: details.text(name) for name in reader.mapping("details")},
    )


def _file_to_json(file: DataFile) -> dict[str, JSON]:
    body: dict[str, JSON] = {
        "name": file.name,
        "rows": file.rows,
        "bytes": file.nbytes,
        "sha256": file.sha256,
        "key_ranges": dict(file.key_ranges),
        "sorted_by": file.sorted_by,
    }
    if file.sums:  # one text: commits of many files are read often
        body["crc32"] = "".join(f"{one:08x}" for one in file.sums)
    return body


def _file_from_json(body: Mapping[str, JSON]) -> DataFile:
    reader = _Reader(body)
    ranges = _Reader(reader.mapping("key_ranges"))
    nbytes = reader.count("bytes")
    return DataFile(
        name=reader.matching("name", _FILE),
        rows=reader.count("rows"),
        nbytes=nbytes,
        sha256=reader.matching("sha256", _DIGEST),
        key_ranges={name: ranges.span(name) for name in reader.mapping("key_ranges")},
        sorted_by=reader.texts("sorted_by"),
        sums=_sums(reader.matching("crc32", _SUMS), nbytes) if "crc32" in body else (),
    )


def _sums(text: str, nbytes: int) -> tuple[int, ...]:
    sums = struct.unpack(f">{len(text) // 8}I", bytes.fromhex(text))
    if len(sums) != -(-nbytes // PART):
        raise ValueError(f"crc32 has {len(sums)} sums for {nbytes} bytes")
    return sums


def _shape_to_json(shape: TableShape) -> dict[str, JSON]:
    return {
        "name": shape.name,
        "kind": shape.kind,
        "columns": [[column.name, column.type.value] for column in shape.columns],
        "is_merged": shape.is_merged,
        "voxel_resolution": shape.voxel_resolution,
        "reference_table": shape.reference_table,
    }


def _shape_from_json(body: Mapping[str, JSON]) -> TableShape:
    reader = _Reader(body)
    columns: list[Column] = []
    for pair in reader.items("columns"):
        match pair:
            case [str(name), str(kind)]:
                columns.append(Column(name, ColumnType(kind)))
            case _:
                raise ValueError("a column is not a pair of texts")
    match reader.items("voxel_resolution"):
        case [int() | float() as x, int() | float() as y, int() | float() as z]:
            resolution = (float(x), float(y), float(z))
        case _:
            raise ValueError("voxel_resolution is not three numbers")
    reference = body.get("reference_table")
    stored = [name for column in columns for name in column.stored]
    if len({*stored}) < len(stored) or len({one.name for one in columns}) < len(
        columns
    ):
        raise ValueError("two columns have one name")
    return TableShape(
        name=reader.text("name"),
        kind=_kind(reader.text("kind")),
        columns=tuple(columns),
        is_merged=reader.flag("is_merged"),
        voxel_resolution=resolution,
        reference_table=None if reference is None else reader.text("reference_table"),
    )


def _kind(text: str) -> Kind:
    match text:
        case "table" | "view":
            return text
        case other:
            raise ValueError(f"kind {other!r}")


def _coverage_to_json(coverage: Coverage) -> dict[str, JSON]:
    match coverage:
        case Whole():
            return {"kind": "whole"}
        case Columns(lacking):
            return {"kind": "columns", "lacking": sorted(lacking)}
        case Keys(column, values):
            return {"kind": "keys", "column": column, "values": sorted(values)}
        case Request(digest):
            return {"kind": "request", "digest": digest}
        case Span(column, low, high):
            return {"kind": "span", "column": column, "low": low, "high": high}


def _coverage_from_json(body: Mapping[str, JSON]) -> Coverage:
    reader = _Reader(body)
    match reader.text("kind"):
        case "whole":
            return Whole()
        case "columns":
            lacking = frozenset(reader.texts("lacking"))
            if not lacking:
                raise ValueError("lacking is empty")
            return Columns(lacking)
        case "keys":
            return Keys(reader.text("column"), frozenset(reader.integers("values")))
        case "request":
            return Request(reader.text("digest"))
        case "span":
            return Span(
                reader.text("column"), reader.integer("low"), reader.integer("high")
            )
        case other:
            raise ValueError(f"coverage {other!r}")


class _Reader:
    """Typed access to a JSON object; ValueError wherever it is not as described."""

    def __init__(self, body: Mapping[str, JSON]) -> None:
        self._body = body

    def text(self, name: str) -> str:
        value = self._body.get(name)
        if isinstance(value, str):
            return value
        raise ValueError(f"{name} is not a text")

    def matching(self, name: str, pattern: re.Pattern[str]) -> str:
        value = self.text(name)
        if pattern.fullmatch(value):
            return value
        raise ValueError(f"{name} is {value!r}")

    def integer(self, name: str) -> int:
        return _integer(self._body.get(name), name)

    def count(self, name: str) -> int:
        value = self.integer(name)
        if value >= 0:
            return value
        raise ValueError(f"{name} is {value}")

    def flag(self, name: str) -> bool:
        value = self._body.get(name)
        if isinstance(value, bool):
            return value
        raise ValueError(f"{name} is not true or false")

    def time(self, name: str) -> datetime:
        value = datetime.fromisoformat(self.text(name))
        if value.tzinfo is None:
            raise ValueError(f"{name} has no time zone")
        try:
            return value.astimezone(UTC)
        except OverflowError as error:
            raise ValueError(f"{name} is no time of UTC") from error

    def mapping(self, name: str) -> Mapping[str, JSON]:
        return _mapping(self._body.get(name), name)

    def mappings(self, name: str) -> list[Mapping[str, JSON]]:
        return [_mapping(one, name) for one in self.items(name)]

    def items(self, name: str) -> Sequence[JSON]:
        value = self._body.get(name)
        if isinstance(value, Sequence) and not isinstance(value, str):
            return value
        raise ValueError(f"{name} is not a list")

    def texts(self, name: str) -> tuple[str, ...]:
        values = self.items(name)
        found = tuple(one for one in values if isinstance(one, str))
        if len(found) != len(values):
            raise ValueError(f"{name} does not hold texts only")
        return found

    def integers(self, name: str) -> list[int]:
        return [_integer(one, name) for one in self.items(name)]

    def span(self, name: str) -> tuple[int, int] | None:
        match self._body.get(name):
            case None:
                return None
            case [low, high]:
                return _integer(low, name), _integer(high, name)
            case _:
                raise ValueError(f"the range of {name} is not two integers")


def _integer(value: JSON, name: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError(f"{name} is not an integer")


def _mapping(value: JSON, name: str) -> Mapping[str, JSON]:
    if isinstance(value, Mapping):
        return value
    raise ValueError(f"{name} is not an object")
