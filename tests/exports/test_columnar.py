"""Parquet, feather and Delta Lake exports, the latter written by the real library."""

import struct

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from caveclient import CAVEclient
from deltalake import DeltaTable, write_deltalake
from pyarrow import feather

from cortical_cache import load_client
from cortical_cache.errors import SourceError
from tests.kit import row_queries, same_frame


def wkb(x: float, y: float, z: float) -> bytes:
    return struct.pack("<BIddd", 1, 1001, x, y, z)  # ISO WKB, as shapely writes it


def rows(start: int, stop: int) -> pa.Table:
    ids = range(start, stop)
    return pa.table(
        {
            "id": pa.array(ids, pa.int64()),
            "pre_pt_root_id": pa.array(
                [None if n % 7 == 0 else 864691135000000001 + 2 * n for n in ids],
                pa.int64(),
            ),
            "pre_pt_position": pa.array([wkb(n, n + 0.5, -n) for n in ids]),
            "ctr_pt_position_x": pa.array(ids, pa.int32()),
            "ctr_pt_position_y": pa.array(ids, pa.int32()),
            "ctr_pt_position_z": pa.array(ids, pa.int32()),
            "size": pa.array([n / 3 for n in ids], pa.float32()),
            "pre_pt_root_id_partition": pa.array([n % 3 for n in ids], pa.int32()),
        }
    )


@pytest.fixture
def exports(server, dumps):
    client = load_client("demo", version=5)
    client.set_export_cloudpath(str(dumps))
    return client.exports


def check(table: pa.Table, ids: list[int]) -> None:
    assert sorted(table["id"].to_pylist()) == ids
    for row in table.to_pylist():
        n = row["id"]
        assert row["pre_pt_root_id"] == (
            None if n % 7 == 0 else 864691135000000001 + 2 * n
        )
        point = [row[f"pre_pt_position_{axis}"] for axis in "xyz"]
        assert point == [n, n + 0.5, -n]
        assert [row[f"ctr_pt_position_{axis}"] for axis in "xyz"] == [n, n, n]
    assert not [name for name in table.column_names if "partition" in name]


@pytest.mark.parametrize("suffix", ["parquet", "feather"])
def test_a_file_is_read_as_it_is(exports, dumps, suffix):
    folder = dumps / "v5"
    folder.mkdir()
    write = pq.write_table if suffix == "parquet" else feather.write_feather
    write(rows(0, 50), folder / f"synapses.{suffix}")

    check(exports.get_table("synapses", 5, output="arrow"), list(range(50)))


@pytest.mark.parametrize("suffix", ["parquet", "feather"])
@pytest.mark.parametrize("end", [None, -1, -200], ids=["alien", "cut", "shorter"])
def test_a_file_that_is_none_is_said_to_be_damaged(exports, dumps, suffix, end):
    path = dumps / "v5" / f"synapses.{suffix}"
    path.parent.mkdir()
    write = pq.write_table if suffix == "parquet" else feather.write_feather
    write(rows(0, 50), path)
    path.write_bytes(b"PAR1 or not" if end is None else path.read_bytes()[:end])

    with pytest.raises(SourceError, match=f"synapses.{suffix} is damaged"):
        exports.get_table("synapses", 5)
    assert exports._exports.held("synapses", 5) is None


@pytest.mark.parametrize("suffix", ["parquet", "feather"])
def test_a_row_with_more_text_than_any_row_has_is_refused(exports, dumps, suffix):
    folder = dumps / "v5"
    folder.mkdir()
    write = pq.write_table if suffix == "parquet" else feather.write_feather
    table = pa.table({"id": [1, 2], "note": ["short", "x" * 2_000_000]})
    write(table, folder / f"synapses.{suffix}")

    with pytest.raises(SourceError, match="bytes of text; refused"):
        exports.get_table("synapses", 5)


@pytest.mark.parametrize("checkpoint", [False, True])
def test_a_delta_table_is_what_its_log_says(exports, dumps, checkpoint):
    path = str(dumps / "v5" / "synapses" / "pre_pt_root_id")
    partition = ["pre_pt_root_id_partition"]
    write_deltalake(path, rows(0, 40), partition_by=partition)
    write_deltalake(path, rows(40, 60), mode="append")
    table = DeltaTable(path)
    table.delete("id < 10")
    table.optimize.compact()
    if checkpoint:
        table.create_checkpoint()
        write_deltalake(path, rows(60, 65), mode="append")
        assert (
            dumps / "v5/synapses/pre_pt_root_id/_delta_log/_last_checkpoint"
        ).exists()

    last = 65 if checkpoint else 60
    found = exports.get_table("synapses", 5, output="arrow")

    check(found, list(range(10, last)))
    commit = exports._exports.held("synapses", 5)
    assert commit.provenance.details["delta_version"] == str(DeltaTable(path).version())


def test_the_checkpoint_alone_is_enough(exports, dumps):
    path = dumps / "v5" / "synapses"
    write_deltalake(str(path), rows(0, 8))
    write_deltalake(str(path), rows(8, 9), mode="append")
    DeltaTable(str(path)).create_checkpoint()
    (path / "_delta_log" / f"{0:020}.json").unlink()

    check(exports.get_table("synapses", 5, output="arrow"), list(range(9)))


def test_a_log_with_a_gap_is_refused(exports, dumps):
    path = dumps / "v5" / "synapses"
    for start in (0, 8, 16):
        write_deltalake(str(path), rows(start, start + 8), mode="append")
    (path / "_delta_log" / f"{1:020}.json").unlink()

    with pytest.raises(SourceError, match="its log lacks version 1"):
        exports.get_table("synapses", 5)


def test_a_feature_that_is_not_read_is_refused(exports, dumps):
    path = dumps / "v5" / "synapses"
    write_deltalake(
        str(path), rows(0, 8), configuration={"delta.enableDeletionVectors": "true"}
    )

    with pytest.raises(SourceError, match="deletionVectors"):
        exports.get_table("synapses", 5)


def test_a_data_file_that_is_gone_is_said(exports, dumps):
    path = dumps / "v5" / "synapses"
    write_deltalake(str(path), rows(0, 8))
    next(path.glob("*.parquet")).unlink()

    with pytest.raises(SourceError, match="is gone, though it was listed"):
        exports.get_table("synapses", 5)
    assert exports._exports.held("synapses", 5) is None


NUCLEI = "nucleus_detection_v0"
POSITION = [f"pt_position_{axis}" for axis in "xyz"]


@pytest.fixture
def rounded(client, dumps):
    """Write nuclei as a lake has them; return the database's own rows, and a client.

    MaterializationEngine cuts off the positions of a lake, which queries round.
    """
    rows = client.exports.get_table(NUCLEI, 5, output="arrow", promote="none")
    lake = rows
    for name in POSITION:
        cut = pc.trunc(rows[name]).cast(pa.int32())
        lake = lake.set_column(lake.column_names.index(name), name, cut)
    place = lake.column_names.index("volume")
    lake = lake.set_column(place, "volume", lake["volume"].cast(pa.float32()))
    (dumps / "v5").mkdir()
    pq.write_table(lake, dumps / "v5" / f"{NUCLEI}.parquet")
    client.clear_cache(NUCLEI, version=5, yes=True)
    client.set_export_cloudpath(str(dumps))
    client.exports.get_table(NUCLEI, 5)
    return rows.filter(rows["valid"]), client


def test_values_that_were_rounded_do_not_answer_for_the_databases_own(rounded, server):
    rows, client = rounded
    theirs = CAVEclient("demo", server_address=server.url).materialize.query_table
    ours = client.cached.materialize.query_table
    columns = np.stack([rows[name].to_numpy() for name in POSITION], axis=1)
    assert (np.trunc(columns) != np.round(columns)).any()
    corner = np.nanmin(columns, axis=0).astype(int), np.nanmedian(columns, axis=0)
    box = [[*corner[0].tolist()], [*np.ceil(corner[1]).tolist()]]
    volumes = rows["volume"].drop_null().to_numpy()
    least = float(volumes[volumes.astype(np.float32) > volumes][0])
    for asked in (
        {"select_columns": ["id", "pt_position"]},
        {"select_columns": ["id", "pt_root_id"], "filter_spatial_dict": {
            "pt_position": box}},
        {"select_columns": ["id", "pt_root_id"], "filter_greater_dict": {
            "volume": least}},
    ):  # fmt: skip
        expected = theirs(NUCLEI, materialization_version=5, **asked)
        assert len(expected)
        same_frame(ours(NUCLEI, **asked), expected)
    server.clear_log()

    ids = ours(NUCLEI, select_columns=["id", "pt_root_id"])

    assert len(ids) == len(rows)
    assert not row_queries(server), "the columns that were not rounded answer"
