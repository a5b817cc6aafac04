"""A mesh cut at the borders of chunks: where faces and vertices lie, and pieces."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cortical_cache.meshlabels.solvers import components
from cortical_cache.model.chunks import ChunkGrid

__all__ = ["SIDES", "Placed", "codes", "connected", "place", "unpinched"]

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]
Small = npt.NDArray[np.int32]
Whole = npt.NDArray[np.integer]

SIDES = ((0, 1), (1, 2), (2, 0))
"""The corners of each side of a face."""

_BITS = 21  # of each coordinate in a code: three fit into 63 bits
_FACES_AT_ONCE = 500_000  # bounds the memory besides the result
_NOWHERE = -1


@dataclass(frozen=True, slots=True)
class Placed:
    """The chunk of each vertex and face, as its place among the chunks of interest.

    Attributes
    ----------
    vertex, face : numpy.ndarray of int32
        -1: in no such chunk.
    """

    vertex: Small
    face: Small


def codes(coordinates: Ints) -> Ints:
    """Return one number for each chunk; shape (n, 3) becomes (n,)."""
    return _code([coordinates[:, axis] for axis in range(3)])


def place(vertices: Floats, faces: Whole, grid: ChunkGrid, wanted: Ints) -> Placed:
    """Find the chunk of each face and vertex.

    A face lies in the lowest of its vertices' chunks, as no face crosses a border. A
    vertex lies in the chunk that its position tells, unless none of its faces does:
    then it is the end of what lies below that border, and counts there.

    Parameters
    ----------
    vertices : numpy.ndarray of float, shape (n, 3)
        In nm.
    faces : numpy.ndarray of int, shape (m, 3)
    grid : ChunkGrid
    wanted : numpy.ndarray of int64
        The `codes` of the chunks of interest, unique and ascending.
    """
    axes = grid.of_points(vertices)
    own = _code(axes)
    of_vertex = _find(wanted, own)
    of_face = np.empty(len(faces), np.int32)
    at_home = np.zeros(len(vertices), np.bool_)
    for some in _blocks(len(faces)):
        corners = faces[some]
        code = _code([along[corners].min(axis=1) for along in axes])
        of_face[some] = _find(wanted, code)
        at_home[corners[own[corners] == code[:, None]]] = True
    below = np.full(len(vertices), _NOWHERE, np.int32)
    has_face = np.zeros(len(vertices), np.bool_)
    for some in _blocks(len(faces)):
        which, side = np.nonzero(~at_home[faces[some]])
        astray = faces[some][which, side]
        has_face[astray] = True
        np.maximum.at(below, astray, of_face[some][which])
    of_vertex[has_face] = below[has_face]
    return Placed(of_vertex, of_face)


def connected(corners: Whole, count: int) -> Ints:
    """Return the number of the connected piece of each vertex, shape (count,).

    Parameters
    ----------
    corners : numpy.ndarray of int, shape (m, 3)
        Of the faces; -1 is none.
    count : int
        Of the vertices.
    """
    pairs = [corners[:, side] for side in SIDES]
    edges = np.concatenate([pair[(pair >= 0).all(axis=1)] for pair in pairs])
    return components(edges, count)


def unpinched(corners: Whole) -> Ints:
    """Return the piece of each face, cut where surfaces only touch.

    Two faces are of one piece if they share an edge that no third one has: surfaces
    that touch in a point, or along an edge, come apart.

    Parameters
    ----------
    corners : numpy.ndarray of int, shape (m, 3)
        Of the faces.

    Returns
    -------
    numpy.ndarray of int64, shape (m,)
    """
    edges = np.concatenate([np.sort(corners[:, side], axis=1) for side in SIDES])
    face = np.tile(np.arange(len(corners)), len(SIDES))
    order = np.lexsort((edges[:, 1], edges[:, 0]))
    edges, face = edges[order], face[order]
    same = (edges[1:] == edges[:-1]).all(axis=1)
    before, after = np.append([False], same[:-1]), np.append(same[1:], [False])
    two = np.flatnonzero(same & ~before & ~after)
    return components(np.stack([face[two], face[two + 1]], axis=1), len(corners))


def _code(axes: list[Small] | list[Ints]) -> Ints:
    x, y, z = (along.astype(np.int64) & ((1 << _BITS) - 1) for along in axes)
    return (x << 2 * _BITS) | (y << _BITS) | z


def _find(wanted: Ints, asked: Ints) -> Small:
    place = np.minimum(np.searchsorted(wanted, asked), len(wanted) - 1)
    return np.where(wanted[place] == asked, place, _NOWHERE).astype(np.int32)


def _blocks(count: int) -> Iterator[slice]:
    for start in range(0, count, _FACES_AT_ONCE):
        yield slice(start, start + _FACES_AT_ONCE)
