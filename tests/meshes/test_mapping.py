"""Which level-2 id each vertex belongs to, through the client."""

import inspect
import json

import numpy as np
import pytest

from cortical_cache import load_client
from cortical_cache.errors import InvalidQueryError, NotCachedError
from cortical_cache.meshlabels import VertexAssigner
from tests.kit import COMMAND, run
from tests.meshes.solids import GRID, neuron

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


def truth(mesh, world, nodes) -> np.ndarray:
    """Return for each vertex the numbers of the nodes whose surface it is on."""
    at = {}
    for number, node in enumerate(nodes):
        for point in np.round(world.meshes["demo_pcg"][node].vertices).tolist():
            at.setdefault(tuple(point), set()).add(number)
    return [at[tuple(point)] for point in np.round(mesh.vertices).tolist()]


def in_others(nodes, true) -> set[int]:
    """Return the nodes that share points with others of their chunk."""
    found = set()
    for some in true:
        for one in some:
            chunk = nodes[one] >> 26
            if any(nodes[other] >> 26 == chunk for other in some - {one}):
                found.add(one)
    return found


def test_the_mapping_is_that_of_the_world(client, cave_world, graph, roots):
    right: list[bool] = []
    crossed: list[bool] = []
    for root in roots:
        nodes = graph.leaves(root, 2).tolist()
        mesh = client.mesh.get_mesh(root)

        mapping = client.mesh.compute_vertex_to_l2_mapping(root)

        assert mapping.dtype == np.int64
        assert mapping.shape == (len(mesh.vertices),)
        assert set(mapping.tolist()) <= {0, *nodes}
        true = truth(mesh, cave_world, nodes)
        found = [nodes.index(one) if one else -1 for one in mapping.tolist()]
        right += [one in some for one, some in zip(found, true, strict=True)]
        crossing = in_others(nodes, true)
        crossed += [not some.isdisjoint(crossing) for some in true]
    # Nodes of a chunk may cross each other here; those of real neurons do not.
    apart = ~np.array(crossed)
    assert 0.5 < apart.mean() < 1
    assert np.array(right)[apart].mean() >= 0.99
    assert np.mean(right) > 0.9


def test_it_is_kept_and_asks_for_nothing_again(client, server, roots):
    root = roots[0]
    first = client.mesh.compute_vertex_to_l2_mapping(root)
    assert client.mesh.mesh_l2_mappings[root] is first
    server.clear_log()
    (path,) = client.cache_dir.glob("objects/mesh_l2_ids/*/*.npz.gz")
    before = path.stat()

    again = load_client("demo").mesh.compute_vertex_to_l2_mapping(root)
    offline = load_client("demo", offline=True)
    also = offline.mesh.compute_vertex_to_l2_mapping(root)

    assert (again == first).all()
    assert (also == first).all()
    assert list(offline.mesh.mesh_l2_mappings) == [root]
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert not [one for one in server.requests if "manifest" in one.path]
    (held,) = [
        one for one in client.cache_status().holdings if one.kind == "mesh_l2_ids"
    ]
    assert held.rows == 1


def test_a_mapping_that_is_held_is_read_not_computed(client, roots):
    """What is in the file is what is given, whatever would be computed."""
    from cortical_cache.store.arrays import write_arrays

    root = roots[0]
    first = client.mesh.compute_vertex_to_l2_mapping(root)
    (path,) = client.cache_dir.glob("objects/mesh_l2_ids/*/*.npz.gz")
    objects = client.repositories.store.objects("mesh_l2_ids", path.parent.name)
    place = np.zeros(len(first), np.uint32)
    write_arrays(objects, str(root), {"l2_ids": np.array([7]), "place": place})

    again = load_client("demo").mesh.compute_vertex_to_l2_mapping(root)

    assert (again == 7).all()


def test_every_parameter_is_cortical_tools_own_and_part_of_the_key(client, roots):
    root = roots[0]
    names = list(inspect.signature(client.mesh.compute_vertex_to_l2_mapping).parameters)
    assert names == [
        "root_id",
        "vertices",
        "faces",
        "lvl2_ids",
        "lvl2_pts",
        "max_distance",
        "ratio_better",
        "hop_limit",
        "cloudvolume_fallback",
        "n_jobs",
        "return_assigner",
        "mesh_kwargs",
    ]
    given = [
        {},
        {"max_distance": 100.0},
        {"ratio_better": 0.9},
        {"hop_limit": 0},
        {"lvl2_ids": client.get_l2_ids(root)[:-3]},
        {"mesh_kwargs": {"remove_duplicate_vertices": True}},
    ]
    same = [{"n_jobs": 1}, {"cloudvolume_fallback": True}, {"max_distance": 500}]
    for one in given + same:
        client.mesh.compute_vertex_to_l2_mapping(root, **one)

    kept = list(client.cache_dir.glob("objects/mesh_l2_ids/*/*.npz.gz"))
    assert len(kept) == len(given)


def test_a_mesh_and_parts_of_ones_own_need_no_others(client, server):
    solid = neuron(np.random.default_rng(3), 10, 40, spread=0.5)
    # its chunks begin elsewhere than the demo's
    grid = client.repositories.level2graph.grid()
    shift = np.array(GRID.origin) - grid.origin
    server.clear_log()

    labels, assigner = client.mesh.compute_vertex_to_l2_mapping(
        5,
        vertices=solid.vertices - shift,
        faces=solid.faces,
        lvl2_ids=solid.ids,
        lvl2_pts=solid.points - shift,
        return_assigner=True,
    )

    assert solid.right(labels).mean() > 0.99
    assert isinstance(assigner, VertexAssigner)
    assert np.array_equal(assigner.vertices, solid.vertices - shift)
    assert np.array_equal(assigner.faces, solid.faces)
    assert assigner.root_id == 5
    assert (assigner.max_distance, assigner.ratio_better) == (500.0, 0.5)
    assert (assigner.lvl2_ids[assigner.mesh_label_index] == labels).all()
    chunk = grid.of_ids(solid.ids[:1])
    begin = assigner.chunk_to_nm(chunk)
    place = solid.points[0] - shift
    assert begin.shape == (1, 3)
    assert (begin[0] <= place).all()
    assert (place < begin[0] + assigner.chunk_dims).all()
    assert assigner.draco_size == grid.mesh_step
    assert not server.requests


def test_a_mesh_without_ids_has_no_labels(client):
    corner = np.eye(3) * 100.0

    labels, assigner = client.mesh.compute_vertex_to_l2_mapping(
        5,
        vertices=corner,
        faces=np.array([[0, 1, 2]]),
        lvl2_ids=np.empty(0, np.int64),
        lvl2_pts=np.empty((0, 3)),
        return_assigner=True,
    )

    assert labels.tolist() == [0, 0, 0]
    assert assigner.mesh_label_index.tolist() == [-1, -1, -1]


def test_what_does_not_fit_together_is_refused(client, roots):
    mesh = client.mesh.get_mesh(roots[0])
    compute = client.mesh.compute_vertex_to_l2_mapping
    for wrong in (
        {"vertices": mesh.vertices},
        {"faces": mesh.faces},
        {"lvl2_pts": np.zeros((3, 3))},
        {"lvl2_ids": [2 << 56], "lvl2_pts": np.zeros((3, 3))},
    ):
        with pytest.raises(InvalidQueryError):
            compute(roots[0], **wrong)
    with pytest.raises(InvalidQueryError):
        compute(roots[:2])


def test_while_points_are_missing_it_is_not_kept(start, monkeypatch, graph, roots):
    nodes = frozenset(graph.leaves(roots[0], 2).tolist()[:4])
    cave = start(l2_uncomputed=nodes, l2_delay=3600.0)
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", cave.url)
    client = load_client("demo")

    mapping = client.mesh.compute_vertex_to_l2_mapping(roots[0])

    assert (mapping != 0).mean() > 0.9
    assert not list(client.cache_dir.glob("objects/mesh_l2_ids/*/*.npz.gz"))


def test_the_command_fetches_it_for_use_offline(server, roots):
    offline = load_client("demo", offline=True)
    with pytest.raises(NotCachedError) as told:
        offline.mesh.compute_vertex_to_l2_mapping(roots[0])

    ran = run([COMMAND, *told.value.command.split()[1:], "--json"])

    assert json.loads(ran.out)["meshes"] == 1, ran.err
    server.clear_log()
    assert len(load_client("demo", offline=True).mesh.get_mesh(roots[0]).faces)
    assert len(offline.mesh.compute_vertex_to_l2_mapping(roots[0]))
    shown = run([COMMAND, "ls", "demo"])
    assert "mesh_l2_ids" in shown.out
    assert "meshes" in shown.out
    assert not server.requests
