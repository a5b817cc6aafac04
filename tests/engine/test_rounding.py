"""Rounded values: what held rows cannot decide is found, and nothing else is wrong."""

import math
import operator
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cortical_cache.engine import Engine
from cortical_cache.model.arguments import table_query
from cortical_cache.model.held import HeldRows
from tests.engine.kit import Hold

ENGINE = Engine()
PLACE = {"datastack": "demo", "version": 3}

# Doubles that crowd around each other's Float32, and what has no neighbours.
crowded = st.sampled_from(
    [0.0, 1.0, 123.456789012345, 1e-50, 1e39, 16_777_217.0]
).flatmap(
    lambda x: st.sampled_from(
        [
            x,
            math.nextafter(x, math.inf),
            float(np.float32(min(x, 1e38))),
            -x,
            x * 1.0000001,
        ]
    )
)
volumes = crowded | st.sampled_from([math.nan, math.inf, -math.inf]) | st.none()

COMPARISONS = {
    "greater": operator.gt,
    "less": operator.lt,
    "greater_equal": operator.ge,
    "less_equal": operator.le,
}

slow = settings(
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def reply(volume: float | None) -> float | None:
    """Return what a reply shows of a stored double."""
    if volume is None or math.isnan(volume):
        return None
    with np.errstate(over="ignore"):
        return float(np.float32(volume))


def postgres(
    compare: Callable[[float, float], bool], volume: float | None, bound: float
) -> bool:
    """Compare as PostgreSQL: NaN is greater than every number."""
    if volume is None:
        return False
    if math.isnan(volume):
        return compare in (operator.gt, operator.ge)
    return compare(volume, bound)


def check(held: HeldRows, truth: set[int], **filters: object) -> None:
    """The true answer comes out once the server has decided what is open."""
    query = table_query("cells", **PLACE, **filters)
    rows = {"cells": held}

    left_open = ENGINE.ambiguous(query, rows)
    ids = set(left_open.get("cells", ()))
    sure = ENGINE.answer(query, rows, decided={})
    found = ENGINE.answer(query, rows, decided={"cells": ids & truth})

    assert set(sure["id"]) == truth - ids
    assert set(found["id"]) == truth


@slow
@given(st.lists(volumes, max_size=10), st.sampled_from(sorted(COMPARISONS)), crowded)
def test_comparisons_with_rounded_doubles(
    hold: Hold, stored: list, kind: str, bound: object
):
    held = hold([{"id": n, "volume": reply(one)} for n, one in enumerate(stored)])
    truth = {
        n for n, one in enumerate(stored) if postgres(COMPARISONS[kind], one, bound)
    }

    check(held, truth, **{f"filter_{kind}_dict": {"volume": bound}})


@slow
@given(st.lists(volumes, max_size=10), st.lists(crowded | st.none(), max_size=3))
def test_lists_of_rounded_doubles(hold: Hold, stored: list, wanted: object):
    held = hold([{"id": n, "volume": reply(one)} for n, one in enumerate(stored)])
    among = {n for n, one in enumerate(stored) if one is not None and one in wanted}
    rest = {n for n, one in enumerate(stored) if one not in wanted}

    check(held, among, filter_in_dict={"volume": wanted})
    check(held, rest, filter_out_dict={"volume": wanted})


@slow
@given(st.lists(volumes, max_size=10))
def test_missing_may_be_nan(hold: Hold, stored: list):
    held = hold([{"id": n, "volume": reply(one)} for n, one in enumerate(stored)])
    truth = {n for n, one in enumerate(stored) if one is None}

    check(held, truth, filter_equal_dict={"volume": None})


places = st.sampled_from(
    [99.5, 99.75, 100.0, 100.25, 100.5, 101.0, 101.5, 16_777_217.0]
)


@slow
@given(st.lists(places, max_size=10), st.sampled_from([99, 100, 100.25, 101]))
def test_boxes_around_rounded_positions(hold: Hold, stored: list, low: float):
    held = hold(
        [
            {
                "id": n,
                "pt_position_x": round(x),  # half to even, as PostgreSQL
                "pt_position_y": 5,
                "pt_position_z": 5,
            }
            for n, x in enumerate(stored)
        ]
    )
    truth = {n for n, x in enumerate(stored) if low <= x <= low + 1}

    check(
        held,
        truth,
        filter_spatial_dict={"pt_position": [[low, 0, 0], [low + 1, 10, 10]]},
    )


def test_only_the_value_that_the_bound_rounds_to_is_left_open(hold: Hold):
    held = hold([{"id": n, "volume": v} for n, v in enumerate([1.0, 2.0, 3.0, None])])
    query = table_query("cells", **PLACE, filter_less_dict={"volume": 2.00000001})

    assert ENGINE.ambiguous(query, {"cells": held}) == {"cells": [1]}


@pytest.mark.parametrize("kind", ["greater", "less_equal"])
def test_exact_rows_leave_nothing_open(hold: Hold, kind: str):
    held = hold([{"id": 1, "volume": 2.0}], exact=True)
    query = table_query("cells", **PLACE, **{f"filter_{kind}_dict": {"volume": 2}})

    assert ENGINE.ambiguous(query, {"cells": held}) == {}


def test_no_file_is_opened_to_learn_that_nothing_is_left_open(hold: Hold):
    held = hold([{"id": 1, "volume": 2.0}])
    Path(held.pieces[0].files[0]).unlink()
    query = table_query("cells", **PLACE, filter_in_dict={"id": list(range(100))})

    assert ENGINE.ambiguous(query, {"cells": held}) == {}


@slow
@given(st.lists(volumes, max_size=10), st.sampled_from(sorted(COMPARISONS)), crowded)
def test_exact_doubles_compare_as_in_postgresql(
    hold: Hold, stored: list, kind: str, bound: float
):
    held = hold([{"id": n, "volume": v} for n, v in enumerate(stored)], exact=True)
    query = table_query("cells", **PLACE, **{f"filter_{kind}_dict": {"volume": bound}})

    found = ENGINE.answer(query, {"cells": held})

    assert found["id"].tolist() == [
        n for n, one in enumerate(stored) if postgres(COMPARISONS[kind], one, bound)
    ]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"filter_greater_dict": {"volume": 5}}, [2]),
        ({"filter_less_dict": {"volume": 5}}, [1]),
        ({"filter_out_dict": {"volume": [1]}}, [2, 3]),
        ({"filter_in_dict": {"volume": [1]}}, [1]),
        ({"filter_equal_dict": {"volume": None}}, [3]),
    ],
)
def test_statistics_that_leave_nan_out_mislead_nobody(
    hold: Hold, filters: dict, expected: list[int]
):
    volumes = {1: 1.0, 2: math.nan, 3: None}
    held = hold([{"id": n, "volume": v} for n, v in volumes.items()], exact=True)
    query = table_query("cells", **PLACE, **filters)

    assert ENGINE.answer(query, {"cells": held})["id"].tolist() == expected


def test_other_filters_come_first(hold: Hold):
    held = hold([{"id": n, "volume": 2.0, "layer": n} for n in range(4)])
    query = table_query(
        "cells",
        **PLACE,
        filter_greater_dict={"volume": 2},
        filter_equal_dict={"layer": 3},
    )

    assert ENGINE.ambiguous(query, {"cells": held}) == {"cells": [3]}


def test_without_decisions_values_count_at_face_value(hold: Hold):
    held = hold([{"id": n, "volume": float(n)} for n in range(4)])
    query = table_query("cells", **PLACE, filter_greater_equal_dict={"volume": 2})

    assert ENGINE.answer(query, {"cells": held})["id"].tolist() == [2, 3]
