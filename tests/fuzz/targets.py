"""What is fuzzed: each reader of foreign bytes, and the only errors it may raise.

A target is a function of bytes. It returns, or it fails: an error that the reader does
not promise, a value that breaks an invariant, a crash of the process.
"""

import gzip
import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

import requests
from cyclopts import CycloptsError

from cortical_cache.cli.app import app
from cortical_cache.errors import (
    CorruptStoreError,
    InvalidQueryError,
    SourceError,
    StoreError,
    UnsupportedQueryError,
)
from cortical_cache.model.arguments import (
    join_query,
    synapse_query,
    table_query,
    view_query,
)
from cortical_cache.model.calls import call
from cortical_cache.model.shape import Column, ColumnType
from cortical_cache.model.subject import Subject
from cortical_cache.sources.buckets.bucket import Entry
from cortical_cache.sources.cave.canonical import canonical, shape_of
from cortical_cache.sources.cave.replies import read_reply
from cortical_cache.sources.dumps.columns import read_header
from cortical_cache.sources.dumps.csv import csv_batches
from cortical_cache.sources.dumps.deltalog import replay
from cortical_cache.store.commit_json import commit_from_json, commit_to_json
from cortical_cache.store.sealed import read_sealed
from tests.fuzz import seeds
from tests.fuzz.mutate import in_tree, in_words


@dataclass(frozen=True)
class Target:
    """One reader under test."""

    run: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    words: tuple[bytes, ...] = ()
    is_words: bool = False
    is_slow: bool = False

    def changed(self, data: bytes, seed: int) -> bytes:
        """Return the input with a few changes that its reader gets far with."""
        if self.is_words:
            start = self.seeds[seed // 2 % len(self.seeds)]
            return in_words(start, seed, self.words)
        return in_tree(data, seed)


class _Bytes:
    """A file of the store that lies in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read_bytes(self) -> bytes:
        return self._data


def commit(data: bytes) -> None:
    """Read a commit that someone else wrote, checksum and all."""
    digest = hashlib.sha256(data).hexdigest().encode()
    sealed = b'{"format":1,"sha256":"%s","body":%s}\n' % (digest, data)
    try:
        body = read_sealed(_Bytes(sealed if data[:1] == b"{" else data))
        found = commit_from_json(body)
    except (CorruptStoreError, StoreError, ValueError):
        return
    for file in found.files:
        assert PurePosixPath(file.name).name == file.name
        assert file.rows >= 0
        assert file.nbytes >= 0
    assert commit_from_json(json.loads(json.dumps(commit_to_json(found)))) == found


def header(data: bytes) -> None:
    """Read the header file of a dump."""
    try:
        columns = read_header(data, "a_header.csv", {"known": ColumnType.BIGINT})
    except SourceError:
        return
    assert columns
    assert len({one.name for one in columns}) == len(columns)


COLUMNS = (
    Column("id", ColumnType.BIGINT),
    Column("created", ColumnType.TIMESTAMP),
    Column("valid", ColumnType.BOOLEAN),
    Column("pt_position", ColumnType.POINT),
    Column("size", ColumnType.DOUBLE),
    Column("cell_type", ColumnType.VARCHAR),
)


def dump(data: bytes) -> None:
    """Read a dump: of bytes that are gzip, or of text that is packed here."""
    packed = data if data[:1] == b"\x1f" else gzip.compress(data, 1, mtime=0)
    try:
        for batch in csv_batches(io.BytesIO(packed), COLUMNS, "a.csv.gz"):
            batch.validate(full=True)
    except SourceError:
        return


_SUBJECT = Subject("table", "cell_types", 1, (4.0, 4.0, 40.0))


def arrow(data: bytes) -> None:
    """Read a reply of Arrow, with the header that names its columns."""
    names, _, body = data.partition(b"\n")
    response = requests.Response()
    response.status_code = 200
    response._content = body  # what requests keeps of a reply
    response.headers["Content-Type"] = "data.arrow"
    if names:
        response.headers["column_names"] = names.decode("latin-1")
    try:
        reply = read_reply(response, "cell_types")
        shape = shape_of(
            _SUBJECT, reply.table.schema, reply.columns.get("cell_types", ())
        )
        rows = canonical(reply.table, shape)
    except SourceError:
        return
    rows.validate(full=True)
    assert tuple(rows.column_names) == shape.stored_columns


class Log:
    """A bucket of one folder, whose objects are given."""

    location = "gs://bucket"

    def __init__(self, objects: dict[str, bytes]) -> None:
        self._objects = objects

    @classmethod
    def of(cls, data: bytes) -> "Log":
        """Return a log of commits that NUL sets apart, or of a checkpoint."""
        folder = "v1/t/_delta_log"
        if data[:4] == b"PAR1":
            return cls({f"{folder}/{0:020}.checkpoint.parquet": data})
        parts = data.split(b"\0")
        return cls({f"{folder}/{n:020}.json": one for n, one in enumerate(parts)})

    def entries(self, folder: str) -> list[Entry]:
        inside = (one for one in self._objects if one.startswith(folder))
        return [Entry(name, is_folder=False) for name in inside]

    def read_all(self, entry: Entry) -> bytes:
        return self._objects[entry.name]


def delta(data: bytes) -> None:
    """Replay a log: commits, or a checkpoint."""
    try:
        table = replay(Log.of(data), "v1/t")
    except SourceError:
        return
    for path in table.files:
        assert ".." not in PurePosixPath(path).parts
        assert not path.startswith("/")
        assert "://" not in path


_ASK = (table_query, view_query, join_query, synapse_query)


def query(data: bytes) -> None:
    """Build a query of whatever values, and write it for the server."""
    try:
        asked = json.loads(data)
    except (ValueError, RecursionError):
        return
    if not isinstance(asked, dict) or not asked:
        return
    ask = _ASK[len(asked) % len(_ASK)]
    first = asked.pop("tables", "cell_types")
    known = {name: one for name, one in asked.items() if name in seeds.ARGUMENTS}
    if ask is synapse_query:
        known = {k: v for k, v in known.items() if k in seeds.SYNAPSE_ARGUMENTS}
    else:
        known = {k: v for k, v in known.items() if k in seeds.QUERY_ARGUMENTS}
    try:
        built = ask(
            first if ask is join_query else str(first),
            datastack="demo",
            version=1,
            **known,
        )
    except (InvalidQueryError, UnsupportedQueryError):
        return
    hash(built)
    json.dumps(call(built)[1])


def command(data: bytes) -> None:
    """Parse a command line: words apart by NUL."""
    words = data.decode("utf-8", "surrogateescape").split("\0")
    if {"--help", "-h", "--version"} & {*words}:
        return
    try:
        app.parse_args(words, print_error=False, exit_on_error=False)
    except CycloptsError:
        return


TARGETS = {
    "commit": Target(commit, seeds.COMMITS, seeds.COMMIT_WORDS),
    "header": Target(header, seeds.HEADERS, seeds.HEADER_WORDS),
    "dump": Target(dump, seeds.DUMPS, seeds.DUMP_WORDS, is_slow=True),
    "arrow": Target(arrow, seeds.REPLIES),
    "delta": Target(delta, seeds.LOGS, seeds.LOG_WORDS),
    "query": Target(query, seeds.QUERIES, seeds.QUERY_WORDS),
    "command": Target(
        command, seeds.COMMANDS, seeds.COMMAND_WORDS, is_words=True, is_slow=True
    ),
}
