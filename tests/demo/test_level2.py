"""The L2 cache and the level-2 graph of the loopback CAVE, asked by caveclient."""

import dataclasses
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import requests
from caveclient import CAVEclient

from cortical_cache.demo import ServerSettings, World
from cortical_cache.demo.graph import ChunkedGraph, chunk_coordinates
from cortical_cache.demo.world import SegmentationTable
from tests.cells.kit import Clock
from tests.demo.conftest import Serve

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")

VECTORS = ("chunk_intersect_count", "pca", "pca_val", "rep_coord_nm")


@pytest.fixture
def graph(cave_world: World) -> ChunkedGraph:
    return cave_world.segmentations["demo_pcg"].graph


@pytest.fixture
def root(graph: ChunkedGraph) -> int:
    """Return a root with many level-2 nodes."""
    counts = np.diff(graph.root_children.offset)
    return int(graph.root_children.parent[np.argmax(counts)])


def test_every_level2_id_of_a_root_has_a_record_at_its_supervoxels(
    client: CAVEclient, graph: ChunkedGraph, root: int
):
    ids = client.chunkedgraph.get_leaves(root, stop_layer=2)

    records = client.l2cache.get_l2data(ids)

    assert list(records) == [str(one) for one in sorted(ids.tolist())]
    voxel = np.array(graph.resolution)
    size = np.array(graph.chunk_size) * voxel
    for text, record in records.items():
        inside = graph.level2_children.of_one(int(text))
        points = graph.supervoxel_nm[np.searchsorted(graph.supervoxels, inside)]
        place = np.array(record["rep_coord_nm"])
        assert (np.abs(points - place) <= voxel).all(axis=1).any()
        chunk = chunk_coordinates(np.array([int(text)]))[0]
        assert (place // size == chunk).all()
        assert ("pca" in record) == ("pca_val" in record) == (len(inside) >= 3)
        assert {type(record[name]) for name in ("size_nm3", "area_nm2")} == {int}


def test_faces_are_crossed_where_the_next_node_lies(
    client: CAVEclient, graph: ChunkedGraph, root: int
):
    edges = np.array(client.chunkedgraph.level2_chunk_graph(root))
    frame = client.l2cache.get_l2data_table(np.unique(edges))

    for a, b in edges.tolist():
        step = np.diff(chunk_coordinates(np.array([a, b])), axis=0)[0]
        if np.abs(step).sum() == 1:
            side = "top" if step.sum() > 0 else "bottom"
            axis = "xyz"[int(np.flatnonzero(step)[0])]
            assert frame.loc[a, f"chunk_intersect_count_{axis}_{side}"] > 0


def test_the_level2_graph_joins_all_level2_ids_of_a_root(client: CAVEclient, root: int):
    ids = client.chunkedgraph.get_leaves(root, stop_layer=2)

    edges = client.chunkedgraph.level2_chunk_graph(root)

    reached, todo = {edges[0][0]}, [edges[0][0]]
    while todo:
        here = todo.pop()
        beyond = {b if a == here else a for a, b in edges if here in (a, b)}
        todo += beyond - reached
        reached |= beyond
    assert reached == set(ids.tolist())


def test_what_is_not_computed_is_empty_and_computed_because_it_was_asked(
    serve: Serve, graph: ChunkedGraph, root: int
):
    ids = graph.leaves(root, 2).tolist()
    clock = Clock(datetime(2025, 9, 1, tzinfo=UTC))
    client = serve(
        ServerSettings(l2_uncomputed=frozenset(ids[:2]), l2_delay=30, clock=clock)
    )

    first = client.l2cache.get_l2data(ids)
    clock.now += timedelta(seconds=29)
    second = client.l2cache.get_l2data(ids[:1])
    clock.now += timedelta(seconds=1)
    third = client.l2cache.get_l2data(ids[:2])

    assert [first[str(one)] for one in ids[:2]] == [{}, {}]
    assert all(first[str(one)] for one in ids[2:])
    assert second == {str(ids[0]): {}}
    assert all("size_nm3" in record for record in third.values())


def test_unknown_ids_are_empty_and_chosen_attributes_come_alone(
    client: CAVEclient, graph: ChunkedGraph, root: int
):
    one = int(graph.leaves(root, 2)[0])

    found = client.l2cache.get_l2data([one, 7], attributes=["size_nm3", "max_dt_nm"])

    assert found["7"] == {}
    assert list(found[str(one)]) == ["max_dt_nm", "size_nm3"]
    with pytest.raises(requests.HTTPError, match="500"):
        client.l2cache.get_l2data([one], attributes=["colour"])


def test_too_many_ids_are_refused(serve: Serve):
    client = serve(ServerSettings(l2_limit=3))

    assert len(client.l2cache.get_l2data([1, 2, 3, 3])) == 3
    with pytest.raises(requests.HTTPError, match="413"):
        client.l2cache.get_l2data([1, 2, 3, 4])


def test_private_and_public_graph_have_one_cache(client: CAVEclient, cave, root: int):
    public = CAVEclient("demo_public", server_address=cave.url)
    mapping = client.l2cache.table_mapping()

    assert client.l2cache.has_cache()
    assert public.l2cache.has_cache()
    assert {one["l2cache_id"] for one in mapping.values()} == {"demo_pcg_l2"}
    assert set(mapping) == {"demo_pcg", public.chunkedgraph.table_name}
    assert "rep_coord_nm" in client.l2cache.attributes


def test_a_world_without_a_cache_says_so(serve: Serve, cave_world: World):
    client = serve(world=dataclasses.replace(cave_world, l2_caches={}))

    assert not client.l2cache.has_cache()
    with pytest.raises(requests.HTTPError, match="500"):
        client.l2cache.get_l2data([7])


@pytest.mark.usefixtures("cave_home")
def test_bounds_begin_where_the_volume_does(
    cave_world: World, serve: Serve, graph: ChunkedGraph, root: int
):
    moved = dataclasses.replace(graph, voxel_offset=(1000, 2000, 300))
    world = dataclasses.replace(
        cave_world, segmentations={"demo_pcg": SegmentationTable(moved)}
    )
    ids = graph.leaves(root, 2)
    chunk = chunk_coordinates(ids)[0]
    low = chunk * np.array(graph.chunk_size) + (1000, 2000, 300)
    bounds = np.stack([low, low + 1], axis=1)

    found = serve(world=world).chunkedgraph.get_leaves(root, bounds, stop_layer=2)

    same = (chunk_coordinates(ids) == chunk).all(axis=1)
    assert sorted(found.tolist()) == sorted(ids[same].tolist())
