"""What fuzzing starts from: whole, well-formed inputs of each reader."""

import io
import json
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq

_ID = "01a202a3-d3b2-7ef6-8a62-b09756181ba8"
_COVERAGES = (
    {"kind": "whole"},
    {"kind": "keys", "column": "pt_root_id", "values": [1, 2, 3]},
    {"kind": "span", "column": "id", "low": 0, "high": 10},
    {"kind": "request", "digest": "0" * 64},
    {"kind": "columns", "lacking": ["created"]},
)


def _commit(coverage: dict[str, object]) -> bytes:
    body = {
        "id": _ID,
        "created": "2026-01-01T00:00:00+00:00",
        "files": [
            {
                "name": f"{_ID}.parquet",
                "rows": 10,
                "bytes": 1000,
                "sha256": "0" * 64,
                "key_ranges": {"id": [1, 10], "pt_root_id": None},
                "sorted_by": ["id"],
            }
        ],
        "shape": {
            "name": "cell_types",
            "kind": "table",
            "columns": [["id", "bigint"], ["pt_position", "point"]],
            "is_merged": False,
            "voxel_resolution": [4.0, 4.0, 40.0],
            "reference_table": None,
        },
        "coverage": coverage,
        "provenance": {
            "source": "cave",
            "server": "https://global.example.org",
            "fetched_at": "2026-01-01T00:00:00+00:00",
            "details": {"datastack": "demo"},
        },
        "supersedes": [_ID],
        "exact": False,
    }
    return json.dumps(body, separators=(",", ":")).encode()


COMMITS = tuple(_commit(one) for one in _COVERAGES)
COMMIT_WORDS = (
    b'"files"',
    b'"key_ranges"',
    b'"rows":-1',
    b"../",
    b"1e999",
    b"NaN",
    b"0001-01-01T00:00:00+23:59",
    b"9999-12-31T23:59:59-23:59",
    b"null",
    b"[[[[",
)

HEADERS = (
    b"id,bigint\nvalid,boolean\npt_position,USER-DEFINED\n",
    b"id\nvalid\ncell_type\npt_root_id\n",
    b"id,created,valid,pt_position,known\n",
    b'\xef\xbb\xbfid,bigint\n"a ""b""",character varying\n',
)
HEADER_WORDS = (b'"', b"\0", b"\r", b"double precision", b"timestamp without time zone")

_POINT = "01010000A0000000000000000000F03F" + "0000000000000040" + "0000000000000840"
DUMPS = (
    f'1,2024-01-02 03:04:05.678901,t,{_POINT},1.5,"a ""b"""\n2,,f,,,\n'.encode(),
    f"3,2024-01-02 03:04:05,f,{_POINT},-0.0,x\n".encode() * 3,
    b"",
    b"\n",
)
DUMP_WORDS = (
    b'"',
    b'""',
    b",",
    b"\n",
    b"\r\n",
    b"\0",
    b"-1",
    b"9223372036854775808",
    b"NaN",
    b"-Infinity",
    b"1e999",
    b"0001-01-01 00:00:00",
    b"294276-12-31 23:59:59",
    b"2024-01-02 03:04:05+02",
    b"infinity",
    b"true",
    _POINT.encode(),
    b"0101000020E6100000",
    b"01010000C0",
    b"0000000001",
    b"\xff\xfe",
    b"\xed\xa0\x80",
)


def _reply(rows: pa.Table, names: str, compression: str | None) -> bytes:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(sink, rows.schema, options=options) as writer:
        writer.write_table(rows)
    return names.encode() + b"\n" + sink.getvalue().to_pybytes()


_ROWS = pa.table(
    {
        "id": pa.array([1, 2, 3], pa.int64()),
        "created": pa.array([datetime(2024, 1, 1, tzinfo=UTC)] * 3),
        "valid": pa.array([True, None, False]),
        "pt_position_x": pa.array([1, None, 3], pa.int32()),
        "pt_position_y": pa.array([1, None, 3], pa.int32()),
        "pt_position_z": pa.array([1, None, 3], pa.int32()),
        "pt_root_id": pa.array([864691135336055529, 1, None], pa.int64()),
        "cell_type": pa.array(["23P", None, ""]),
        "size": pa.array([1.5, None, 2.0], pa.float32()),
    }
)
_NAMES = str(
    {
        "cell_types": {
            "id": "id",
            "created": "created",
            "valid": "valid",
            "pt_position": "pt_position",
            "pt_root_id": "pt_root_id",
            "cell_type": "cell_type",
            "size": "size",
        }
    }
)
REPLIES = (
    _reply(_ROWS, _NAMES, "zstd"),
    _reply(_ROWS, "", None),
    _reply(_ROWS.slice(0, 0), _NAMES, None),
    _reply(_ROWS.select(["id", "cell_type"]), "", "lz4"),
)


def _log(*actions: object) -> bytes:
    return b"\n".join(json.dumps(one).encode() for one in actions)


_PROTOCOL = {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}
_META = {"metaData": {"id": "x", "partitionColumns": ["a_partition"]}}
_ADD = {
    "add": {
        "path": "part-0%2000.parquet",
        "size": 100,
        "partitionValues": {"a_partition": "1", "b": None},
        "stats": '{"numRecords": 10}',
        "dataChange": True,
    }
}


def _checkpoint() -> bytes:
    rows = pa.Table.from_pylist(
        [{**_PROTOCOL, "add": None, "metaData": None}, {"add": _ADD["add"]}],
        schema=pa.schema(
            [
                (
                    "protocol",
                    pa.struct([("minReaderVersion", pa.int32())]),
                ),
                ("metaData", pa.struct([("partitionColumns", pa.list_(pa.string()))])),
                (
                    "add",
                    pa.struct(
                        [
                            ("path", pa.string()),
                            ("size", pa.int64()),
                            ("partitionValues", pa.map_(pa.string(), pa.string())),
                            ("stats", pa.string()),
                        ]
                    ),
                ),
            ]
        ),
    )
    sink = io.BytesIO()
    pq.write_table(rows, sink)
    return sink.getvalue()


LOGS = (
    _log(_PROTOCOL, _META, _ADD),
    _log(_PROTOCOL, _META, _ADD)
    + b"\0"
    + _log({"remove": {"path": "part-0%2000.parquet"}}),
    _checkpoint(),
)
LOG_WORDS = (
    b'"add"',
    b'"path":"../../x"',
    b'"path":"%2e%2e/x"',
    b'"path":"gs://other/x"',
    b'"stats":"[]"',
    b'"size":null',
    b'"readerFeatures":["deletionVectors"]',
    b'"deletionVector"',
)

QUERY_ARGUMENTS = frozenset(
    {
        *(
            f"filter_{kind}_dict"
            for kind in (
                "in",
                "out",
                "equal",
                "greater",
                "less",
                "greater_equal",
                "less_equal",
                "spatial",
                "regex",
            )
        ),
        "select_columns",
        "offset",
        "limit",
        "desired_resolution",
        "random_sample",
    }
)
SYNAPSE_ARGUMENTS = frozenset(
    {"pre_ids", "post_ids", "bounding_box", "limit", "offset", "desired_resolution"}
)
ARGUMENTS = QUERY_ARGUMENTS | SYNAPSE_ARGUMENTS | {"tables", "suffixes"}
QUERIES = (
    b'{"filter_in_dict":{"pt_root_id":[864691135336055529,1]},"limit":3}',
    b'{"filter_equal_dict":{"cell_type":"23P\' OR 1=1 --"},"offset":0,"tables":"t"}',
    b'{"filter_spatial_dict":{"pt_position":[[0,0,0],[1,2,3]]}}',
    b'{"filter_regex_dict":{"cell_type":"^a.*"},"desired_resolution":[4,4,40]}',
    b'{"tables":[["a","target_id"],["b","id"]],"limit":1}',
    b'{"pre_ids":[1,2],"bounding_box":[[0,0,0],[1,1,1.5]],"limit":5}',
    b'{"select_columns":["id","pt_position"],"filter_less_dict":{"size":1e3}}',
)
QUERY_WORDS = tuple(f'"{one}":'.encode() for one in sorted(ARGUMENTS))

COMMANDS = (
    b"ls\0--json",
    b"info\0demo",
    b"sync\0demo\x001300\0--tables\0core\0--dry-run",
    b"fetch\0demo\x00100",
    b"sql\0demo\0SELECT 1\0--format\0csv",
    b"export\0demo\x005\0cell_types\0--out\0x.parquet",
    b"diff\0demo\x003\x005\0cell_types",
    b"rm\0demo\x005\0cell_types\0--yes",
    b"prune\0demo\0--keep\x005",
    b"verify\0demo\0--deep",
    b"repair\0demo",
    b"doctor\0demo\0--json",
    b"selfcheck\0demo",
    b"login\0demo",
    b"queries",
    b"demo\0serve\0--port\x000",
    b"auth\0status\0demo",
)
COMMAND_WORDS = (
    *sorted({word for command in COMMANDS for word in command.split(b"\0")}),
    b"",
    b"-",
    b"--",
    b"--no-json",
    b"--pin",
    b"--version=",
    b"--cells",
    b"--expired",
    b"latest",
    b"-1",
    b"1e3",
    b"0x10",
    b"9" * 30,
    b"../../x",
    b"\xff\xfe",
    b"\x1b[2J",
    "\u202e".encode(),
    b"' OR 1=1 --",
)
