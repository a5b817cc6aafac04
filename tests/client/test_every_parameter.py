"""Every parameter of caveclient's query is taken, and means what it means there."""

from datetime import UTC, datetime

import numpy as np
import pytest
from caveclient import CAVEclient

from cortical_cache import load_client
from cortical_cache.errors import UnsupportedQueryError
from tests.kit import row_queries, same_frame

SYNAPSES, NUCLEI = "synapses_demo", "nucleus_detection_v0"
BOX = [[0, 0, 0], [200_000, 200_000, 10_000]]

FEW = [100_158, 100_561, 986_863]

QUERIES = {
    "in": {"filter_in_dict": {"id": [*FEW, 1]}},
    "equal": {"filter_equal_dict": {"valid": True}},
    "greater": {"filter_greater_dict": {"volume": 300}},
    "less": {"filter_less_dict": {"volume": 300}},
    "greater or equal": {"filter_greater_equal_dict": {"id": 500_000}},
    "less or equal": {"filter_less_equal_dict": {"id": 500_000}},
    "box": {"filter_spatial_dict": {"pt_position": BOX}},
    "columns": {"select_columns": ["id", "pt_root_id", "pt_position"]},
    "split": {"split_positions": True},
    "resolution": {"desired_resolution": [1, 1, 1]},
    "an array": {"desired_resolution": np.array([9.7, 9.7, 45])},
    "no metadata": {"metadata": False},
    "unmerged": {"merge_reference": False},
    "version": {"materialization_version": 3},
    "timestamp": {"timestamp": datetime(2025, 2, 1, 8, 10, 1, 987654, UTC)},
    "datastack": {"datastack_name": "demo"},
    "silent": {"log_warning": False},
}


@pytest.fixture
def pair(server):
    ours = load_client("demo", version=5)
    theirs = CAVEclient("demo", server_address=server.url, version=5)
    return ours.cached.materialize, theirs.materialize


@pytest.mark.parametrize("name", QUERIES)
def test_query_table(name, pair):
    ours, theirs = pair

    same_frame(
        ours.query_table(NUCLEI, **QUERIES[name]),
        theirs.query_table(NUCLEI, **QUERIES[name]),
    )


def test_regex(pair):
    asked = {"filter_regex_dict": {"cell_type": "^[0-9]+P"}, "merge_reference": False}
    ours, theirs = pair

    same_frame(
        ours.query_table("cell_types", **asked),
        theirs.query_table("cell_types", **asked),
    )


def test_records_instead_of_a_frame(pair):
    ours, theirs = (
        one.query_table(NUCLEI, filter_in_dict={"id": FEW[:1]}, return_df=False)
        for one in pair
    )

    assert isinstance(ours, list)
    assert ours[0]["id"] == theirs[0]["id"] == FEW[0]


def test_counts(pair):
    ours, theirs = (one.query_table(NUCLEI, get_counts=True) for one in pair)

    assert ours["count"].tolist() == theirs["count"].tolist() == [561]


def test_limit_and_offset_give_as_many_rows(pair):
    ours, theirs = (one.query_table(NUCLEI, limit=10, offset=3) for one in pair)

    assert len(ours) == len(theirs) == 10
    assert ours.dtypes.to_dict() == theirs.dtypes.to_dict()


def test_a_sample_has_rows_of_the_table(pair):
    ours, _ = pair

    sample = ours.query_table(SYNAPSES, random_sample=50)

    assert 0 < len(sample) < 19_940


def test_a_sample_is_refused_where_the_server_would_draw_it_wrongly(pair):
    ours, _ = pair

    with pytest.raises(UnsupportedQueryError, match="ignores filter_out_dict"):
        ours.query_table(SYNAPSES, random_sample=50, filter_out_dict={"id": [1]})


def test_filter_out_filters(pair):
    ours, _ = pair

    kept = ours.query_table(NUCLEI, filter_out_dict={"id": FEW})

    assert len(kept) == 558
    assert not set(FEW) & set(kept["id"])


@pytest.mark.parametrize("asked", [{}, {"limit": 7}, {"split_positions": True}])
def test_query_view(asked, pair):
    ours, theirs = (one.query_view("nucleus_detection_lookup", **asked) for one in pair)

    if "limit" in asked:
        assert len(ours) == len(theirs) == 7
    else:
        same_frame(ours, theirs)


@pytest.mark.parametrize("side", ["pre_ids", "post_ids"])
def test_synapse_query(side, pair):
    ours, theirs = pair
    frame = theirs.query_table(SYNAPSES, limit=50)
    root = int(frame[f"{side[:-4]}_pt_root_id"].mode()[0])

    same_frame(
        ours.synapse_query(**{side: [root]}), theirs.synapse_query(**{side: [root]})
    )


def test_the_second_time_no_request_is_made(pair, server):
    ours, _ = pair
    asked = {"filter_in_dict": {"id": [7, 8]}, "desired_resolution": [4, 4, 40]}
    ours.query_table(SYNAPSES, **asked)
    assert row_queries(server)
    server.clear_log()

    ours.query_table(SYNAPSES, **asked)
    ours.query_table(SYNAPSES, filter_in_dict={"id": [7]}, select_columns=["id"])

    assert not server.requests


JOIN = [["cell_types", "target_id"], [NUCLEI, "id"]]

JOINS = {
    "plain": {},
    "suffixes": {"suffixes": {"cell_types": "_a", NUCLEI: "_b"}},
    "filters": {
        "filter_equal_dict": {"cell_types": {"cell_type": "23P"}},
        "filter_greater_dict": {NUCLEI: {"id": 500_000}},
    },
    "columns": {
        "select_columns": {"cell_types": ["id", "cell_type"], NUCLEI: ["pt_position"]},
    },
    "nanometres": {"desired_resolution": [1, 1, 1], "split_positions": True},
    "version": {"materialization_version": 4},
}


@pytest.mark.parametrize("name", JOINS)
def test_join_query(name, start, monkeypatch):
    cave = start(join_block_order="given")
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", cave.url)
    ours = load_client("demo", version=5).cached.materialize
    theirs = CAVEclient("demo", server_address=cave.url, version=5).materialize
    asked = {"suffixes": {"cell_types": "_x", NUCLEI: "_y"}, **JOINS[name]}

    same_frame(ours.join_query(JOIN, **asked), theirs.join_query(JOIN, **asked))
