"""PostGIS's test of a point against a box, as limits on plain doubles.

The server compares boxes of float32, rounded outwards, inclusive: the point's and the
query's. A point's lower corner, rounded down, must not be above the box's upper one,
rounded up, and so on. Since rounding up x reaches L exactly if x lies above the float32
below L, the whole test is one strict comparison per side.
"""

import math
from dataclasses import dataclass

import numpy as np

from cortical_cache.model.query import Box

__all__ = ["Bound", "bounds"]

_FAR = 2**62  # beyond any coordinate, and still an int64


@dataclass(frozen=True, slots=True)
class Bound:
    """Coordinates lie strictly above, or strictly below, `limit`."""

    limit: float

    def least(self, margin: float) -> int:
        """Return the least integer more than `margin` above the limit."""
        return math.floor(_near(self.limit + margin)) + 1

    def most(self, margin: float) -> int:
        """Return the greatest integer more than `margin` below the limit."""
        return math.ceil(_near(self.limit - margin)) - 1


def bounds(box: Box) -> tuple[tuple[Bound, ...], tuple[Bound, ...]]:
    """Return the lower and the upper limits of a box, x, y, z.

    Parameters
    ----------
    box : pair of corners
        In voxels of the table.
    """
    low, high = (_as_sent(corner) for corner in np.array(box))
    with np.errstate(over="ignore", under="ignore"):
        above = [np.nextafter(_down(one), np.float32(-np.inf)) for one in low]
        below = [np.nextafter(_up(one), np.float32(np.inf)) for one in high]
    return (
        tuple(Bound(float(one)) for one in above),
        tuple(Bound(float(one)) for one in below),
    )


def _as_sent(corner: np.ndarray) -> list[float]:
    """Return the corner as the database reads it: the server prints it with NumPy.

    That keeps 8 fractional digits, or 8 digits of the mantissa in scientific notation.
    """
    text = np.array2string(
        corner,
        precision=8,
        suppress_small=False,
        floatmode="maxprec",
        threshold=10,
        sign="-",
        legacy=False,
    )
    return [float(one) for one in text.strip("[]").split()]


def _down(value: float) -> np.float32:
    near = np.float32(value)
    return near if float(near) <= value else np.nextafter(near, np.float32(-np.inf))


def _up(value: float) -> np.float32:
    near = np.float32(value)
    return near if float(near) >= value else np.nextafter(near, np.float32(np.inf))


def _near(value: float) -> float:
    return min(max(value, -_FAR), _FAR)
