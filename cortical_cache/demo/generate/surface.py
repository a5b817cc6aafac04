"""The surface of a solid made of cells of a lattice."""

from dataclasses import dataclass

import numpy as np

from cortical_cache.demo.rows import Bools, Ints

_BITS = 20
_AXES = 3


@dataclass(frozen=True, slots=True)
class Quads:
    """Squares between a cell that is filled and one that is not.

    Attributes
    ----------
    corners : numpy.ndarray of int64, shape (n, 4, 3)
        Points of the lattice; cell k lies between the points k and k + 1. Seen from
        outside they go round against the clock.
    cell : numpy.ndarray of int64, shape (n,)
        The filled one, by its place.
    axis : numpy.ndarray of int64, shape (n,)
        To which the square is upright.
    """

    corners: Ints
    cell: Ints
    axis: Ints

    def only(self, wanted: Bools) -> "Quads":
        """Return some of them."""
        return Quads(self.corners[wanted], self.cell[wanted], self.axis[wanted])

    def triangles(self) -> tuple[Ints, Ints]:
        """Return points (n, 3), each once, and the triangles (m, 3) between them."""
        points, place = _unique(self.corners.reshape(-1, _AXES))
        first, second, third, last = place.reshape(-1, 4).T
        halves = [(first, second, third), (first, third, last)]
        faces = np.stack([np.stack(half, axis=1) for half in halves], axis=1)
        return points, faces.reshape(-1, 3)


def surface(cells: Ints) -> Quads:
    """Return the surface of filled cells.

    Parameters
    ----------
    cells : numpy.ndarray of int64, shape (n, 3)
        All different.
    """
    known = np.sort(code(cells))
    corners: list[Ints] = []
    cell: list[Ints] = []
    axes: list[Ints] = []
    for axis in range(_AXES):
        u, v = np.eye(_AXES, dtype=np.int64)[[(axis + 1) % 3, (axis + 2) % 3]]
        around = np.array([0 * u, u, u + v, v])
        for side in (0, 1):
            step = np.zeros(_AXES, np.int64)
            step[axis] = 2 * side - 1
            beyond = code(cells + step)
            place = np.minimum(np.searchsorted(known, beyond), len(known) - 1)
            bare = np.flatnonzero(known[place] != beyond)
            square = around if side else around[::-1]
            base = cells[bare].copy()
            base[:, axis] += side
            corners.append(base[:, None, :] + square)
            cell.append(bare)
            axes.append(np.full(len(bare), axis))
    return Quads(np.concatenate(corners), np.concatenate(cell), np.concatenate(axes))


def code(points: Ints) -> Ints:
    """Return a number for each point or cell, in the order of x, y, z."""
    x, y, z = ((points[:, axis] + 1) for axis in range(_AXES))
    return (x << 2 * _BITS) | (y << _BITS) | z


def _unique(points: Ints) -> tuple[Ints, Ints]:
    _, first, back = np.unique(code(points), return_index=True, return_inverse=True)
    return points[first], back
