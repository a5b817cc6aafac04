"""A bounded run of every fuzzer, and what they found once, for good."""

import gzip
import io
import json
import subprocess
from importlib.util import find_spec

import pyarrow as pa
import pytest
import requests

from cortical_cache.errors import ServerError, SourceError
from cortical_cache.model.shape import ColumnType
from cortical_cache.sources.cave.arrowsize import unpacked_bytes
from cortical_cache.sources.cave.replies import read_reply
from cortical_cache.sources.dumps.columns import read_header
from cortical_cache.sources.dumps.csv import csv_batches
from cortical_cache.sources.dumps.deltalog import replay
from cortical_cache.sources.limits import ROW_BYTES
from cortical_cache.store.commit_json import commit_from_json
from tests.fuzz import seeds
from tests.fuzz.mutate import mutated
from tests.fuzz.targets import COLUMNS, TARGETS, Log
from tests.kit import PYTHON

BOUNDED = 2_000
MANY = 1_000_000


@pytest.mark.parametrize("name", TARGETS)
def test_a_reader_survives_what_it_is_given(name):
    target = TARGETS[name]
    for seed in range(BOUNDED // 4 if target.is_slow else BOUNDED):
        data = target.seeds[seed % len(target.seeds)]
        data = target.changed(data, seed) if seed % 3 == 0 else mutated(data, seed)
        target.run(data)


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_are_read_to_the_end(name):
    """A target whose inputs are all refused at once would find nothing."""
    for seed in TARGETS[name].seeds:
        TARGETS[name].run(seed)


def test_the_seeds_are_understood():
    for one in seeds.COMMITS:
        assert commit_from_json(json.loads(one)).rows == 10
    for one in seeds.HEADERS:
        assert len(read_header(one, "a", {})) >= 2
    for one in seeds.LOGS:
        replay(Log.of(one), "v1/t")


@pytest.mark.soak
@pytest.mark.timeout(4 * 3600)
@pytest.mark.parametrize("name", TARGETS)
def test_a_million_inputs_find_nothing(name, tmp_path):
    if find_spec("atheris") is None:
        pytest.skip("needs the extra fuzz: pip install -e '.[fuzz]'")
    ran = subprocess.run(
        [PYTHON, "-m", "tests.fuzz", name, "--runs", str(MANY)],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )

    assert ran.returncode == 0, ran.stderr[-3000:]
    assert f"number_of_executed_units: {MANY}" in ran.stderr


@pytest.mark.parametrize(
    "data",
    [
        b"id,a\rb\n",
        b"\xff\xfe",
        b'"' + b"x" * 200_000,
        b"id,bigint\nid,USER-DEFINED\n",
        b"p,USER-DEFINED\np_x,integer\n",
        b"i\x1bd,bigint\n",
        b"",
    ],
    ids=["return", "binary", "long", "twice", "axis", "escape", "empty"],
)
def test_a_header_that_is_none_is_refused(data):
    with pytest.raises(SourceError, match=r"^a_header\.csv"):
        read_header(data, "a_header.csv", {"id": ColumnType.BIGINT})


def add(path: str) -> bytes:
    return json.dumps({"add": {"path": path, "size": 1}}).encode()


@pytest.mark.parametrize(
    "path",
    [
        "../x",
        "a/../../x",
        "%2e%2e/x",
        "/etc/passwd",
        "gs://other/x",
        "file:///etc/passwd",
        "a//b",
        "..\\x",
        "a\n",
        "",
    ],
)
def test_a_delta_log_names_no_file_outside_of_its_table(path):
    with pytest.raises(SourceError):
        replay(Log.of(add(path)), "v1/t")


@pytest.mark.parametrize(
    "text",
    [
        b"\xff",
        b"[]",
        b"null",
        b'{"add":1}',
        b'{"add":{}}',
        b'{"add":{"path":"a","size":"x"}}',
        b'{"add":{"path":"a","size":1,"stats":"[]"}}',
        b"[" * 100_000,
    ],
)
def test_a_delta_log_that_is_none_is_refused(text):
    with pytest.raises(SourceError, match="its log cannot be read"):
        replay(Log.of(text), "v1/t")


@pytest.mark.parametrize("count", ["rows", "bytes"])
def test_a_commit_has_no_fewer_rows_than_none(count):
    body = json.loads(seeds.COMMITS[0])
    body["files"][0][count] = -1

    with pytest.raises(ValueError, match=count):
        commit_from_json(body)


def test_a_dump_that_unpacks_to_far_more_is_refused():
    bomb = gzip.compress(b"\n" * (80 << 20), 9)

    with pytest.raises(SourceError, match="times as many; refused"):
        list(csv_batches(io.BytesIO(bomb), COLUMNS[:1], "a.csv.gz"))


@pytest.mark.parametrize("geometry", ["000000000000840", "0", "zz", "01", "\xd1\xce"])
def test_a_geometry_that_is_none_is_refused(geometry):
    packed = gzip.compress(f"1,{geometry}\n2,{geometry}\n".encode("latin-1"))

    with pytest.raises(SourceError, match="a geometry"):
        list(csv_batches(io.BytesIO(packed), [COLUMNS[0], COLUMNS[3]], "a.csv.gz"))


def test_a_row_of_a_megabyte_is_refused():
    text = COLUMNS[-1]
    packed = gzip.compress(b"x" * (ROW_BYTES + 1) + b"\n")

    with pytest.raises(SourceError, match="bytes of text; refused"):
        list(csv_batches(io.BytesIO(packed), [text], "a.csv.gz"))


@pytest.mark.parametrize("compression", [None, "zstd", "lz4"])
def test_the_size_of_a_stream_is_known_before_it_is_unpacked(compression):
    rows = pa.table({"id": list(range(100_000)), "tag": ["ab"] * 100_000})
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(sink, rows.schema, options=options) as writer:
        writer.write_table(rows, max_chunksize=30_000)

    found = unpacked_bytes(sink.getvalue())

    assert 0.99 * rows.nbytes <= found <= 1.01 * rows.nbytes + 1_000


def reply(body: bytes, **headers: str) -> requests.Response:
    made = requests.Response()
    made.status_code = 200
    made._content = body
    made.headers.update({"Content-Type": "data.arrow", **headers})
    return made


@pytest.mark.parametrize(
    "names",
    ["[]", "{1:2}", "{'a':[[]]}", "(" * 300, "__import__('os').system('x')", "{"],
)
def test_a_header_of_names_is_data(names):
    body = seeds.REPLIES[1].partition(b"\n")[2]

    with pytest.raises(ServerError, match="column_names header cannot be read"):
        read_reply(reply(body, column_names=names), "a table")


def test_lengths_that_lie_are_noticed():
    """Every byte of a reply's first 600 is set to 255 in turn."""
    body = seeds.REPLIES[1].partition(b"\n")[2]
    for at in range(min(len(body), 600)):
        TARGETS["arrow"].run(b"\n" + body[:at] + b"\xff" + body[at + 1 :])
