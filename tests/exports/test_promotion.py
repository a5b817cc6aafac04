"""An export that is proved to be all of a table answers for the table."""

import gzip
from datetime import UTC, datetime

import pandas as pd
import pytest

from cortical_cache import load_client
from cortical_cache.errors import PartialColumnsError, VersionExpiredError
from tests.exports.conftest import write_dump
from tests.kit import row_queries, same_frame

TABLES = ["nucleus_detection_v0", "synapses_demo", "cell_types", "nucleus_scores"]
VIEWS = ["synapse_counts", "nucleus_detection_lookup"]


def provenance(client, name):
    repositories = client.repositories
    subject = repositories.catalog.subject(name, client.version)
    commits = repositories.rows.row_set(subject).state().commits
    return [one.provenance.details.get("proof") for one in commits]


@pytest.fixture
def theirs(server):
    """Return caveclient's own answers."""
    from caveclient import CAVEclient

    return CAVEclient("demo", server_address=server.url).materialize


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("name", [*TABLES, *VIEWS])
def test_it_answers_as_the_server_would_without_asking_it(
    client, server, theirs, name, version
):
    client.version = version
    kind = "query_view" if name in VIEWS else "query_table"
    alone = {} if name in VIEWS else {"merge_reference": False}
    expected = getattr(theirs, kind)(name, materialization_version=version, **alone)

    client.exports.get_table(name, version)
    assert provenance(client, name) == ["count"]
    server.clear_log()
    answer = getattr(client.cached.materialize, kind)(name, **alone)

    assert not row_queries(server)
    same_frame(answer, expected)


def test_an_export_with_rows_missing_answers_for_nothing(client, server, dumps):
    header = "id,bigint\ntag,character varying\n"
    write_dump(dumps, "cell_types", header, "1,a\n2,b\n")
    client.set_export_cloudpath(str(dumps))

    assert len(client.exports.get_table("cell_types", 5)) == 2
    assert provenance(client, "cell_types") == []


def test_of_an_expired_version_the_dump_is_the_proof(server, dumps):
    rows = "1,t,5,a,0.5\n2,f,6,b,\n"
    header = "id,bigint\nvalid,boolean\ntarget_id,bigint\ntag,character varying\n"
    header += "value,double precision\n"
    write_dump(dumps, "nucleus_scores_merged", header, rows, version=1)
    client = load_client("demo", version=1)
    client.set_export_cloudpath(str(dumps))

    client.exports.get_table("nucleus_scores_merged", 1)

    assert provenance(client, "nucleus_scores") == ["dump"]
    found = client.cached.materialize.query_table(
        "nucleus_scores", merge_reference=False
    )
    assert found["id"].tolist() == [1]


def test_a_dump_of_split_tables_answers_as_a_split_version(server, dumps):
    """Whatever the record says: of a public datastack it is not the rows' own."""
    header = (
        "id,bigint\ncreated,timestamp without time zone\nsuperceded_id,bigint\n"
        "valid,boolean\nvolume,double precision\npt_position,USER-DEFINED\n"
        "bb_start_position,USER-DEFINED\nbb_end_position,USER-DEFINED\n"
        "pt_supervoxel_id,bigint\npt_root_id,bigint\n"
    )
    rows = "7,2024-01-01 00:00:00,,t,1.5,,,,,\n"
    name = "nucleus_detection_v0"
    write_dump(dumps, name, header, rows, version=1)
    client = load_client("demo", version=1)
    client.set_export_cloudpath(str(dumps))
    client.exports.get_table(name, 1)

    found = client.cached.materialize.query_table(name, split_positions=True)

    assert found.columns.tolist()[:4] == ["id", "created", "superceded_id", "valid"]
    assert found["pt_root_id"].tolist() == [1], "as a split version shows NULL"


def test_count_only_forbids_the_dump_as_a_proof(server, dumps):
    header = "id,bigint\nvalid,boolean\n"
    write_dump(dumps, "nucleus_scores", header, "1,t\n", version=1)
    client = load_client("demo", version=1)
    client.set_export_cloudpath(str(dumps))

    client.exports.get_table("nucleus_scores", 1, promote="count")

    assert provenance(client, "nucleus_scores") == []


def test_a_filtered_view_never_becomes_its_table_without_a_count(server, dumps):
    header = "id,bigint\nvalid,boolean\n"
    name = "nucleus_scores_v1_filtered_view"
    write_dump(dumps, name, header, "1,t\n", version=1)
    client = load_client("demo", version=1)
    client.set_export_cloudpath(str(dumps))

    assert len(client.exports.get_table(name, 1)) == 1

    assert provenance(client, "nucleus_scores") == []


def test_promotion_shares_the_files(client):
    client.exports.get_table("synapses_demo", 4)

    folder = client.cache_dir / "v4"
    ours = {one.stat().st_ino for one in folder.glob("exports/*/*.parquet")}
    tables = {one.stat().st_ino for one in folder.glob("tables/syn*/*.parquet")}
    assert ours <= tables


def test_a_new_generation_takes_the_place_of_the_old_one(server, dumps):
    header = "id,bigint\n"
    path = write_dump(dumps, "mine", header, "1\n")
    client = load_client("demo", version=5)
    client.set_export_cloudpath(str(dumps))
    assert client.exports.get_table("mine", 5)["id"].tolist() == [1]

    path.write_bytes(gzip.compress(b"1\n2\n3\n4\n"))
    assert client.exports.get_table("mine", 5)["id"].tolist() == [1]
    client.exports.reset_available_files()

    assert client.exports.get_table("mine", 5)["id"].tolist() == [1, 2, 3, 4]


@pytest.fixture
def partial(server, dumps, theirs):
    """Return a client that holds an export of cell types without two columns."""
    every = theirs.query_table(
        "cell_types", materialization_version=5, merge_reference=False
    )
    rows = "".join(
        f"{one.id},{one.target_id},{one.cell_type}\n" for one in every.itertuples()
    )
    header = "id,bigint\ntarget_id,bigint\ncell_type,character varying\n"
    write_dump(dumps, "cell_types", header, rows)
    client = load_client("demo", version=5)
    client.set_export_cloudpath(str(dumps))
    client.exports.get_table("cell_types", 5)
    return client


ASKED = {
    "select_columns": ["id", "cell_type"],
    "filter_in_dict": {"cell_type": ["23P", "MC", "5P-IT"]},
    "merge_reference": False,
}


def test_an_export_without_some_columns_answers_for_the_others(partial, server, theirs):
    expected = theirs.query_table("cell_types", materialization_version=5, **ASKED)
    counted = theirs.query_table(
        "cell_types", materialization_version=5, get_counts=True, merge_reference=False
    )
    assert provenance(partial, "cell_types").count("count") == 1
    assert "3 columns" in repr(partial.cache_status())
    server.clear_log()
    ask = partial.cached.materialize.query_table

    same_frame(ask("cell_types", **ASKED), expected)
    assert len(expected) > 0
    count = ask("cell_types", get_counts=True, merge_reference=False)

    assert count["count"].tolist() == counted["count"].tolist()
    assert not row_queries(server)


def test_what_needs_another_column_is_asked_of_the_server(partial, server, theirs):
    server.clear_log()
    every = {"merge_reference": False}

    answer = partial.cached.materialize.query_table("cell_types", **every)

    assert row_queries(server)
    expected = theirs.query_table("cell_types", materialization_version=5, **every)
    same_frame(answer, expected)


def test_offline_it_names_the_columns_or_takes_what_there_is(partial, caplog):
    alone = {"merge_reference": False}
    three = partial.cached.materialize.query_table(
        "cell_types", select_columns=["id", "target_id", "cell_type"], **alone
    )
    client = load_client("demo", version=5, offline=True)
    ask = client.cached.materialize.query_table

    with pytest.raises(PartialColumnsError, match=r"classification_system, .*valid"):
        ask("cell_types", **alone)
    with pytest.raises(PartialColumnsError, match="lacks valid"):
        ask("cell_types", select_columns=["id", "valid"], **alone)
    assert len(ask("cell_types", **ASKED))

    held = client.using(columns="held").cached.materialize.query_table
    assert not caplog.records
    found = held("cell_types", **alone)
    assert "cell_types: only the columns that are held" in caplog.text
    assert found.columns.tolist() == ["id", "target_id", "cell_type"]
    pd.testing.assert_frame_equal(found, three)
    some = {"select_columns": ["valid", "id"], **alone}
    chosen = held("cell_types", filter_equal_dict={"cell_type": "23P"}, **some)
    assert chosen.columns.tolist() == ["id"]
    with pytest.raises(PartialColumnsError, match="lacks valid"):
        held("cell_types", select_columns=["valid"], **alone)
    with pytest.raises(PartialColumnsError, match="lacks valid"):
        held("cell_types", filter_equal_dict={"valid": True}, **alone)


def test_of_an_expired_version_columns_are_missed_too(server, dumps):
    header = "id,bigint\nvalid,boolean\ntarget_id,bigint\ntag,character varying\n"
    write_dump(dumps, "nucleus_scores_merged", header, "1,t,5,a\n2,f,6,b\n", version=1)
    client = load_client("demo", version=1)
    client.set_export_cloudpath(str(dumps))
    client.exports.get_table("nucleus_scores_merged", 1)
    ask = client.cached.materialize.query_table

    with pytest.raises(PartialColumnsError, match="lacks value"):
        ask("nucleus_scores", merge_reference=False)
    found = ask("nucleus_scores", merge_reference=False, select_columns=["id", "tag"])

    assert found.to_dict("list") == {"id": [1], "tag": ["a"]}


def test_where_the_columns_are_not_known_an_export_answers_for_nothing(server, dumps):
    header = "id,bigint\nvalid,boolean\ntarget_id,bigint\n"
    write_dump(dumps, "nucleus_scores_merged", header, "1,t,5\n", version=1)
    client = load_client("demo", version=1)
    client.set_export_cloudpath(str(dumps))
    client.repositories.store.write_fact("schemas", {}, None, datetime.now(UTC))

    client.exports.get_table("nucleus_scores_merged", 1)

    assert provenance(client, "nucleus_scores") == []
    with pytest.raises(VersionExpiredError):
        client.cached.materialize.query_table(
            "nucleus_scores", select_columns=["id"], merge_reference=False
        )


def test_without_ids_an_export_answers_for_nothing(server, dumps):
    header = "valid,boolean\ntarget_id,bigint\ntag,character varying\n"
    write_dump(dumps, "nucleus_scores_merged", header, "t,5,a\n", version=1)
    client = load_client("demo", version=1)
    client.set_export_cloudpath(str(dumps))

    assert len(client.exports.get_table("nucleus_scores_merged", 1)) == 1

    assert provenance(client, "nucleus_scores") == []


def test_a_damaged_export_comes_again_and_its_table_with_it(client, server):
    client.exports.get_table("cell_types", 5)
    before = client.cached.materialize.query_table("cell_types", merge_reference=False)
    (path,) = (client.cache_dir / "v5" / "exports" / "cell_types").glob("*.parquet")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    upkeep = load_client("demo", version=5).repositories.upkeep
    assert len(upkeep.verify(deep=True)) == 2, "the two share the file"

    repaired = list(upkeep.repair())

    assert [one.subject for one in repaired] == [
        "export cell_types v5",
        "table cell_types v5",
    ]
    assert all(one.is_whole for one in repaired)
    assert not upkeep.verify(deep=True)
    fresh = load_client("demo", version=5, offline=True)
    after = fresh.cached.materialize.query_table("cell_types", merge_reference=False)
    pd.testing.assert_frame_equal(after, before)
