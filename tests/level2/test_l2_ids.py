"""Level-2 ids of roots, with bounds or without, and the level-2 graph."""

import dataclasses
from datetime import timedelta

import numpy as np
import pytest

from cortical_cache import load_client
from cortical_cache.cli.app import run as command_line
from cortical_cache.demo.graph import chunk_coordinates
from cortical_cache.demo.world import SegmentationTable
from cortical_cache.errors import InvalidQueryError, NotCachedError
from cortical_cache.sources.cave.graph import NODES_AT_ONCE
from tests.cells.kit import asked, every_root, stamp
from tests.level2.kit import asked_graph, large_roots, plain

RNG = np.random.default_rng(5)


def boxes(graph, root, count=12):
    """Return boxes around some of a root's chunks, on their borders and off them."""
    chunks = chunk_coordinates(graph.leaves(root, 2))
    size, start = np.array(graph.chunk_size), np.array(graph.voxel_offset)
    for _ in range(count):
        low = RNG.choice(chunks) * size + RNG.integers(-2, 3, 3) + start
        high = low + RNG.integers(0, 3, 3) * size + RNG.integers(0, 3, 3)
        yield np.stack([np.maximum(low, 0), np.maximum(high, 1)], axis=1)


def test_they_are_caveclients_own_and_asked_for_once(client, server, roots):
    theirs = plain(server).chunkedgraph
    expected = theirs.get_leaves(roots[0], stop_layer=2)
    server.clear_log()

    ours = client.get_l2_ids(roots[0])
    again = client.get_l2_ids(np.int64(roots[0]))

    assert ours.dtype == np.int64
    assert ours.tolist() == again.tolist() == expected.tolist()
    assert len(asked_graph(server)) == 1


@pytest.mark.parametrize("offset", [(0, 0, 0), (1000, 2000, 300)])
def test_any_bounds_are_answered_from_all_of_them(
    start, monkeypatch, cave_world, graph, roots, offset
):
    moved = dataclasses.replace(graph, voxel_offset=offset)
    world = dataclasses.replace(
        cave_world, segmentations={"demo_pcg": SegmentationTable(moved)}
    )
    cave = start(world)
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", cave.url)
    client, theirs = load_client("demo"), plain(cave).chunkedgraph
    ours = client.cached.chunkedgraph
    root = roots[0]
    several = [*boxes(moved, root)]
    expected = [theirs.get_leaves(root, box, stop_layer=2) for box in several]
    graphs = [theirs.level2_chunk_graph(root, box) for box in several]
    client.get_l2_ids(root, several[0])
    ours.level2_chunk_graph(root)
    cave.clear_log()

    found = [client.get_l2_ids(root, box) for box in several]
    by_graph = [ours.get_leaves(root, box, stop_layer=2) for box in several]
    edges = [ours.level2_chunk_graph(root, box) for box in several]

    assert not cave.requests
    assert len({one.size for one in expected}) > 3
    for one, other, theirs_ in zip(found, by_graph, expected, strict=True):
        assert one.tolist() == other.tolist() == theirs_.tolist()
    assert edges == graphs


def test_the_cached_graph_asks_with_bounds_for_what_it_does_not_hold(
    client, server, graph, roots
):
    box = next(boxes(graph, roots[0]))
    theirs, ours = plain(server).chunkedgraph, client.cached.chunkedgraph

    assert ours.level2_chunk_graph(roots[0], box) == theirs.level2_chunk_graph(
        roots[0], box
    )
    assert (
        ours.get_leaves(roots[0], box, 2).tolist()
        == theirs.get_leaves(roots[0], box, 2).tolist()
    )


def test_many_roots_in_one_call_are_asked_for_in_batches(client, server, graph):
    roots = every_root(graph)[:1000].tolist()
    assert len(roots) > 600
    client.get_l2_ids(roots[:10])
    server.clear_log()

    found = client.get_l2_ids([*roots, roots[0]])

    assert list(found) == roots
    for root in roots:
        assert sorted(found[root].tolist()) == sorted(graph.leaves(root, 2).tolist())
    assert len(asked_graph(server)) <= 2 * len(roots) / NODES_AT_ONCE + 1
    server.clear_log()
    client.get_l2_ids(roots)
    assert not server.requests


def test_the_level2_graph_is_asked_for_once(client, server, graph):
    several, single = large_roots(graph, 1)[0], int(large_roots(graph, 10**6)[-1])
    theirs, ours = plain(server).chunkedgraph, client.cached.chunkedgraph
    assert theirs.level2_chunk_graph(single) == []

    for root in (several, single):
        assert ours.level2_chunk_graph(root) == theirs.level2_chunk_graph(root)
    server.clear_log()
    offline = load_client("demo", offline=True).cached.chunkedgraph
    for root in (several, single):
        assert offline.level2_chunk_graph(root) == ours.level2_chunk_graph(root)

    assert not server.requests


def test_level2_ids_of_supervoxels_are_kept_at_a_moment_past_for_good(
    client, server, graph, cave_world
):
    theirs, ours = plain(server).chunkedgraph, client.cached.chunkedgraph
    supervoxels = [*graph.supervoxels[::40].tolist(), 0, 12345]
    early, late = stamp(cave_world, 3), stamp(cave_world, 5)
    between = early + (late - early) / 2
    expected = {
        moment: theirs.get_roots(supervoxels, timestamp=moment, stop_layer=2)
        for moment in (early, late, between)
    }

    for moment in (early, late, between):
        found = ours.get_roots(supervoxels, moment, 2)
        assert found.dtype == expected[moment].dtype
        assert found.tolist() == expected[moment].tolist()
    one = supervoxels[0]
    assert ours.get_root_id(one, early, level2=True) == expected[early][0]
    server.clear_log()
    offline = load_client("demo", offline=True).cached.chunkedgraph
    for moment in (early, late, between):
        found = offline.get_roots(supervoxels, moment, 2)
        assert found.tolist() == expected[moment].tolist()
    assert not server.requests
    with pytest.raises(NotCachedError):
        offline.get_roots(supervoxels, late + timedelta(days=1), 2)


def test_the_level2_id_of_a_supervoxel_now_is_asked_each_time(client, server, graph):
    ours = client.cached.chunkedgraph
    supervoxels = graph.supervoxels[:5].tolist()

    for _ in range(2):
        server.clear_log()
        ours.get_roots(supervoxels, stop_layer=2)
        assert len(asked(server, "/roots_binary")) == 1


def test_offline_what_is_not_held_names_the_command_that_fetches_it(client, roots):
    client.get_l2_ids(roots[0])
    offline = load_client("demo", offline=True)

    with pytest.raises(NotCachedError) as leaves:
        offline.get_l2_ids(roots[:3])
    with pytest.raises(NotCachedError) as edges:
        offline.cached.chunkedgraph.level2_chunk_graph(roots[1])

    for caught in (leaves, edges):
        assert command_line(caught.value.command.split()[1:]) == 0
    assert len(offline.get_l2_ids(roots[:3])) == 3
    assert offline.cached.chunkedgraph.level2_chunk_graph(roots[1])
    assert len(offline.get_l2data(offline.get_l2_ids(roots[1])))


@pytest.mark.parametrize("bounds", [[[0, 1], [0, 1]], "everywhere", [[0, np.nan]] * 3])
def test_bounds_that_are_none_are_refused(client, roots, bounds):
    with pytest.raises(InvalidQueryError, match="three pairs"):
        client.get_l2_ids(roots[0], bounds)
