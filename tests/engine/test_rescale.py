"""Positions in another resolution, against the decimal definition."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cortical_cache.engine.rescale import rescale

INT32 = 2**31

voxels = st.lists(st.integers(-INT32, INT32 - 1), min_size=1, max_size=50)
nanometres = st.floats(0.01, 5000) | st.integers(1, 1000).map(lambda n: n / 10)


def as_postgres(voxel: int, ratio: float) -> int:
    """Multiply in exact decimal, make a double of it, cut it off, as int32."""
    exact = int(float(Decimal(voxel) * Decimal(repr(ratio))))
    return exact if -INT32 <= exact < INT32 else -INT32


@given(voxels, nanometres, nanometres)
@example([50, 100_005, -50], 9.7, 1.0)
@example([3, 6, 2**31 - 1, -(2**31)], 4.0, 3.0)
@example([1, 10**9], 1e-05, 1.0)
@example([1, 7], 1e-30, 1.0)
@example([10**6], 1.1e22, 1.0)
def test_rescaling_is_the_decimal_product_cut_off(
    some: list[int], held: float, wanted: float
):
    ratio = held / wanted

    found = rescale(np.array(some, dtype=np.int64), ratio)

    assert found.tolist() == [as_postgres(one, ratio) for one in some]


@pytest.mark.parametrize(
    "ratio", [9.7, 9.7 / 9, 2.425, 4.6, 4 / 3, 8 / 7, 0.1, 40 / 11]
)
def test_every_coordinate_of_a_volume_is_right(ratio: float):
    some = np.arange(-1000, 200_000)

    found = rescale(some, ratio)

    assert found.tolist() == [as_postgres(one, ratio) for one in some.tolist()]


def test_double_arithmetic_would_be_wrong_at_9_7_nanometres():
    some = np.arange(400_000)

    found = rescale(some, 9.7)

    assert int((found != (some * 9.7).astype(np.int64)).sum()) == 17_697
