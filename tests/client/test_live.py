"""Queries at a moment: from a version where one was frozen then, kept where past."""

from datetime import UTC, datetime, timedelta

import pytest
from caveclient import CAVEclient

from cortical_cache import load_client
from cortical_cache.errors import (
    InvalidQueryError,
    NotCachedError,
    SourceError,
    TruncatedResultError,
)
from tests.kit import row_queries, same_frame

TABLES = (
    "nucleus_detection_v0",
    "cells_v1dd_nm",
    "nucleus_scores",
    "synapses_demo",
    "proofreading_status_and_strategy",
    "cell_types",
)


@pytest.fixture
def both(start):
    cave = start(require_token=False)
    client = load_client("demo", server_address=cave.url)
    plain = CAVEclient("demo", server_address=cave.url, write_server_cache=False)
    return cave, client, plain


def live_requests(cave):
    return [one for one in cave.requests if one.path.endswith("/datastack/demo/query")]


@pytest.mark.filterwarnings("ignore")  # caveclient's own, about the beta
@pytest.mark.parametrize("version", [2, 3, 4, 5])
@pytest.mark.parametrize("table", TABLES)
def test_at_a_versions_timestamp_the_answer_is_the_servers(table, version, both):
    _, client, plain = both
    when = client.cached.materialize.get_timestamp(version)
    try:
        theirs = plain.materialize.live_live_query(table, when)
    except Exception:  # noqa: BLE001  a table that waits for lookups
        with pytest.raises(SourceError):
            client.cached.materialize.live_live_query(table, when)
        return

    ours = client.cached.materialize.live_live_query(table, when)

    same_frame(ours, theirs)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("table", ["nucleus_scores", "cell_types"])
def test_at_a_versions_timestamp_the_version_answers(table, both):
    cave, client, _ = both
    materialize = client.cached.materialize
    when = materialize.get_timestamp(3)
    materialize.query_table(table, materialization_version=3, merge_reference=False)
    cave.clear_log()

    materialize.live_live_query(table, when)
    client.cached.materialize.query_table(table, timestamp=when)
    client.cached.materialize.live_query(table, when, merge_reference=False)

    assert not live_requests(cave)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("method", ["live_live_query", "live_query", "query_table"])
def test_a_moment_past_for_good_is_asked_once(method, both, tmp_path):
    cave, client, plain = both
    when = client.cached.materialize.get_timestamp(4) + timedelta(days=3)
    arguments = {"table": "nucleus_scores", "timestamp": when}
    theirs = getattr(plain.materialize, method)(**arguments)

    first = getattr(client.cached.materialize, method)(**arguments)
    cave.clear_log()
    again = getattr(client.cached.materialize, method)(**arguments)
    cave.stop()
    offline = load_client("demo", version=5, server_address=cave.url, offline=True)
    last = getattr(offline.cached.materialize, method)(**arguments)

    assert not row_queries(cave)
    for ours in (first, again, last):
        same_frame(ours, theirs)


@pytest.mark.filterwarnings("ignore")
def test_roots_that_are_known_are_not_asked_again(both):
    """A live answer at one past moment teaches what another one needs."""
    cave, client, plain = both
    materialize = client.cached.materialize
    when = materialize.get_timestamp(5)
    table = "nucleus_detection_v0"
    materialize.live_query(table, when + timedelta(days=2))
    cave.clear_log()
    roots = materialize.live_query(table, when + timedelta(days=1))["pt_root_id"]
    rows = row_queries(cave)
    asked = [one for one in cave.requests if "segmentation" in one.path]

    theirs = plain.materialize.live_query(table, when + timedelta(days=1))

    assert not rows
    assert sorted(roots) == sorted(theirs["pt_root_id"])
    assert sum(len(one.body) for one in asked) < len(roots)  # 20 bytes an id


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("given", ["equal", "in"])
def test_a_root_of_then_is_found_under_what_it_was_before(given, both):
    """Its rows lie under other roots in the version that the answer comes from."""
    _, client, plain = both
    when = client.cached.materialize.get_timestamp(4) + timedelta(days=60)
    table = "nucleus_detection_v0"
    before = client.cached.materialize.query_table(table, materialization_version=4)
    after = plain.materialize.live_query(table, when)
    merged = after.merge(before[["id", "pt_root_id"]], on="id", suffixes=("", "_old"))
    moved = merged[
        (merged["pt_root_id"] != merged["pt_root_id_old"]) & (merged["pt_root_id"] > 1)
    ]
    root = int(moved["pt_root_id"].iloc[0])
    filters = {
        "equal": {"filter_equal_dict": {"pt_root_id": root}},
        "in": {"filter_in_dict": {"pt_root_id": [root]}},
    }[given]
    theirs = plain.materialize.live_query(table, when, **filters)

    ours = client.cached.materialize.live_query(table, when, **filters)

    assert len(ours)
    same_frame(ours, theirs)


@pytest.mark.filterwarnings("ignore")
def test_a_question_without_meaning_is_not_passed_on(both):
    """Not even where the server would answer it, of another id."""
    cave, client, _ = both
    when = client.cached.materialize.get_timestamp(4) + timedelta(days=3)
    cave.clear_log()

    with pytest.raises(InvalidQueryError, match="the last digits are lost"):
        client.cached.materialize.live_query(
            "cell_types", when, filter_equal_dict={"target_id": float(2**60)}
        )

    assert not row_queries(cave)
    assert not live_requests(cave)


@pytest.mark.filterwarnings("ignore")
def test_now_is_never_remembered(both):
    cave, client, _ = both
    now = datetime.now(UTC)
    for _ in range(2):
        cave.clear_log()
        client.cached.materialize.live_live_query("nucleus_scores", now)
        assert live_requests(cave)

    offline = load_client("demo", server_address=cave.url, offline=True)
    with pytest.raises(NotCachedError, match="nucleus_scores"):
        offline.cached.materialize.live_live_query("nucleus_scores", now)


@pytest.mark.filterwarnings("ignore")
def test_a_moment_after_a_public_datastacks_end_is_not_kept(start, minnie_world):
    """The server clamps it to its newest version, and that moves."""
    cave = start(minnie_world, require_token=False)
    client = load_client("minnie_public", server_address=cave.url)
    materialize = client.cached.materialize
    end = materialize.get_timestamp(client.repositories.versions.newest())
    table = "nucleus_ref_neuron_svm"
    kept = {}
    for name, when in (("within", -5), ("after", 5)):
        for _ in range(2):
            cave.clear_log()
            materialize.live_live_query(table, end + timedelta(days=when))
        kept[name] = not row_queries(cave)

    assert kept == {"within": True, "after": False}


def test_a_timestamp_that_is_none_is_refused(both):
    _, client, _ = both

    with pytest.raises(InvalidQueryError, match="must be a datetime, not 'yesterday'"):
        client.cached.materialize.live_live_query("nucleus_scores", "yesterday")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("method", ["live_live_query", "synapse_query"])
def test_an_answer_that_the_server_cut_is_none(method, start):
    """It says so in other words than of a version's rows."""
    cave = start(row_cap=50, require_token=False)
    client = load_client("demo", server_address=cave.url)
    materialize = client.cached.materialize
    when = materialize.get_timestamp(4) + timedelta(days=3)
    table = {"live_live_query": "table", "synapse_query": "synapse_table"}[method]
    arguments = {table: "synapses_demo", "timestamp": when}

    for _ in range(2):
        with pytest.raises(TruncatedResultError, match="as many rows came"):
            getattr(materialize, method)(**arguments)
    some = getattr(materialize, method)(**arguments, limit=20)

    assert len(some)
