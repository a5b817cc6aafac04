"""Comparisons that the small worlds cannot tell apart."""

import numpy as np
import pytest

from cortical_cache.demo.rows import Rows, floating, points, truth, whole
from cortical_cache.demo.server.exchange import Fault
from cortical_cache.demo.server.filters import Condition, Operator, matching


@pytest.mark.parametrize(
    ("point", "low", "high", "inside"),
    [
        (300000.3, 300000.31, 300001.0, True),  # rounded outwards as float32
        (300000.28, 300000.31, 300001.0, True),
        (300000.2, 300000.31, 300001.0, False),
        (300000.31, 299999.0, 300000.3, True),
        (16777217.0, 16777218.0, 16777220.0, True),
        (1000.0, 1000.0, 1001.0, True),
        (1001.0, 1000.0, 1001.0, True),
        (1001.5, 1000.0, 1001.0, False),
    ],
)
def test_boxes_are_compared_as_float32_rounded_outwards(
    point: float,
    low: float,
    high: float,
    inside: bool,
):
    rows = Rows({"pt_position": points(np.array([[point, 5.0, 5.0]]))})
    box = [[low, 0.0, 0.0], [high, 10.0, 10.0]]

    found = matching(rows, [Condition("pt_position", "spatial", box)])

    assert found.tolist() == [inside]


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        ("equal", 2**53 + 1, [False, True, False]),
        ("equal", float(2**53), [True, False, False]),
        ("equal", 2**63, [False, False, False]),
        ("less", 2**63, [True, True, True]),
        ("greater", -(2**70), [True, True, True]),
        ("greater", 2**53 + 0.5, [False, True, True]),
        ("less_equal", 4.5, [False, False, False]),
    ],
)
def test_whole_numbers_are_compared_exactly(
    operator: Operator, value: float, expected: list[bool]
):
    rows = Rows({"id": whole([2**53, 2**53 + 1, 2**60])})

    assert matching(rows, [Condition("id", operator, value)]).tolist() == expected


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ("greater", [False, True, True]),
        ("less", [False, False, False]),
        ("equal", [True, False, False]),
        ("greater_equal", [True, True, True]),
    ],
)
def test_nan_is_above_everything(operator: Operator, expected: list[bool]):
    rows = Rows({"value": floating([1.0, np.inf, np.nan])})

    assert matching(rows, [Condition("value", operator, 1)]).tolist() == expected


def test_truth_has_no_order():
    """The server's query builder refuses it: 'operators can be used with None'."""
    rows = Rows({"valid": truth([True, False])})

    with pytest.raises(Fault, match="can be used with None/True/False"):
        matching(rows, [Condition("valid", "greater", value=False)])
