"""The level-2 id of each vertex of a mesh, against meshes whose labels are known."""

import threading

import numpy as np
import pytest

from cortical_cache.demo.generate.surface import surface
from cortical_cache.meshlabels import Nearness, label_vertices
from tests.meshes.solids import CELL, FINE, GRID, NUMBER_BITS, Solid, neuron

NEAR = Nearness(500, 0.5)
# What was seen is above each by less than the step to 1.
CASES = {
    "clean": ({"branches": 30, "spread": 1.0}, 0.9999, 0.9999),
    "thin": ({"branches": 30, "spread": 1.0, "thick": 1}, 0.9995, 0.999),
    "thick": ({"branches": 12, "spread": 0.6, "thick": 10}, 0.995, 0.98),
    "touching": ({"branches": 60, "spread": 1.0, "touching": True}, 0.99, 0.98),
    "floating": ({"branches": 30, "spread": 1.0, "floating": 200}, 0.999, 0.999),
}


def made(case: str, seed: int = 1) -> Solid:
    return neuron(np.random.default_rng(seed), steps=60, **CASES[case][0])


def labels_of(solid: Solid, **options: object):
    given = {"ids": solid.ids, "points": solid.points, "near": NEAR, **options}
    return label_vertices(solid.vertices, solid.faces, grid=GRID, **given)


@pytest.fixture(scope="module")
def clean() -> Solid:
    return made("clean")


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("seed", [1, 2])
def test_labels_are_true(case, seed):
    solid = made(case, seed)
    shared = solid.in_shared_chunks()
    _, everywhere, in_shared = CASES[case]

    right = solid.right(labels_of(solid))

    assert shared.mean() > 0.05
    assert right.mean() >= everywhere
    assert right[shared].mean() >= in_shared


def test_every_vertex_is_in_the_chunk_of_its_id(clean):
    labels = labels_of(clean)

    chunk = GRID.of_ids(labels)
    low = np.array(GRID.origin) + chunk * GRID.size
    inside = (clean.vertices >= low - GRID.mesh_step) & (
        clean.vertices <= low + GRID.size
    )
    assert inside.all()


def test_the_order_of_ids_and_repeats_change_nothing(clean):
    order = np.random.default_rng(0).permutation(len(clean.ids))
    order = np.append(order, order[:7])

    shuffled = labels_of(clean, ids=clean.ids[order], points=clean.points[order])

    assert (shuffled == labels_of(clean)).all()


def test_the_number_of_threads_changes_nothing_and_none_is_left(clean):
    before = threading.active_count()

    one, four = labels_of(clean, threads=1), labels_of(clean, threads=4)

    assert (one == four).all()
    assert threading.active_count() == before


def test_rounded_vertices_stay_on_their_side_of_a_border(clean):
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, clean.vertices.shape)
    moved = (clean.vertices + noise).astype(np.float32)

    labels = label_vertices(
        moved, clean.faces, clean.ids, clean.points, GRID, near=NEAR
    )

    assert (labels == labels_of(clean)).mean() > 0.9999


def test_a_chunk_without_an_id_is_labelled_from_beside_it_within_the_limit(clean):
    chunks, counts = np.unique(clean.ids >> NUMBER_BITS, return_counts=True)
    single = np.isin(clean.node >> NUMBER_BITS, chunks[counts == 1])
    found, vertices = np.unique(clean.node[single] >> NUMBER_BITS, return_counts=True)
    gone = found[vertices.argmax()]
    kept = clean.ids >> NUMBER_BITS != gone

    def without(hops: int | None) -> np.ndarray:
        return labels_of(
            clean, ids=clean.ids[kept], points=clean.points[kept], hop_limit=hops
        )

    none, some, all_ = without(0), without(2), without(None)

    bare = none == 0
    assert 0 < (some == 0).sum() < bare.sum()
    assert (all_ != 0).all()
    assert (all_[~bare] == none[~bare]).all()
    inside = np.isin(labels_of(clean) >> NUMBER_BITS, gone)
    assert inside[bare].all()


def test_what_ends_at_a_border_is_of_the_chunk_below():
    """A box open at the border, and one in the chunk beyond; each chunk has one id."""
    boxes = np.array([[FINE - 1, 3, 3], [FINE + 4, 3, 3]])
    lattice, faces = surface(boxes).triangles()
    faces = faces[(lattice[faces][:, :, 0] != FINE).any(axis=1)]
    vertices = np.array(GRID.origin) + lattice * CELL
    vertices = (np.floor(vertices / GRID.mesh_step) * GRID.mesh_step).astype(np.float32)
    ids = np.array([2 << 56 | 5, 2 << 56 | 1 << 46 | 6])

    labels = label_vertices(vertices, faces, ids, boxes * CELL, GRID, near=NEAR)

    assert (labels == np.where(lattice[:, 0] <= FINE, *ids)).all()


def test_an_id_whose_point_is_unknown_takes_no_vertex_from_others(clean):
    points = clean.points.copy()
    chunk = clean.ids >> NUMBER_BITS
    chunks, counts = np.unique(chunk, return_counts=True)
    shared = clean.ids[np.isin(chunk, chunks[counts > 1])]
    points[np.isin(clean.ids, shared[:3])] = np.nan

    labels = labels_of(clean, points=points)

    lost = np.isin(clean.node, shared[:3])
    right = clean.right(labels)
    assert right[np.setdiff1d(clean.vertex, clean.vertex[lost])].all()
    assert not np.isin(labels, shared[:3]).any()


def test_no_ids_and_no_vertices_are_no_labels(clean):
    nothing = labels_of(clean, ids=np.zeros(0, np.int64), points=np.zeros((0, 3)))
    no_mesh = label_vertices(
        np.zeros((0, 3), np.float32),
        np.zeros((0, 3), np.uint32),
        clean.ids,
        clean.points,
        GRID,
        near=NEAR,
    )

    assert (nothing == 0).all()
    assert len(nothing) == len(clean.vertices)
    assert len(no_mesh) == 0


def test_a_piece_far_from_all_goes_to_the_nearest_point_and_a_near_one_to_that():
    solid = made("floating")

    near = labels_of(solid, near=Nearness(500, 1.0))
    far = labels_of(solid, near=Nearness(0.0, 1.0))

    assert solid.right(near).mean() > solid.right(far).mean()
    assert (far != 0).all()
