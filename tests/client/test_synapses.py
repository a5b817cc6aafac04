"""``query_synapses``: cortical_tools' method, its faults mended."""

import numpy as np
import pandas as pd
import pytest

from cortical_cache import load_client
from cortical_cache.errors import InvalidQueryError
from tests.kit import row_queries


@pytest.fixture
def cave(start):
    return start()


@pytest.fixture
def client(cave):
    return load_client("demo", version=5, server_address=cave.url)


@pytest.fixture
def roots(client):
    found = client.tables.nucleus_detection_v0().query()["pt_root_id"]
    return sorted({int(one) for one in found if one > 1})[:25]


@pytest.fixture
def synapses(client):
    return client.cached.materialize.query_table(
        "synapses_demo", desired_resolution=[1, 1, 1], split_positions=True
    )


def test_it_gives_each_synapse_once_and_no_autapses(client, roots, synapses):
    frame = client.query_synapses(roots, pre=True, post=True, progress=False)

    mine = synapses["pre_pt_root_id"].isin(roots) | synapses["post_pt_root_id"].isin(
        roots
    )
    apart = synapses["pre_pt_root_id"] != synapses["post_pt_root_id"]
    assert set(frame["id"]) == set(synapses["id"][mine & apart])
    assert frame["id"].is_unique
    assert isinstance(frame.index, pd.RangeIndex)
    assert frame.dtypes.to_dict() == synapses.dtypes.to_dict()


def test_autapses_on_request(client, roots, synapses):
    with_them = client.query_synapses(
        roots, pre=True, omit_self_synapse=False, progress=False
    )
    without = client.query_synapses(roots, pre=True, progress=False)

    assert len(with_them) == synapses["pre_pt_root_id"].isin(roots).sum()
    assert len(without) <= len(with_them)


def test_no_synapses_is_a_frame_with_the_right_columns(client, synapses):
    for nobody in ([], [864691130000000001]):
        frame = client.query_synapses(nobody, pre=True, post=True)

        assert len(frame) == 0
        assert list(frame.columns) == list(synapses.columns)


def test_a_reference_table_is_matched_on_the_synapse_and_keeps_ids(client, roots):
    tags = client.cached.materialize.query_table(
        "synapse_tags", merge_reference=False
    ).set_index("target_id")["tag"]

    frame = client.query_synapses(
        roots, post=True, reference_tables=["synapse_tags"], progress=False
    )

    assert frame["id"].dtype == frame["pre_pt_root_id"].dtype == "Int64"
    assert frame["target_id"].dtype == "Int64"
    tagged = frame[frame["tag"].notna()]
    assert len(tagged)
    assert (tags.loc[tagged["id"]].to_numpy() == tagged["tag"].to_numpy()).all()
    assert set(frame["id"][frame["tag"].isna()]).isdisjoint(tags.index)


def test_positions_as_arrays_in_the_units_asked(client, roots):
    frame = client.query_synapses(
        roots[:2], pre=True, resolution=[4, 4, 40], split_positions=False
    )
    nm = client.query_synapses(roots[:2], pre=True).set_index("id")

    cell = frame["ctr_pt_position"].iloc[0]
    assert cell.dtype == np.int64
    assert nm.loc[frame["id"].iloc[0], "ctr_pt_position_x"] == cell[0] * 4


def test_a_versions_timestamp_is_that_version(client, roots):
    when = client.cached.materialize.get_timestamp(4)
    old = load_client("demo", version=4, server_address=client.server_address)

    at = client.query_synapses(roots, post=True, timestamp=when, progress=False)

    there = old.query_synapses(roots, post=True, progress=False)
    assert set(at["id"]) == set(there["id"])
    assert len(at)


def test_a_second_call_asks_nothing(client, roots, cave):
    client.query_synapses(roots, pre=True, progress=False)
    cave.clear_log()

    client.query_synapses(roots[3:9], pre=True, resolution=[8, 8, 40])

    assert not row_queries(cave)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"root_ids": [1]}, "ask for pre=True, post=True, or both"),
        ({"root_ids": 8.64691135e17, "pre": True}, "the last digits are lost"),
        ({"root_ids": ["nobody"], "pre": True}, "must be whole numbers"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, says, client):
    with pytest.raises(InvalidQueryError, match=says):
        client.query_synapses(**arguments)
