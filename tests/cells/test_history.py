"""The history of roots: equal to caveclient's, and only what is final is kept."""

import inspect
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from caveclient import CAVEclient
from caveclient.chunkedgraph import ChunkedGraphClient

from cortical_cache import load_client
from cortical_cache.cache.keyed import Keyed
from cortical_cache.client import Client
from cortical_cache.client.cached.chunkedgraph import CachedChunkedGraph
from cortical_cache.errors import InvalidQueryError, NotCachedError
from tests.cells.kit import (
    MILLISECOND,
    Clock,
    asked,
    client_at,
    every_root,
    graph_of,
    lives,
    millis,
    nuclei_in,
    stamp,
)

NO_ROOT = 864691135336055529
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SIBLINGS = [
    "get_roots",
    "get_root_id",
    "is_latest_roots",
    "get_root_timestamps",
    "get_latest_roots",
    "get_original_roots",
    "suggest_latest_roots",
    "get_lineage_graph",
    "get_past_ids",
    "is_valid_nodes",
    "get_leaves",
    "get_leaves_many",
]


def moment_of(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=int(milliseconds))


@pytest.mark.parametrize("name", SIBLINGS)
def test_names_and_signatures_are_those_of_caveclient(name):
    ours = inspect.signature(getattr(CachedChunkedGraph, name)).parameters.values()
    theirs = inspect.signature(getattr(ChunkedGraphClient, name)).parameters.values()

    assert [(one.name, one.kind, one.default) for one in ours] == [
        (one.name, one.kind, one.default) for one in theirs
    ]


@pytest.mark.parametrize("name", SIBLINGS)
def test_every_method_says_how_long_its_answer_is_good_for(name):
    for one in (CachedChunkedGraph, Client):
        method = getattr(one, name, None)
        assert method is None or "Freshness:" in (inspect.getdoc(method) or "")
    assert "Freshness:" in (inspect.getdoc(Client.latest_valid_timestamp) or "")


@pytest.fixture
def edited(cave_world):
    """Return roots that ended between versions 4 and 5, and when, in ms."""
    graph = graph_of(cave_world)
    roots = every_root(graph)
    created, retired = lives(graph, roots)
    low, high = millis(stamp(cave_world, 4)) + 10**7, millis(stamp(cave_world, 5))
    here = (created < low - 10**7) & (low < retired) & (retired < high)
    assert here.sum() > 5
    return roots[here], retired[here]


def same(ours: object, theirs: object) -> None:
    assert type(ours) is type(theirs)
    if isinstance(ours, np.ndarray):
        assert ours.dtype == theirs.dtype
        assert ours.shape == theirs.shape
        assert ours.tolist() == theirs.tolist()
    elif isinstance(ours, dict):
        assert list(ours) == list(theirs)
        for key, one in zip(ours, theirs, strict=True):
            assert type(key) is type(one)
            same(ours[key], theirs[one])
    elif isinstance(ours, tuple):
        for mine, its in zip(ours, theirs, strict=True):
            same(mine, its)
    elif hasattr(ours, "nodes"):
        assert dict(ours.nodes(data=True)) == dict(theirs.nodes(data=True))
        assert set(ours.edges) == set(theirs.edges)
    else:
        assert ours == theirs


def test_answers_equal_those_of_caveclient(client, server, cave_world, edited):
    graph = graph_of(cave_world)
    old, young = edited[0], every_root(graph)[::40]
    roots = np.concatenate([old, young, old[:2]])
    atoms = np.concatenate([graph.supervoxels[::500], [0], graph.supervoxels[:1]])
    then = stamp(cave_world, 5) - DAY
    early = moment_of(graph.oldest + 1)
    root = int(old[0])
    level2 = graph.leaves(root, 2)
    questions = [
        ("get_roots", (atoms,), {"timestamp": then}),
        ("get_roots", (atoms.tolist(),), {"timestamp": then.replace(tzinfo=None)}),
        ("get_roots", (atoms,), {"timestamp": then, "stop_layer": 2}),
        ("get_roots", (atoms,), {}),
        ("get_roots", (level2,), {"timestamp": then}),
        ("get_root_id", (int(atoms[0]),), {"timestamp": then}),
        ("get_root_id", (int(atoms[0]),), {"timestamp": then, "level2": True}),
        ("get_root_id", (int(atoms[0]),), {}),
        ("is_latest_roots", (roots,), {}),
        ("is_latest_roots", (roots,), {"timestamp": then}),
        ("is_latest_roots", (roots,), {"timestamp": early}),
        ("is_latest_roots", ([*level2[:2].tolist(), NO_ROOT, root],), {}),
        ("get_root_timestamps", (roots,), {}),
        ("get_root_timestamps", (root,), {}),
        ("get_root_timestamps", ([NO_ROOT],), {}),
        ("get_root_timestamps", (roots,), {"latest": True, "timestamp": then}),
        ("get_root_timestamps", (roots,), {"latest": True, "timestamp": early}),
        ("get_root_timestamps", (old,), {"latest": True}),
        ("get_latest_roots", (root,), {}),
        ("get_latest_roots", (root,), {"timestamp": then}),
        ("get_latest_roots", (root,), {"timestamp": early}),
        ("get_original_roots", (root,), {}),
        ("get_original_roots", (root,), {"timestamp_past": early}),
        ("suggest_latest_roots", (root,), {}),
        ("suggest_latest_roots", (root, then), {"return_all": True}),
        ("suggest_latest_roots", (root, then, 1), {"return_fraction_overlap": True}),
        (
            "suggest_latest_roots",
            (root, then),
            {"return_all": True, "return_fraction_overlap": True},
        ),
        ("get_lineage_graph", (root,), {"timestamp_future": then}),
        ("get_lineage_graph", ([int(old[1]), root],), {"timestamp_future": then}),
        (
            "get_lineage_graph",
            (root, early, then, True),
            {"exclude_links_to_future": True, "exclude_links_to_past": True},
        ),
        ("get_past_ids", (old[:3], early), {}),
        ("get_past_ids", (old[:3].tolist(), early, then), {}),
        ("is_valid_nodes", ([root, NO_ROOT, -1, 0, int(level2[0])],), {}),
        ("is_valid_nodes", (old,), {}),
        ("is_valid_nodes", (roots, None, then), {}),
        ("get_leaves", (root,), {}),
        ("get_leaves", (root,), {"stop_layer": 2}),
        ("get_leaves", (root, np.array([[0, 9], [0, 9], [0, 9]])), {}),
        ("get_leaves_many", (old[:4],), {}),
        ("get_leaves_many", (old[:4].tolist(), None, 2), {}),
    ]
    plain = CAVEclient("demo", server_address=server.url).chunkedgraph

    for name, positional, named in questions:
        theirs = getattr(plain, name)(*positional, **named)
        for _ in range(2):  # asked, and remembered
            ours = getattr(client.cached.chunkedgraph, name)(*positional, **named)
            same(ours, theirs)


def test_an_unknown_root_has_no_times(client, edited):
    graph = client.cached.chunkedgraph
    for latest in (False, True):
        with pytest.raises(InvalidQueryError, match=str(NO_ROOT)):
            graph.get_root_timestamps([NO_ROOT, edited[0][0]], latest=latest)


@pytest.fixture
def moving(start, cave_world, monkeypatch, edited):
    """Run a CAVE whose present is just before an edit, and the edited root's ids."""
    roots, ends = edited
    root, end = int(roots[0]), moment_of(ends[0])
    clock = Clock(end - HOUR)
    cave = start(clock=clock)
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", cave.url)
    return cave, clock, root, end


def test_still_current_is_asked_again_and_an_end_is_final(moving, caplog):
    cave, clock, root, end = moving
    client = load_client("demo")
    assert client.is_latest_roots([root]).tolist() == [True]
    for _ in range(2):
        cave.clear_log()
        assert client.is_latest_roots([root]).tolist() == [True]
        assert len(asked(cave, "is_latest_roots")) == 1
    before = end - 2 * HOUR
    cave.clear_log()
    assert client.is_latest_roots([root], before).tolist() == [True]
    assert not cave.requests
    offline = load_client("demo", offline=True)
    with caplog.at_level(logging.WARNING):
        assert offline.is_latest_roots([root]).tolist() == [True]
    assert f"offline: current as of {end - HOUR:%Y-%m-%dT}" in caplog.text

    clock.now = end + HOUR
    assert client.is_latest_roots([root]).tolist() == [False]

    cave.clear_log()
    for one in (client, offline, load_client("demo")):
        assert one.is_latest_roots([root]).tolist() == [False]
        assert one.is_latest_roots([root], before).tolist() == [True]
        assert one.is_latest_roots([root], end - MILLISECOND).tolist() == [True]
        assert one.is_latest_roots([root], end).tolist() == [False]
        assert one.latest_valid_timestamp([root]).tolist() == [end - MILLISECOND]
    assert not cave.requests


def test_a_fast_clock_of_ours_makes_nothing_last_longer(moving, edited):
    _, clock, root, end = moving
    ours = Clock(end + 10 * DAY)
    client = client_at(ours)
    assert client.is_latest_roots([root]).tolist() == [True]
    last = client.latest_valid_timestamp([root])[0]
    assert end - HOUR - timedelta(seconds=3) < last <= clock.now

    clock.now = end + HOUR

    later = end + timedelta(minutes=1)
    assert client.is_latest_roots([root], later).tolist() == [False]
    assert load_client("demo").is_latest_roots([root]).tolist() == [False]


def test_a_slow_clock_of_ours_hides_no_end(moving):
    _, clock, root, end = moving
    clock.now = end + HOUR
    client = client_at(Clock(end - DAY))

    assert client.is_latest_roots([root]).tolist() == [False]
    assert client.latest_valid_timestamp([root]).tolist() == [end - MILLISECOND]


def test_the_last_valid_moment_moves_until_the_end(moving, caplog):
    _, clock, root, end = moving
    client = load_client("demo")
    first = client.latest_valid_timestamp([root])[0]
    clock.now = end - timedelta(minutes=10)
    second = client.latest_valid_timestamp([root])[0]
    assert timedelta(minutes=49) < second - first < timedelta(minutes=51)
    offline = load_client("demo", offline=True)
    with caplog.at_level(logging.WARNING):
        held = offline.latest_valid_timestamp([root])[0]
    assert second - timedelta(seconds=3) < held <= second
    assert "offline: current as of" in caplog.text
    with pytest.raises(NotCachedError, match=str(NO_ROOT)):
        offline.latest_valid_timestamp([root, NO_ROOT])
    with pytest.raises(NotCachedError):
        offline.cached.chunkedgraph.get_root_timestamps(
            [root], latest=True, timestamp=end + DAY
        )

    clock.now = end + HOUR

    assert client.latest_valid_timestamp([root]).tolist() == [end - MILLISECOND]


def test_a_place_is_kept_once_it_is_a_minute_past(moving, cave_world):
    cave, clock, root, _ = moving
    graph = graph_of(cave_world)
    atoms = graph.leaves(root)[:5]
    for seconds, kept in ((30, False), (90, True)):
        moment = clock.now - timedelta(seconds=seconds)
        cave.clear_log()
        for _ in range(2):
            found = load_client("demo").get_roots(atoms, moment)
            assert found.tolist() == [root] * 5
        assert len(asked(cave, "roots_binary")) == (1 if kept else 2)


def test_now_is_asked_each_time_and_an_edit_is_seen(moving, cave_world):
    _, clock, root, end = moving
    graph = graph_of(cave_world)
    atoms = graph.leaves(root)
    client = load_client("demo")
    assert client.get_roots(atoms).tolist() == [root] * len(atoms)
    assert client.get_latest_roots(root).tolist() == [root]
    assert client.suggest_latest_roots(root) == root

    clock.now = end + HOUR

    now = graph.parents(atoms, millis(clock.now))
    assert client.get_roots(atoms).tolist() == now.tolist()
    latest = client.get_latest_roots(root).tolist()
    assert set(now.tolist()) <= set(latest)
    assert root not in latest
    assert client.suggest_latest_roots(root) in now.tolist()


def test_lineage_of_the_past_is_kept_and_of_now_is_as_of(moving, caplog):
    cave, clock, root, end = moving
    clock.now = end + DAY
    client = load_client("demo")
    past = client.get_latest_roots(root, end + HOUR)
    now = client.get_latest_roots(root)
    suggested = client.suggest_latest_roots(root, end + HOUR)
    graph = client.cached.chunkedgraph
    leaves = graph.get_leaves_many([root, int(past[0])], stop_layer=2)
    cave.clear_log()

    again = load_client("demo")
    assert again.get_latest_roots(root, end + HOUR).tolist() == past.tolist()
    assert not asked(cave, "lineage_graph_multiple")
    assert again.get_latest_roots(root).tolist() == now.tolist()
    assert len(asked(cave, "lineage_graph_multiple")) == 1
    cave.stop()
    offline = load_client("demo", offline=True)
    assert offline.get_latest_roots(root, end + HOUR).tolist() == past.tolist()
    assert not [one for one in caplog.messages if "offline: lineage as of" in one]
    assert offline.get_latest_roots(root).tolist() == now.tolist()
    assert [one for one in caplog.messages if "offline: lineage as of" in one]
    assert offline.suggest_latest_roots(root, end + HOUR) == suggested
    held = offline.cached.chunkedgraph.get_leaves(root, stop_layer=2)
    assert held.tolist() == leaves[root].tolist()
    with pytest.raises(NotCachedError):
        offline.cached.chunkedgraph.get_leaves(root)
    with pytest.raises(NotCachedError):
        offline.get_latest_roots(root, end + 2 * HOUR)


# A public datastack: the server looks at its cap instead of any later moment.


@pytest.fixture
def public(minnie_world):
    """Return a public world before its newest release, and what that changed."""
    name = "minnie65_public"
    datastack = minnie_world.datastacks[name]
    table = minnie_world.segmentations[datastack.segmentation]
    good = sorted(
        (v for v in datastack.versions if v.valid), key=lambda v: v.time_stamp
    )
    newest, last = good[-1], good[-2]
    cap, moved_cap = millis(last.time_stamp) // 1000 * 1000, table.cap
    assert moved_cap == millis(newest.time_stamp) // 1000 * 1000
    versions = tuple(v for v in datastack.versions if v is not newest)
    before = replace(
        minnie_world,
        segmentations={
            **minnie_world.segmentations,
            datastack.segmentation: replace(table, cap=cap),
        },
        datastacks={
            **minnie_world.datastacks,
            name: replace(datastack, versions=versions),
        },
    )
    roots = every_root(table.graph)
    created, retired = lives(table.graph, roots)
    here = (created <= cap) & (cap < retired) & (retired < moved_cap)
    young = (cap < created) & (created < moved_cap) & (retired > moved_cap)
    assert here.any()
    assert young.any()
    return before, moment_of(cap), roots[here], roots[young], newest.time_stamp


def test_no_answer_of_a_cap_is_kept_as_that_of_a_later_moment(
    public, minnie_world, start, monkeypatch
):
    before, cap, roots, young, after = public
    graph = graph_of(minnie_world, "minnie65_public")
    cave = start(before)
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", cave.url)
    client = load_client("minnie_public")
    atoms = np.array([graph.leaves(root)[0] for root in roots])
    for moment in (cap, after, None):
        assert client.is_latest_roots(roots, moment).all()
        assert client.get_roots(atoms, moment).tolist() == roots.tolist()
    plain = CAVEclient("minnie65_public", server_address=cave.url).chunkedgraph
    for moment in (after, None):
        ours = client.cached.chunkedgraph.get_root_timestamps(
            roots, latest=True, timestamp=moment
        )
        theirs = plain.get_root_timestamps(roots, latest=True, timestamp=moment)
        assert ours.tolist() == theirs.tolist()
    assert not client.is_latest_roots(young).any()
    asking = [int(young[0]), int(roots[0])]
    assert client.is_latest_roots(asking).tolist() == [False, True]
    assert client.root_id_to_cell_id(young[:1])["cell_id"].tolist() == [-1]
    port = int(cave.url.rsplit(":", 1)[1])
    cave.stop()
    cave = start(minnie_world, port=port)

    client = load_client("minnie_public")
    assert not client.is_latest_roots(roots, after).any()
    assert not client.is_latest_roots(roots).any()
    assert client.is_latest_roots(young).all()
    assert client.is_latest_roots(roots, cap).all()
    wanted = graph.parents(atoms, millis(after) // 1000 * 1000)
    assert client.get_roots(atoms, after).tolist() == wanted.tolist()
    cave.clear_log()
    assert client.get_roots(atoms, cap).tolist() == roots.tolist()
    assert not asked(cave, "roots_binary")


def test_a_public_datastack_has_the_cells_of_its_newest_version(
    public, minnie_world, start, monkeypatch
):
    before, cap, ended, _, _ = public
    name = "minnie65_public"
    graph = graph_of(minnie_world, name)
    roots = every_root(graph)
    created, retired = lives(graph, roots)
    current = roots[(created <= millis(cap)) & (retired > millis(cap))][::40]
    asking = [*current.tolist(), *ended[:5].tolist()]
    cave = start(before)
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", cave.url)

    found = load_client("minnie_public").root_id_to_cell_id(asking)

    held = [set(nuclei_in(before, root, millis(cap), name)) for root in asking]
    assert found["cell_id"].tolist() == [
        next(iter(cells)) if len(cells) == 1 else -1 for cells in held
    ]
    assert (found["cell_id"] > 0).any()
    cave.stop()
    offline = load_client("minnie_public", offline=True)
    rows = offline.repositories.store.rows("graph", "root_cells", 0)
    kept = Keyed(rows, "root_id", ("cell_id", "observed_at"), "").get(np.array(asking))
    assert len(kept.asked) == len(asking)
    assert kept.columns["observed_at"].max() <= 1000 * millis(cap)
    assert offline.root_id_to_cell_id(asking).equals(found)
