"""Meshes of the loopback CAVE, read by cloud-volume itself."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import requests

from cortical_cache.demo import LoopbackCave, World
from cortical_cache.demo.generate.mesh import MESH_STEP
from cortical_cache.demo.graph import ChunkedGraph
from cortical_cache.meshlabels.winding import winding_numbers
from tests.cells.kit import Clock
from tests.kit import Start
from tests.level2.kit import large_roots

GRAPH = "demo_pcg"


@pytest.fixture
def graph(cave_world: World) -> ChunkedGraph:
    return cave_world.segmentations[GRAPH].graph


def volume(cave: LoopbackCave, table: str = GRAPH, token: str | None = None):
    from cloudvolume import CloudVolume

    path = f"graphene://{cave.url}/segmentation/table/{table}"
    secrets = {"token": token or cave.token}
    return CloudVolume(path, use_https=True, progress=False, secrets=secrets)


def rows(points: np.ndarray) -> set[tuple[float, ...]]:
    return set(map(tuple, np.round(points / MESH_STEP).tolist()))


def test_the_mesh_of_a_root_is_those_of_its_level2_nodes_sewn_together(
    cave: LoopbackCave, cave_world: World, graph: ChunkedGraph
):
    root = large_roots(graph, 1)[0]
    parts = [cave_world.meshes[GRAPH][one] for one in graph.leaves(root, 2).tolist()]

    mesh = volume(cave).mesh.get(root)[root]

    assert np.abs(mesh.vertices / MESH_STEP % 1 - 0.5).min() > 0.49
    assert rows(mesh.vertices) == set().union(*(rows(one.vertices) for one in parts))
    assert len(mesh.faces) == sum(len(one.faces) for one in parts)
    # What two nodes share at a border is there once.
    assert len(mesh.vertices) < sum(len(one.vertices) for one in parts)


def test_a_node_lies_in_its_chunk_around_its_point(
    cave_world: World, graph: ChunkedGraph
):
    size = np.array(graph.chunk_size) * graph.resolution
    for root in large_roots(graph, 3):
        for node in graph.leaves(root, 2)[:10].tolist():
            mesh = cave_world.meshes[GRAPH][node]
            place = np.array(cave_world.l2_caches[GRAPH].records[node]["rep_coord_nm"])
            low = place // size * size

            assert (mesh.vertices >= low - MESH_STEP).all()
            assert (mesh.vertices <= low + size).all()
            corners = mesh.vertices[mesh.faces]
            whole = np.zeros(len(corners), np.int64)
            around = winding_numbers(place[None] + 1, corners, whole, 1)[0, 0]
            assert around > 0.25


def test_shards_have_an_index_and_edits_make_files(
    cave: LoopbackCave, graph: ChunkedGraph
):
    level2 = graph.nodes.node[graph.nodes.node >> 56 == 2]
    born = graph.nodes.created[graph.nodes.node >> 56 == 2]
    first = int(level2[born == graph.oldest][7])
    later = int(level2[born > graph.oldest][7])

    found = volume(cave).mesh.get([first, later], bypass=True)

    assert all(len(found[one].faces) for one in (first, later))
    paths = [one.path for one in cave.requests if one.status in {200, 206}]
    assert any("/initial/2/" in one for one in paths)
    assert any(f"/dynamic/{later}:0:" in one for one in paths)


def test_bounds_leave_out_chunks(cave: LoopbackCave, graph: ChunkedGraph):
    from cloudvolume import Bbox

    root = large_roots(graph, 1)[0]
    whole = volume(cave).mesh.get(root)[root]
    chunk = (int(graph.leaves(root, 2)[0]) >> np.array([46, 36, 26])) & 1023
    low = chunk * graph.chunk_size

    part = volume(cave).mesh.get(root, bounding_box=Bbox(low, low + graph.chunk_size))[
        root
    ]

    assert 0 < len(part.faces) < len(whole.faces)


def test_after_an_edit_meshes_come_with_a_delay(start: Start, graph: ChunkedGraph):
    edit = graph.edits[-1]
    clock = Clock(datetime.fromtimestamp(edit.time / 1000, UTC) + timedelta(minutes=1))
    cave = start(mesh_delay=600.0, clock=clock)
    root = edit.after[0]

    early = volume(cave).mesh.get(root)[root]
    clock.now += timedelta(minutes=10)
    late = volume(cave).mesh.get(root)[root]

    assert len(early.faces) < len(late.faces)


def test_manifests_want_a_token_and_a_node_that_there_is(
    cave: LoopbackCave, graph: ChunkedGraph
):
    root = large_roots(graph, 1)[0]
    known = {"Authorization": f"Bearer {cave.token}"}

    def status(table: str, node: int) -> int:
        path = f"{cave.url}/meshing/api/v1/table/{table}/manifest/{node}:0"
        return requests.get(path, headers=known, timeout=10).status_code

    with pytest.raises(requests.HTTPError, match="401"):
        volume(cave, token="f" * 32)
    assert status(GRAPH, root) == 200
    assert status(GRAPH, 12 << 56) == 400
    assert status("demo_public", int(graph.edits[-1].after[0])) == 401
    files = f"{cave.url}/volumes/{GRAPH}"
    for path in ("provenance", "graphene_meshes/none", "graphene_meshes/dynamic/5"):
        assert requests.get(f"{files}/{path}", timeout=10).status_code == 404
