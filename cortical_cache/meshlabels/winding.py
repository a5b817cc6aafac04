"""How much of a point's sky a piece of a mesh covers: its winding number.

The sum of the solid angles of a closed surface seen from a point is 4 pi inside, 0
outside; of an open piece, such as a tube cut at both ends, it is what the piece covers.
The solid angle of a triangle is that of Van Oosterom and Strackee (IEEE Trans. Biomed.
Eng. 1983): tan(angle / 2) = a . (b x c) / (abc + (a.b) c + (b.c) a + (c.a) b).
"""

import numpy as np
import numpy.typing as npt

__all__ = ["winding_numbers"]

Floats = npt.NDArray[np.float64]

_PAIRS_AT_ONCE = 200_000  # some 20 MB; fits the caches of a CPU by and large


def winding_numbers(
    points: Floats, corners: Floats, piece: npt.NDArray[np.integer], count: int
) -> Floats:
    """Return the winding number of each piece around each point.

    Parameters
    ----------
    points : numpy.ndarray, shape (p, 3)
    corners : numpy.ndarray, shape (m, 3, 3)
        Of the faces: corner, then axis.
    piece : numpy.ndarray of int, shape (m,)
        The piece of each face, below `count`.
    count : int

    Returns
    -------
    numpy.ndarray, shape (p, count)
    """
    found = np.zeros((len(points), count))
    for start in range(0, len(piece), _PAIRS_AT_ONCE):
        some = slice(start, start + _PAIRS_AT_ONCE)
        for row, point in enumerate(points):
            angles = _solid_angles(corners[some] - point)
            found[row] += np.bincount(piece[some], angles, count)
    return found / (4 * np.pi)


def _solid_angles(corners: Floats) -> Floats:
    """Return the angle of each triangle seen from the origin, signed."""
    # Axis by axis: a product of long columns is faster than one of triples.
    (ax, ay, az), (bx, by, bz), (cx, cy, cz) = np.ascontiguousarray(
        corners.transpose(1, 2, 0)
    )
    volume = ax * (by * cz - bz * cy)
    volume += ay * (bz * cx - bx * cz)
    volume += az * (bx * cy - by * cx)
    a = np.sqrt(ax * ax + ay * ay + az * az)
    b = np.sqrt(bx * bx + by * by + bz * bz)
    c = np.sqrt(cx * cx + cy * cy + cz * cz)
    rest = a * b * c
    rest += (ax * bx + ay * by + az * bz) * c
    rest += (bx * cx + by * cy + bz * cz) * a
    rest += (cx * ax + cy * ay + cz * az) * b
    return 2 * np.arctan2(volume, rest)
