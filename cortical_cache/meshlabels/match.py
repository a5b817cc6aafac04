"""Match the pieces of a mesh in one chunk to the level-2 ids there."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cortical_cache.meshlabels.solvers import assignment, distances

__all__ = ["CLEAR", "NONE", "Nearness", "by_distance", "by_winding"]

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NONE = -1
"""In place of the number of a point, or of a piece."""

CLEAR = 0.05
"""Winding from which a point counts as inside. Seen from outside, what an open piece
covers is negative on one side; of noise there is less than this."""


@dataclass(frozen=True, slots=True)
class Nearness:
    """When a piece counts to what is nearest to it.

    Attributes
    ----------
    max_distance : float
        In nm.
    ratio_better : float
        The nearest must be nearer than this times the second nearest.
    """

    max_distance: float
    ratio_better: float


def by_winding(winding: Floats) -> Ints:
    """Return for each piece the point that is inside it; -1: none clearly is.

    Each point takes one piece, and no piece is taken twice, such that as much as
    possible is covered. A piece that is left over and still covers a point goes to it:
    where a thick process is cut at an edge of the chunk, its surface falls apart.

    Parameters
    ----------
    winding : numpy.ndarray, shape (points, pieces)
    """
    found = np.full(winding.shape[1], NONE, np.int64)
    if not winding.size:
        return found
    points, pieces = assignment(winding)
    inside = winding[points, pieces] > CLEAR
    found[pieces[inside]] = points[inside]
    left = found == NONE
    most = winding.argmax(axis=0)
    covered = winding.max(axis=0) > CLEAR
    found[left & covered] = most[left & covered]
    return found


def by_distance(
    points: Floats,
    vertices: Floats,
    piece: npt.NDArray[np.integer],
    taken: Ints,
    how: Nearness,
) -> Ints:
    """Give what `by_winding` left: to what is near, else to the nearest point.

    Parameters
    ----------
    points : numpy.ndarray, shape (p, 3)
        In nm.
    vertices : numpy.ndarray, shape (n, 3)
        Of all pieces, in nm.
    piece : numpy.ndarray of int, shape (n,)
        The piece of each.
    taken : numpy.ndarray of int64, shape (pieces,)
        The point of each piece; -1: none yet.
    how : Nearness

    Returns
    -------
    numpy.ndarray of int64, shape (pieces,)
        The point of each.
    """
    found = taken.copy()
    owner = taken[piece]
    left = np.flatnonzero(owner == NONE)
    if not len(left):
        return found
    away = np.full((len(taken), len(points)), np.inf)
    for point in np.unique(owner[owner != NONE]):
        there = vertices[owner == point]
        distance = distances(there, vertices[left], how.max_distance)
        np.minimum.at(away[:, point], piece[left], distance)
    to_point = np.full((len(taken), len(points)), np.inf)
    for point, position in enumerate(points):
        distance = np.linalg.norm(vertices[left] - position, axis=1)
        np.minimum.at(to_point[:, point], piece[left], distance)
    for one in np.unique(piece[left]):
        nearest, *others = np.sort(away[one])
        near = np.isfinite(nearest)
        if near and (not others or nearest < how.ratio_better * others[0]):
            found[one] = away[one].argmin()
        else:
            found[one] = to_point[one].argmin()
    return found
