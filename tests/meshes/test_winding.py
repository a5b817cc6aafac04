"""Winding numbers and pieces, on shapes whose numbers are known."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cortical_cache.demo.generate.surface import surface
from cortical_cache.meshlabels.pieces import unpinched
from cortical_cache.meshlabels.winding import winding_numbers

CELLS = st.sets(st.tuples(*[st.integers(0, 3)] * 3), min_size=1, max_size=20).map(
    lambda cells: np.array(sorted(cells), np.int64)
)


def mesh(cells):
    lattice, faces = surface(cells).triangles()
    return lattice.astype(float), faces


@given(CELLS, st.integers(0, 100))
def test_it_is_one_inside_of_a_closed_surface_and_none_outside(cells, seed):
    lattice, faces = mesh(cells)
    everywhere = np.indices((6, 6, 6)).reshape(3, -1).T - 1
    points = everywhere + np.random.default_rng(seed).uniform(0.1, 0.9, (216, 3))
    piece = np.zeros(len(faces), np.int64)

    found = winding_numbers(points, lattice[faces], piece, 1)[:, 0]

    inside = (everywhere[:, None] == cells).all(axis=2).any(axis=1)
    assert np.allclose(found, inside)


@given(CELLS)
def test_pieces_add_up(cells):
    lattice, faces = mesh(cells)
    piece = np.arange(len(faces)) % 3
    points = cells[:1] + 0.5

    parts = winding_numbers(points, lattice[faces], piece, 3)

    assert np.isclose(parts.sum(), 1)


def test_surfaces_that_touch_in_an_edge_or_a_point_come_apart():
    for other in ([1, 1, 0], [1, 1, 1]):
        _, faces = mesh(np.array([[0, 0, 0], other]))
        assert len(np.unique(unpinched(faces))) == 2
    _, faces = mesh(np.array([[0, 0, 0], [1, 0, 0]]))
    assert len(np.unique(unpinched(faces))) == 1
