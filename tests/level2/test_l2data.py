"""Attributes of level-2 ids: caveclient's values, asked for once."""

import dataclasses
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from cortical_cache import load_client
from cortical_cache.cli.app import run as command_line
from cortical_cache.errors import (
    InvalidQueryError,
    NotCachedError,
    ServerError,
    UnknownNameError,
)
from cortical_cache.model.level2 import ATTRIBUTES, chosen
from cortical_cache.repositories.level2 import Progress
from tests.cells.kit import Clock, client_at
from tests.kit import python
from tests.level2.kit import asked_l2, large_roots, plain
from tests.selfcheck.proxy import Proxy, Told, standing_before

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")

NAMES = [one.name for one in ATTRIBUTES]
CHOICES = [
    None,
    *([name] for name in NAMES),
    ["size_nm3", "area_nm2"],
    ["size_nm3", "mean_dt_nm"],
    ["rep_coord_nm", "size_nm3"],
    ["chunk_intersect_count", "max_dt_nm", "mean_dt_nm"],
]
LATER = timedelta(hours=1, seconds=1)


@pytest.fixture
def computed(graph, roots) -> list[int]:
    """Return level-2 ids that have every attribute."""
    ids = np.concatenate([graph.leaves(root, 2) for root in roots])
    return [one for one in ids.tolist() if len(graph.level2_children.of_one(one)) > 2]


@pytest.fixture
def small(graph, roots) -> list[int]:
    """Return level-2 ids that are too small to have axes."""
    ids = np.concatenate([graph.leaves(root, 2) for root in roots])
    return [one for one in ids.tolist() if len(graph.level2_children.of_one(one)) < 3]


@pytest.mark.parametrize("split", [True, False])
@pytest.mark.parametrize("names", CHOICES, ids=str)
def test_frames_are_caveclients_own(client, server, computed, names, split):
    theirs = plain(server).l2cache
    ids = [*computed[:40], *computed[:3]]

    ours = client.get_l2data(ids, names, split_columns=split)

    assert_frame_equal(ours, theirs.get_l2data_table(ids, names, split_columns=split))
    assert client.get_l2data(ids, names, as_dataframe=False) == theirs.get_l2data(
        ids, names
    )


@pytest.mark.parametrize("names", [None, ["size_nm3", "pca"], ["pca_val"]], ids=str)
def test_values_that_exist_beside_missing_ones_are_caveclients_own(
    client, server, computed, small, names
):
    theirs = plain(server).l2cache
    ids = [*computed[:5], *small[:5]]

    ours = client.get_l2data(ids, names)

    expected = theirs.get_l2data_table(ids, names)
    assert list(ours.columns) == list(expected.columns)
    assert ours.dtypes.to_dict() == expected.dtypes.to_dict()
    axes = [one for one in ours.columns if one.startswith("pca")]
    assert_frame_equal(
        ours.loc[sorted(computed[:5])], expected.loc[computed[:5]].sort_index()
    )
    assert ours.loc[small[:5], axes].isna().all(axis=None)
    rest = [one for one in ours.columns if one not in axes]
    assert_frame_equal(ours[rest], expected[rest])
    records = client.get_l2data(ids, names, as_dataframe=False)
    assert records == theirs.get_l2data(ids, names)


def test_what_nobody_has_is_a_column_of_missing_values(client, small):
    frame = client.get_l2data(small[:3], ["pca_val", "chunk_intersect_count"])

    assert frame[["pca_val_0", "pca_val_1", "pca_val_2"]].isna().all(axis=None)
    counts = frame.filter(like="chunk_intersect")
    assert counts.shape == (3, 6)
    assert (counts.dtypes == np.int64).all()


def test_only_unknown_ids_are_asked_for(client, server, computed):
    client.get_l2data(computed[:10])
    server.clear_log()

    client.get_l2data(computed[:10])
    client.get_l2data(computed[:10], ["size_nm3"])
    assert not server.requests
    client.get_l2data(computed[5:15])

    assert asked_l2(server) == [sorted(computed[10:15])]


def test_attributes_add_up(client, server, computed):
    client.get_l2data(computed[:4], ["size_nm3"])
    client.get_l2data(computed[:4], ["rep_coord_nm"])
    server.clear_log()

    both = client.get_l2data(computed[:4], ["size_nm3", "rep_coord_nm"])

    assert not server.requests
    assert both.notna().all(axis=None)
    client.get_l2data(computed[:4])
    assert len(asked_l2(server)) == 1


def test_what_is_not_computed_is_missing_and_asked_again(
    start, monkeypatch, graph, roots
):
    ids = sorted(graph.leaves(roots[0], 2).tolist())
    late = ids[:3]
    clock = Clock(datetime(2025, 9, 1, tzinfo=UTC))
    cave = start(l2_uncomputed=frozenset(late), l2_delay=60, clock=clock)
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", cave.url)
    client = client_at(clock)

    first = client.get_l2data(ids, ["size_nm3", "rep_coord_nm"])
    records = client.get_l2data(late, as_dataframe=False)
    assert first.loc[late].isna().all(axis=None)
    assert first.loc[ids[3:]].notna().all(axis=None)
    assert first["size_nm3"].iloc[-1] == int(first["size_nm3"].iloc[-1])
    assert records == {str(one): {} for one in late}
    offline = client_at(clock, offline=True)
    assert offline.get_l2data(ids, ["size_nm3", "rep_coord_nm"]).equals(first)

    cave.clear_log()
    clock.now += timedelta(seconds=60)
    second = client.get_l2data(ids, ["size_nm3", "rep_coord_nm"])
    third = client.get_l2data(ids, ["size_nm3", "rep_coord_nm"])

    assert asked_l2(cave) == [late]
    assert second.notna().all(axis=None)
    assert second.equals(third)


def test_axes_of_small_nodes_are_asked_for_again_after_an_hour(
    start, monkeypatch, small
):
    clock = Clock(datetime(2025, 9, 1, tzinfo=UTC))
    cave = start(clock=clock)
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", cave.url)
    client = client_at(clock)
    client.get_l2data(small[:4])
    cave.clear_log()

    clock.now += timedelta(minutes=59)
    client.get_l2data(small[:4])
    assert asked_l2(cave) == []
    clock.now += LATER
    client.get_l2data(small[:4])

    assert asked_l2(cave) == [sorted(small[:4])]


def test_offline_it_answers_in_a_process_of_its_own(
    client, server, computed, small, tmp_path
):
    ids = [*computed[:5], *small[:5]]
    frame = client.get_l2data(ids)
    server.stop()

    ran = python(
        "from cortical_cache import load_client\n"
        f"frame = load_client('demo', offline=True).get_l2data({ids})\n"
        f"frame.to_pickle({str(tmp_path / 'frame')!r})",
        CORTICAL_CACHE_TEST_SOCKETS="none",
    )

    assert ran.code == 0, ran.err
    assert_frame_equal(pd.read_pickle(tmp_path / "frame"), frame)


def test_offline_what_was_never_asked_for_names_the_command(client, computed):
    client.get_l2data(computed[:4], ["size_nm3"])
    offline = load_client("demo", offline=True)

    with pytest.raises(NotCachedError) as caught:
        offline.get_l2data(computed[:6], ["size_nm3"])
    with pytest.raises(NotCachedError, match="4 level-2 ids"):
        offline.get_l2data(computed[:4], ["pca"])

    assert "2 level-2 ids" in str(caught.value)
    asked = sorted(computed[4:6])
    assert caught.value.command == f"cortical-cache fetch demo {asked[0]} {asked[1]}"
    assert command_line(caught.value.command.split()[1:]) == 0
    assert len(offline.get_l2data(computed[:6], ["size_nm3", "pca"][:1])) == 6


def test_requests_are_bounded_and_what_came_before_a_failure_stays(
    start, monkeypatch, graph
):
    nodes = graph.nodes.node
    ids = np.sort(nodes[nodes >> 56 == 2])[:12_000]
    cave = start(l2_limit=5_000)
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", cave.url)
    client = load_client("demo")

    frame = client.get_l2data(ids, ["size_nm3"])

    assert [len(one) for one in asked_l2(cave)] == [5_000, 5_000, 2_000]
    assert frame.index.tolist() == ids.tolist()
    assert (frame["size_nm3"] > 0).all()


def test_what_came_before_an_interruption_stays(client, server, graph):
    nodes = graph.nodes.node
    ids = np.sort(nodes[nodes >> 56 == 2])[:10_001]

    def interrupt(count) -> Progress:
        def tell(_more) -> None:
            raise KeyboardInterrupt

        assert count == len(ids)
        return tell

    with pytest.raises(KeyboardInterrupt):
        client.repositories.level2.values(ids, chosen(["size_nm3"]), interrupt)

    assert len(asked_l2(server)) == 1
    offline = load_client("demo", offline=True)
    assert len(offline.get_l2data(ids[:5_000], ["size_nm3"])) == 5_000
    with pytest.raises(NotCachedError):
        offline.get_l2data(ids[5_000:], ["size_nm3"])


def test_an_answer_that_lacks_an_id_is_refused(start, computed):
    def lose(asked, told) -> Told:
        if "/attributes" not in asked.path:
            return told
        return told.with_json(dict([*told.json.items()][1:]))

    cave = start(require_token=False)  # a proxy's address has none
    with standing_before(cave, Proxy(tell=lose)) as url:
        client = load_client("demo", server_address=url)
        with pytest.raises(ServerError, match="asked for 3 level-2 ids and told of 2"):
            client.get_l2data(computed[:3])

        offline = load_client("demo", server_address=url, offline=True)
        with pytest.raises(NotCachedError):
            offline.get_l2data(computed[1:2])


def test_a_cache_that_is_built_anew_is_asked_anew(
    start, monkeypatch, cave_world, computed
):
    clock = Clock(datetime(2025, 9, 1, tzinfo=UTC))
    cave = start(clock=clock)
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", cave.url)
    before = client_at(clock).get_l2data(computed[:2], ["size_nm3"])
    (old,) = cave_world.l2_caches.values()
    new = dataclasses.replace(
        old, cache_id="anew", records={one: {"size_nm3": 5} for one in computed[:2]}
    )
    world = dataclasses.replace(cave_world, l2_caches={"demo_pcg": new})
    port = int(cave.url.rpartition(":")[2])
    cave.stop()
    start(world, clock=clock, port=port)

    within_a_day = client_at(clock).get_l2data(computed[:2], ["size_nm3"])
    clock.now += timedelta(days=1, seconds=1)
    after = client_at(clock).get_l2data(computed[:2], ["size_nm3"])

    assert within_a_day.equals(before)
    assert after["size_nm3"].tolist() == [5, 5]


def test_bad_questions_say_so(client, computed):
    with pytest.raises(UnknownNameError, match="rep_coord_nm"):
        client.get_l2data(computed[:1], ["rep_coord"])
    with pytest.raises(InvalidQueryError):
        client.get_l2data([1.5e18])
    with pytest.raises(InvalidQueryError):
        client.get_l2data([None])


def test_no_ids_are_an_empty_frame(client):
    frame = client.get_l2data([], ["rep_coord_nm", "size_nm3"])

    assert frame.shape == (0, 4)
    assert frame.index.name == "l2_id"
    assert client.get_l2data([], as_dataframe=False) == {}


def test_unsigned_ids_are_the_same_ids(client, computed):
    ids = np.array(computed[:3], np.uint64)

    assert client.get_l2data(ids).equals(client.get_l2data(computed[:3]))


def test_the_cached_client_answers_as_caveclient(client, server, computed):
    theirs, ours = plain(server).l2cache, client.cached.l2cache
    ids = computed[:5]

    assert ours.get_l2data(ids, ["size_nm3"]) == theirs.get_l2data(ids, ["size_nm3"])
    assert_frame_equal(ours.get_l2data_table(ids), theirs.get_l2data_table(ids))
    assert sorted(ours.attributes) == sorted(theirs.attributes)
    assert ours.table_mapping() == theirs.table_mapping()
    assert ours.has_cache() is theirs.has_cache() is True
    assert ours.has_cache("demo_public") is True
    assert ours.cache_metadata() == theirs.cache_metadata()
    offline = load_client("demo", offline=True).cached.l2cache
    assert offline.has_cache()
    assert offline.get_l2data(ids, ["size_nm3"]) == ours.get_l2data(ids, ["size_nm3"])


def test_one_large_root_at_a_time_or_all_at_once(client, graph):
    roots = large_roots(graph, 3)
    ids = client.get_l2_ids(roots)

    together = client.get_l2data(np.concatenate([*ids.values()]), ["size_nm3"])

    for root in roots:
        alone = client.get_l2data(ids[root], ["size_nm3"])
        assert alone.equals(together.loc[sorted(ids[root].tolist())])
