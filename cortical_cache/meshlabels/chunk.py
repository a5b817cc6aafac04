"""One chunk with several level-2 ids: its pieces of mesh, and which id each is of."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cortical_cache.meshlabels.match import (
    CLEAR,
    NONE,
    Nearness,
    by_distance,
    by_winding,
)
from cortical_cache.meshlabels.pieces import connected, unpinched
from cortical_cache.meshlabels.winding import winding_numbers

__all__ = ["Chunk"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Whole = npt.NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class Chunk:
    """The part of a mesh that lies in one chunk.

    Attributes
    ----------
    points : numpy.ndarray of float64, shape (p, 3)
        One inside each id, in nm.
    vertices : numpy.ndarray of float64, shape (n, 3)
        Those that count to the chunk, in nm.
    faces : numpy.ndarray of int, shape (m, 3)
        The corners of each face, by number in the whole mesh.
    corners : numpy.ndarray of int, shape (m, 3)
        The same among `vertices`; -1 where it counts to another chunk.
    places : numpy.ndarray of float64, shape (m, 3, 3)
        The positions of the corners, in nm.
    """

    points: Floats
    vertices: Floats
    faces: Whole
    corners: Whole
    places: Floats

    def match(self, near: Nearness) -> Ints:
        """Return for each vertex the number of its point, shape (n,)."""
        piece = connected(self.corners, len(self.vertices))
        of_face = _of_faces(piece, self.corners)
        winding = self._winding(of_face, int(piece.max(initial=-1)) + 1)
        several = (winding > CLEAR).sum(axis=0) > 1
        if several.any():
            piece, of_face = self._cut(piece, of_face, several)
            winding = self._winding(of_face, int(max(piece.max(), of_face.max())) + 1)
        taken = by_winding(winding)
        return by_distance(self.points, self.vertices, piece, taken, near)[piece]

    def _winding(self, of_face: Ints, count: int) -> Floats:
        known = of_face != NONE
        return winding_numbers(self.points, self.places[known], of_face[known], count)

    def _cut(
        self, piece: Ints, of_face: Ints, chosen: npt.NDArray[np.bool_]
    ) -> tuple[Ints, Ints]:
        """Cut the chosen pieces where they only touch themselves."""
        which = np.flatnonzero(np.append(chosen, [False])[of_face])
        finer = of_face.copy()
        finer[which] = piece.max() + 1 + unpinched(self.faces[which])
        piece = piece.copy()
        corners = self.corners[which]
        for side in range(3):
            mine = corners[:, side] >= 0
            piece[corners[mine, side]] = finer[which[mine]]
        # Pieces without a vertex of their own have no number of theirs.
        names, renamed = np.unique(np.concatenate([piece, finer]), return_inverse=True)
        shift = int(names[0] == NONE)
        return renamed[: len(piece)] - shift, renamed[len(piece) :] - shift


def _of_faces(piece: Ints, corners: Whole) -> Ints:
    """Return the piece of each face; -1 where no corner is of the chunk."""
    here = corners >= 0
    first = corners[np.arange(len(corners)), here.argmax(axis=1)]
    return np.where(here.any(axis=1), piece[first], NONE)
