"""``client.exports``: find them, bring each once, answer from it, row for row."""

import csv
import gzip
import io
import struct
import urllib.request

import numpy as np
import pandas as pd
import pytest

from cortical_cache import load_client
from cortical_cache.errors import (
    ConfigurationError,
    InvalidQueryError,
    NotCachedError,
    UnknownNameError,
)
from tests.exports.conftest import write_dump
from tests.kit import python

POINT = struct.pack("<BIddd", 1, 0x80000001, 1.5, -2.0, 1 / 3).hex().upper()


def sent(server, name: str) -> bytes:
    url = f"{server.url}/bucket/{server.world.bucket}/demo/{name}"
    with urllib.request.urlopen(url) as reply:  # noqa: S310  the loopback CAVE
        return reply.read()


def dump(server, name: str) -> list[dict[str, str]]:
    """Read a dump with the standard library alone."""
    header = sent(server, f"{name}_header.csv").decode().splitlines()
    names = [line.split(",")[0] for line in header]
    text = gzip.decompress(sent(server, f"{name}.csv.gz")).decode()
    return [dict(zip(names, row, strict=True)) for row in csv.reader(io.StringIO(text))]


def reads(server) -> list[str]:
    """Return the objects whose bytes were asked for."""
    return [one.path for one in server.requests if "alt=media" in one.query]


def test_what_there_is_and_what_of_it_is_held(client, server):
    found = client.exports.available_data_df()

    assert list(found.columns) == ["name", "version", "size", "held"]
    assert len(found) == len(client.exports.available_files) > 50
    assert not found["held"].any()
    assert "synapses_demo" in client.exports.available_tables
    assert client.exports.available_versions("synapse_tags") == [4, 5]

    client.exports.get_table("cell_types", 4)

    found = client.exports.available_data_df()
    assert found[found["held"]][["name", "version"]].to_numpy().tolist() == [
        ["cell_types", 4]
    ]


def test_every_row_comes_the_first_one_too_and_ids_are_exact(client, server):
    rows = dump(server, "v4/nucleus_detection_v0")

    table = client.exports.get_table("nucleus_detection_v0", 4)

    table = table.set_index("id")
    assert len(table) == len(rows)
    for row in rows:
        ours = table.loc[int(row["id"])]
        for name in ("pt_root_id", "pt_supervoxel_id"):
            assert str(ours[name]).replace("<NA>", "") == row[name]
        _, _, x, y, z = struct.unpack("<BIddd", bytes.fromhex(row["pt_position"]))
        assert (ours.pt_position_x, ours.pt_position_y, ours.pt_position_z) == (x, y, z)
    assert str(table["pt_root_id"].dtype) == "Int64"


def test_a_second_call_asks_for_nothing(client, server):
    first = client.exports.get_table("cell_types", 5)
    server.clear_log()

    again = load_client("demo", version=5).exports.get_table("cell_types", 5)

    assert not server.requests
    pd.testing.assert_frame_equal(again, first)


def test_a_split_pair_is_joined_on_id_and_keeps_every_annotation(client, server):
    left = dump(server, "v5/nucleus_detection_v0")
    right = {
        row["id"]: row for row in dump(server, "v5/nucleus_detection_v0__demo_pcg")
    }
    right.pop(left[3]["id"], None)

    table = client.exports.get_table("nucleus_detection_v0", 5, output="arrow")

    found = {row["id"]: row for row in table.to_pylist()}
    assert len(found) == table.num_rows == len(left)
    for row in left:
        half = right.get(row["id"])
        root = half["pt_root_id"] if half else ""
        if half:
            assert found[int(row["id"])]["pt_root_id"] == (int(root) if root else None)
    assert "pt_root_id" in table.column_names


def test_columns_and_where(client):
    whole = client.exports.get_table("synapses_demo", 4)
    root = int(whole["post_pt_root_id"].mode()[0])

    part = client.exports.get_table(
        "synapses_demo",
        4,
        columns=["id", "ctr_pt_position", "size"],
        where={"post_pt_root_id": root},
    )

    expected = whole[whole["post_pt_root_id"] == root]
    axes = [f"ctr_pt_position_{axis}" for axis in "xyz"]
    assert list(part.columns) == ["id", *axes, "size"]
    pd.testing.assert_frame_equal(
        part.sort_values("id", ignore_index=True),
        expected[part.columns].sort_values("id", ignore_index=True),
    )


def test_where_takes_no_id_that_lost_digits(client):
    whole = client.exports.get_table("nucleus_detection_v0", 4)
    root = int(whole["pt_root_id"].max())
    expected = whole.loc[whole["pt_root_id"] == root, "id"].tolist()

    def ids(asked: object) -> pd.Series:
        where = {"pt_root_id": asked}
        return client.exports.get_table("nucleus_detection_v0", 4, where=where)["id"]

    beside_nothing = pd.Series([root, None], dtype=float)
    for damaged in (float(root), [float(root), 1], beside_nothing):
        with pytest.raises(InvalidQueryError):
            ids(damaged)
    for good in (root, [root, 2**64 - 1], np.array([root], np.uint64), str(root)):
        assert ids(good).tolist() == expected
    assert len(ids([2**64 - 1])) == 0
    assert len(ids([])) == 0
    small = int(whole["id"].iloc[0])
    where = {"id": [float(small)]}
    one = client.exports.get_table("nucleus_detection_v0", 4, where=where)
    assert one["id"].tolist() == [small]


def test_where_takes_lists_and_null(client):
    whole = client.exports.get_table("nucleus_detection_v0", 4)
    some = whole["id"].iloc[[0, 5]].tolist()

    by_id = client.exports.get_table("nucleus_detection_v0", 4, where={"id": some})
    without = client.exports.get_table(
        "nucleus_detection_v0", 4, where={"volume": None}
    )

    assert sorted(by_id["id"]) == sorted(some)
    assert len(without) == whole["volume"].isna().sum() > 0


@pytest.mark.parametrize("output", ["pandas", "arrow", "polars", "duckdb"])
def test_every_output_has_the_same_ids(client, output):
    whole = client.exports.get_table("nucleus_detection_v0", 4, output="arrow")
    table = client.exports.get_table("nucleus_detection_v0", 4, output=output)

    if output == "duckdb":
        table = table.to_arrow_table()
    ids = table["pt_root_id"]
    listed = [None if one is pd.NA else one for one in list(ids)]
    listed = ids.to_pylist() if hasattr(ids, "to_pylist") else listed
    assert listed == whole["pt_root_id"].to_pylist()


def test_offline_a_held_export_answers_and_another_names_the_command(
    client, monkeypatch
):
    client.exports.get_table("cell_types", 5)
    monkeypatch.setenv("CORTICAL_CACHE_OFFLINE", "1")
    offline = load_client("demo", version=5).exports

    assert len(offline.get_table("cell_types", 5))
    assert offline.available_versions("cell_types") == [2, 3, 4, 5]
    with pytest.raises(NotCachedError, match="sync demo 5 --exports synapses_demo"):
        offline.get_table("synapses_demo", 5)


def test_unknown_names_name_near_ones(client):
    with pytest.raises(UnknownNameError, match="there are cell_types"):
        client.exports.get_table("cell_type", 5)
    with pytest.raises(UnknownNameError, match="version of cell_types '9'"):
        client.exports.get_table("cell_types", 9)
    with pytest.raises(UnknownNameError, match="no column 'roots'"):
        client.exports.get_table("cell_types", 5, columns=["roots"])
    with pytest.raises(InvalidQueryError, match="pt_position_x"):
        client.exports.get_table("nucleus_detection_v0", 4, where={"pt_position": 1})


def test_a_plain_web_server_lists_nothing_and_serves_by_name(server, bucket):
    client = load_client("demo", version=5)
    client.set_export_cloudpath(f"{server.url}/bucket/{server.world.bucket}/demo")

    assert client.exports.available_data_df().empty
    assert len(client.exports.get_table("cell_types", 4)) == len(
        dump(server, "v4/cell_types")
    )


def test_offline_a_web_server_is_not_asked_by_name(server, bucket, monkeypatch):
    client = load_client("demo", version=5)
    client.set_export_cloudpath(f"{server.url}/bucket/{server.world.bucket}/demo")
    client.exports.get_table("cell_types", 4)
    server.clear_log()
    monkeypatch.setenv("CORTICAL_CACHE_OFFLINE", "1")
    offline = load_client("demo", version=5).exports

    with pytest.raises(NotCachedError, match="sync demo 5 --exports synapses_demo"):
        offline.get_table("synapses_demo", 5)

    assert len(offline.get_table("cell_types", 4))
    assert not server.requests


def test_the_location_is_remembered_and_a_wrong_one_is_refused(client, bucket):
    assert load_client("demo").exports.locations == (bucket,)
    with pytest.raises(ConfigurationError, match="is no export location"):
        client.set_export_cloudpath("ftp://x")


def test_a_folder_is_a_location(server, dumps):
    write_dump(dumps, "mine", "id,bigint\n", "3\n1\n")
    client = load_client("demo", version=5)
    client.set_export_cloudpath(str(dumps))

    assert client.exports.get_table("mine", 5)["id"].tolist() == [1, 3]


def test_offline_a_folder_is_read_as_it_is_now(server, dumps, monkeypatch):
    write_dump(dumps, "mine", "id,bigint\n", "3\n1\n")
    load_client("demo", version=5).set_export_cloudpath(str(dumps))
    server.clear_log()
    monkeypatch.setenv("CORTICAL_CACHE_OFFLINE", "1")
    offline = load_client("demo", version=5).exports

    assert offline.get_table("mine", 5)["id"].tolist() == [1, 3]
    write_dump(dumps, "later", "id,bigint\n", "2\n")
    assert offline.get_table("later", 5)["id"].tolist() == [2]
    with pytest.raises(UnknownNameError, match="there are later, mine"):
        offline.get_table("never", 5)
    assert not server.requests


def test_a_client_without_a_call_loads_no_bucket_library():
    ran = python(
        "import sys, cortical_cache\n"
        "client = cortical_cache.load_client('minnie_public')\n"
        "client.set_export_cloudpath('/tmp'); client.exports\n"
        "assert not {'gcsfs', 'pandas', 'pyarrow', 'duckdb'} & set(sys.modules)"
    )

    assert ran.code == 0, ran.err


def test_values_are_read_as_postgresql_writes_them(server, dumps):
    header = (
        "id,bigint\nroot,bigint\nvalid,boolean\nsize,double precision\n"
        "note,character varying\ncreated,timestamp without time zone\n"
        "pt_position,USER-DEFINED\n"
    )
    rows = (
        f'9,864691135000000003,t,NaN,"a,""b""\nc",2024-02-29 01:02:03.5,{POINT}\n'
        '7,,f,-Infinity,"",2024-02-29 01:02:03,\n'
        "8,9223372036854775807,,1e-300,,,"
        f"01010000A0E6100000{POINT[10:]}\n"
    )
    write_dump(dumps, "all_kinds", header, rows)
    client = load_client("demo", version=5)
    client.set_export_cloudpath(str(dumps))

    table = client.exports.get_table("all_kinds", 5, output="arrow").to_pylist()

    assert [row["id"] for row in table] == [7, 8, 9]
    assert [row["root"] for row in table] == [None, 2**63 - 1, 864691135000000003]
    assert [row["valid"] for row in table] == [False, None, True]
    assert [row["note"] for row in table] == ["", None, 'a,"b"\nc']
    assert table[0]["size"] == float("-inf")
    assert table[1]["size"] == 1e-300
    assert table[2]["size"] != table[2]["size"]
    assert table[2]["created"].isoformat() == "2024-02-29T01:02:03.500000+00:00"
    assert table[0]["pt_position_x"] is None
    for row in table[1:]:
        point = [row[f"pt_position_{axis}"] for axis in "xyz"]
        assert point == [1.5, -2.0, 1 / 3]
