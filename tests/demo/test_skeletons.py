"""The skeleton service of the loopback CAVE, asked by the real client."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import requests
from caveclient import CAVEclient

from cortical_cache.demo import ServerSettings, World
from cortical_cache.demo.graph import ChunkedGraph
from tests.cells.kit import Clock
from tests.demo.conftest import Serve
from tests.level2.kit import large_roots

ARRAYS = ("edges", "vertices", "radius", "compartment", "lvl2_ids", "mesh_to_skel_map")

needs_cloudvolume = pytest.mark.skipif(
    not __import__("importlib.util").util.find_spec("cloudvolume"),
    reason="caveclient needs cloud-volume for this",
)
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning"
)


@pytest.fixture
def graph(cave_world: World) -> ChunkedGraph:
    return cave_world.segmentations["demo_pcg"].graph


@pytest.fixture
def roots(graph: ChunkedGraph) -> list[int]:
    return large_roots(graph, 5)


def check(skeleton: dict, graph: ChunkedGraph, cache, root: int) -> None:
    """A tree over the root's level-2 nodes, each at its own point or in the soma."""
    ids = np.array(skeleton["lvl2_ids"])
    vertices, place = np.array(skeleton["vertices"]), skeleton["mesh_to_skel_map"]
    edges = np.array(skeleton["edges"])
    assert sorted(ids.tolist()) == sorted(graph.leaves(root, 2).tolist())
    assert len(edges) == len(vertices) - 1
    parent = dict(edges.tolist())
    for start in range(len(vertices)):
        here, steps = start, 0
        while here != skeleton["root"]:
            here, steps = parent[here], steps + 1
            assert steps < len(vertices)
    for one, vertex in zip(ids.tolist(), place, strict=True):
        if vertex != skeleton["root"]:
            assert vertices[vertex].tolist() == cache.records[one]["rep_coord_nm"]
    assert {1, 2} <= set(np.array(skeleton["compartment"]).tolist()) <= {1, 2, 3}
    assert skeleton["meta"]["root_id"] == root


@needs_cloudvolume
def test_a_skeleton_is_a_tree_over_the_level2_nodes(
    client: CAVEclient, cave_world: World, graph: ChunkedGraph, roots: list[int]
):
    for root in roots:
        skeleton = client.skeleton.get_skeleton(root)

        check(skeleton, graph, cave_world.l2_caches["demo_pcg"], root)
        assert all(isinstance(skeleton[name], np.ndarray) for name in ARRAYS)


@needs_cloudvolume
def test_other_formats_and_versions(client: CAVEclient, roots: list[int]):
    flat = client.skeleton.get_skeleton(roots[0])
    swc = client.skeleton.get_skeleton(roots[0], output_format="swc")
    old = client.skeleton.get_skeleton(roots[0], skeleton_version=3)
    latest = client.skeleton.get_skeleton(roots[0], skeleton_version=-1)

    assert len(swc) == len(flat["vertices"])
    assert (swc["parent"] == -1).sum() == 1
    assert "lvl2_ids" not in old
    assert old["meta"]["skeleton_version"] == 3
    assert latest["meta"] == flat["meta"]


@needs_cloudvolume
def test_what_is_no_root_is_refused(serve: Serve, roots: list[int]):
    client = serve(ServerSettings(skeletons_refused=frozenset(roots[1:2])))

    with pytest.raises(requests.HTTPError, match=r"400.*Error"):
        client.skeleton.get_skeleton(roots[1])
    assert client.skeleton.get_refusal_list()["ROOT_ID"].tolist() == roots[1:2]


def test_skeletons_are_made_because_they_are_asked_for(serve: Serve, roots: list[int]):
    clock = Clock(datetime(2025, 9, 1, tzinfo=UTC))
    client = serve(
        ServerSettings(
            skeletons_unmade=frozenset(roots[:2]), skeleton_delay=60, clock=clock
        )
    )
    exist = client.skeleton.skeletons_exist

    assert exist(root_ids=roots[:3]) == {
        roots[0]: False,
        roots[1]: False,
        roots[2]: True,
    }
    assert exist(root_ids=roots[0]) is False
    assert set(client.skeleton.fetch_skeletons(roots[:3])) == {str(roots[2])}
    clock.now += timedelta(minutes=2)
    assert exist(root_ids=roots[0]) is False
    client.skeleton.fetch_skeletons(roots[:2], generate_missing_skeletons=True)
    clock.now += timedelta(seconds=59)
    assert exist(root_ids=roots[0]) is False
    clock.now += timedelta(seconds=1)
    assert exist(root_ids=roots[:2]) == dict.fromkeys(roots[:2], True)


@needs_cloudvolume
def test_a_few_in_bulk(serve: Serve, graph: ChunkedGraph, roots: list[int]):
    client = serve(ServerSettings(skeletons_unmade=frozenset(roots[:1])))
    many = large_roots(graph, 12)

    first = client.skeleton.get_bulk_skeletons(many, generate_missing_skeletons=True)
    second = client.skeleton.get_bulk_skeletons(roots[:1])

    assert list(first) == [str(one) for one in many[1:10]]
    assert list(second) == [str(roots[0])]


def test_too_many_at_once_are_refused(client: CAVEclient, cave, graph):
    url = f"{cave.url}/skeletoncache/api/v1/demo/precomputed/skeleton/exists"
    body = {"root_ids": [*range(1001)], "skeleton_version": 4}

    reply = requests.post(url, json=body, headers=client.auth.request_header, timeout=9)

    assert reply.status_code == 400
    assert list(reply.json()) == ["Error"]


def test_a_public_datastack_has_no_skeleton_of_roots_after_its_end(
    cave_home, cave, cave_world: World, graph: ChunkedGraph
):
    name = cave_world.datastacks["demo_public"].segmentation
    cap = cave_world.segmentations[name].cap
    is_root = graph.nodes.node >> 56 == graph.layers
    late = graph.nodes.node[is_root & (graph.nodes.created > cap)].tolist()
    early = graph.nodes.node[is_root & (graph.nodes.created <= cap)].tolist()[:2]
    public = CAVEclient("demo_public", server_address=cave.url)

    found = public.skeleton.skeletons_exist(root_ids=[*late[:2], *early])

    assert found == {late[0]: False, late[1]: False, early[0]: True, early[1]: True}
