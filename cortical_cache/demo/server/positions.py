"""Turn stored points into the integers that the server sends."""

from decimal import Decimal

import numpy as np

from cortical_cache.demo.rows import Ints, Vector
from cortical_cache.demo.server.exchange import sql_failure
from cortical_cache.demo.world import Resolution

_INT32 = np.iinfo(np.int32)
_SAFE_DIGITS = 6


def scale_factors(
    stored: Resolution, desired: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Return stored / desired for each axis."""
    with np.errstate(divide="ignore"):
        x, y, z = np.array(stored, dtype=np.float64) / np.array(desired)
    return float(x), float(y), float(z)


def component(vector: Vector, axis: int, factors: tuple[float, float, float]) -> Ints:
    """Return one coordinate: rounded half to even, then scaled and truncated.

    The database multiplies exactly, in decimal, with the factor's shortest text; the
    product becomes a double before it is truncated.
    """
    whole = np.rint(vector.xyz()[:, axis])
    whole[vector.null] = 0
    if len(whole) and (whole.min() < _INT32.min or whole.max() > _INT32.max):
        raise sql_failure("integer out of range")
    numbers = whole.astype(np.int64)
    if all(factor == 1 for factor in factors):
        return numbers
    factor = factors[axis]
    if not np.isfinite(factor):
        raise sql_failure(f'column "{factor}" does not exist')
    scaled = _scale(numbers, factor)
    outside = (scaled < _INT32.min) | (scaled > _INT32.max)
    return np.where(outside, _INT32.min, scaled)  # so a processor casts too large ones


def _scale(numbers: Ints, factor: float) -> Ints:
    exact = Decimal(repr(factor))
    digits = -int(exact.as_tuple().exponent)
    top = int(np.abs(numbers).max(initial=0))
    numerator = int(exact.scaleb(max(digits, 0)))
    if digits <= _SAFE_DIGITS and top * abs(numerator) < 2**62:
        # So few digits cannot be rounded up to a whole number by the double.
        size = np.abs(numbers * numerator) // 10 ** max(digits, 0)
        return np.sign(numbers * numerator) * size
    distinct, place = np.unique(numbers, return_inverse=True)
    scaled = [int(float(Decimal(n) * exact)) for n in distinct.tolist()]
    return np.array(scaled, dtype=np.int64)[place]
