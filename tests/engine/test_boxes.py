"""The box test, against PostGIS's rule spelt out."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cortical_cache.engine.boxes import bounds

coordinates = st.floats(-1e9, 1e9) | st.integers(-(2**31), 2**31 - 1)


def f32down(value: float) -> float:
    near = np.float32(value)
    return float(
        near if float(near) <= value else np.nextafter(near, np.float32(-np.inf))
    )


def f32up(value: float) -> float:
    near = np.float32(value)
    return float(
        near if float(near) >= value else np.nextafter(near, np.float32(np.inf))
    )


@given(coordinates, st.integers(-(10**8) + 1, 10**8 - 1), st.integers(1, 10**6))
@example(16_777_217, 16_777_218, 2)
@example(300_000.3, 300_000, 1)
def test_strict_limits_are_postgis_outward_rounding(
    point: float, low: int, extent: int
):
    high = low + extent

    (above, *_), (below, *_) = bounds(((low, 0, 0), (high, 1, 1)))

    inside = f32up(point) >= f32down(low) and f32down(point) <= f32up(high)
    assert (above.limit < point < below.limit) == inside


@given(st.integers(-(2**30), 2**30), st.integers(-(10**8) + 1, 10**8 - 1))
def test_whole_limits_decide_what_every_rounded_coordinate_would(voxel: int, low: int):
    (above, *_), (below, *_) = bounds(((low, 0, 0), (low + 1000, 1, 1)))

    def inside(value: float) -> bool:
        return above.limit < value < below.limit

    surely = above.least(0.5) <= voxel <= below.most(0.5)
    possibly = above.least(-0.5) <= voxel <= below.most(-0.5)
    assert surely == (inside(voxel - 0.5) and inside(voxel + 0.5))
    assert possibly >= any(
        inside(voxel + shift) for shift in (-0.5, -0.25, 0, 0.25, 0.5)
    )


@pytest.mark.parametrize(
    ("bound", "sent"),
    [(100.123456789, 100.12345679), (0.1234567891, 0.12345679)],
)
def test_bounds_keep_eight_fractional_digits(bound: float, sent: float):
    (above, *_), _ = bounds(((bound, 0.5, 0.5), (200.0, 1.0, 1.0)))

    assert above.limit == float(
        np.nextafter(np.float32(f32down(sent)), np.float32(-np.inf))
    )


def test_mixed_magnitudes_are_sent_with_eight_digits_of_mantissa():
    (above, *_), _ = bounds(((123_456.123456789, 0.01, 1.0), (2e6, 1.0, 2.0)))

    sent = f32down(1.23456123e5)
    assert above.limit == float(np.nextafter(np.float32(sent), np.float32(-np.inf)))
