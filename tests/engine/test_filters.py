"""Filters against a plain-Python reading of the same rows."""

import operator
from datetime import UTC, datetime

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cortical_cache.engine import Engine
from cortical_cache.errors import (
    InvalidQueryError,
    UnknownNameError,
)
from cortical_cache.model.arguments import table_query
from cortical_cache.model.held import HeldRows
from tests.engine.kit import Hold

ENGINE = Engine()
PLACE = {"datastack": "demo", "version": 3}

BIG = 864_691_135_336_055_529
ids = st.sampled_from([0, 1, 2**53, 2**53 + 1, BIG, BIG + 1, 2**63 - 1, -(2**63)])
texts = st.sampled_from(["23P", "", "4p", "it's", 'a"b', "50%", "µm", "a' or 1=1 --"])
rows_of_cells = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "pt_root_id": ids,
            "cell_type": texts,
            "layer": st.integers(-3, 3),
            "valid": st.booleans(),
        },
    ),
    max_size=12,
).map(lambda rows: [{"id": 10 * n, **row} for n, row in enumerate(rows)])

COMPARISONS = {
    "greater": operator.gt,
    "less": operator.lt,
    "greater_equal": operator.ge,
    "less_equal": operator.le,
}

slow = settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def ask(held: HeldRows, **arguments: object):
    query = table_query("cells", **PLACE, **arguments)
    return ENGINE.answer(query, {"cells": held})


def visible(rows: list[dict]):
    return [row for row in rows if row.get("valid", True)]


@slow
@given(rows_of_cells, st.lists(ids | st.none(), max_size=4))
def test_in_keeps_the_rows_with_one_of_the_values(
    hold: Hold, rows: list[dict], wanted: object
):
    found = ask(hold(rows), filter_in_dict={"pt_root_id": wanted})

    among = {one for one in wanted if one is not None}
    assert found["id"].tolist() == [
        row["id"] for row in visible(rows) if row.get("pt_root_id") in among
    ]


@slow
@given(rows_of_cells, st.lists(texts | st.none(), max_size=4))
def test_out_drops_the_rows_with_one_of_the_values_and_no_other(
    hold: Hold, rows: list[dict], unwanted: list
):
    found = ask(hold(rows), filter_out_dict={"cell_type": unwanted})

    assert found["id"].tolist() == [
        row["id"] for row in visible(rows) if row.get("cell_type") not in unwanted
    ]


@slow
@given(rows_of_cells, st.lists(ids, min_size=70, max_size=90))
def test_long_lists_of_ids_mean_the_same_as_short_ones(
    hold: Hold, rows: list[dict], wanted: object
):
    held = hold(rows)
    padding = list(range(10**6, 10**6 + 100))

    found = ask(held, filter_in_dict={"pt_root_id": wanted + padding})
    rest = ask(held, filter_out_dict={"pt_root_id": [*wanted, None, *padding]})

    chosen = [row for row in visible(rows) if row.get("pt_root_id") in wanted]
    others = [
        row["id"]
        for row in visible(rows)
        if row not in chosen and row.get("pt_root_id") is not None
    ]
    assert found["id"].tolist() == [row["id"] for row in chosen]
    assert rest["id"].tolist() == others


@slow
@given(rows_of_cells, texts | st.none())
def test_equal_finds_the_value_and_none_finds_missing_ones(
    hold: Hold, rows: list[dict], wanted: object
):
    found = ask(hold(rows), filter_equal_dict={"cell_type": wanted})

    assert found["id"].tolist() == [
        row["id"] for row in visible(rows) if row.get("cell_type") == wanted
    ]


@slow
@given(
    rows_of_cells,
    st.sampled_from(sorted(COMPARISONS)),
    ids | st.integers(-(2**70), 2**70) | st.sampled_from([0.5, -0.5, 1e300, -1e300]),
)
def test_comparisons_of_ids_are_exact_at_the_extremes(
    hold: Hold, rows: list[dict], kind: str, bound: object
):
    try:
        found = ask(hold(rows), **{f"filter_{kind}_dict": {"pt_root_id": bound}})
    except InvalidQueryError:
        assert isinstance(bound, float)
        assert abs(bound) >= 2**53
        return

    assert found["id"].tolist() == [
        row["id"]
        for row in visible(rows)
        if row.get("pt_root_id") is not None
        and COMPARISONS[kind](row["pt_root_id"], bound)
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"filter_in_dict": {"pt_root_id": [float(BIG)]}}, "last digits are lost"),
        ({"filter_equal_dict": {"pt_root_id": 1.5}}, "whole numbers"),
        ({"filter_equal_dict": {"cell_type": 5}}, "character varying"),
        ({"filter_equal_dict": {"valid": 1}}, "boolean"),
        ({"filter_equal_dict": {"layer": True}}, "integer"),
        ({"filter_equal_dict": {"pt_root_id": "x"}}, "bigint"),
        ({"filter_equal_dict": {"pt_root_id": "1_0"}}, "bigint"),
        ({"filter_equal_dict": {"volume": "nan"}}, "double"),
        ({"filter_greater_dict": {"created": "yesterday"}}, "ISO 8601"),
        ({"filter_greater_dict": {"created": "2024-01-01T00:00+02:00"}}, "UTC"),
        ({"filter_spatial_dict": {"layer": [[0, 0, 0], [1, 1, 1]]}}, "no position"),
        ({"filter_regex_dict": {"layer": "1"}}, "no text"),
        ({"filter_regex_dict": {"cell_type": "(a"}}, "balanced"),
    ],
)
def test_values_that_the_column_cannot_be_compared_with_are_refused(
    hold: Hold, arguments: dict, message: str
):
    with pytest.raises(InvalidQueryError, match=message):
        ask(hold([]), **arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        {"filter_in_dict": {"nope": [1]}},
        {"filter_greater_dict": {"pt_position_x": 5}},
        {"select_columns": ["id", "nope"]},
    ],
)
def test_unknown_columns_are_named_with_the_nearest_that_exist(
    hold: Hold, arguments: dict
):
    with pytest.raises(UnknownNameError, match="no column"):
        ask(hold([]), **arguments)


@pytest.mark.parametrize(
    ("kind", "bound", "expected"),
    [
        ("greater", 1.5, [2]),
        ("greater_equal", 1.5, [2]),
        ("less", 1.5, [1]),
        ("less_equal", 1.5, [1]),
        ("less_equal", 2**200, [1, 2]),
        ("greater", 2**200, []),
        ("greater_equal", -(2**200), [1, 2]),
        ("less", -(2**200), []),
    ],
)
def test_bounds_between_and_beyond_ids(
    hold: Hold, kind: str, bound: float, expected: list[int]
):
    held = hold([{"id": 1}, {"id": 2}])

    found = ask(held, **{f"filter_{kind}_dict": {"id": bound}})

    assert found["id"].tolist() == expected


def test_numbers_written_as_text_are_read_as_postgresql_does(hold: Hold):
    held = hold([{"id": 1, "pt_root_id": BIG}, {"id": 2, "pt_root_id": 2}])

    found = ask(held, filter_in_dict={"pt_root_id": [str(BIG)]})

    assert found["id"].tolist() == [1]


@pytest.mark.parametrize(
    "bound",
    [
        datetime(2024, 1, 2, tzinfo=UTC),
        "2024-01-02",
        pd.Timestamp("2024-01-02"),
        "2024-01-02T00:00:00Z",
    ],
)
def test_times_compare_as_utc(hold: Hold, bound: object):
    held = hold(
        [
            {"id": day, "created": datetime(2024, 1, day, tzinfo=UTC)}
            for day in (1, 2, 3)
        ]
    )

    found = ask(held, filter_greater_equal_dict={"created": bound})

    assert found["id"].tolist() == [2, 3]


@pytest.mark.parametrize(
    ("pattern", "matching"),
    [
        ("^5P", ["5P-IT"]),
        ("4p", ["4p"]),
        ("(?i)4p", ["4P", "4p"]),
        ("^(BC|MC)$", ["MC"]),
        (r"\d", ["23P", "4P", "4p", "50%", "5P-IT"]),
        ("[^0-9P]$", ["4p", "50%", "5P-IT", "MC", "a\nb"]),
        ("a.b", ["a\nb"]),
        ("P{1,2}", ["23P", "4P", "5P-IT"]),
        (r"\-IT", ["5P-IT"]),
        ("%", ["50%"]),
    ],
)
def test_shared_patterns_match_as_in_postgresql(
    hold: Hold, pattern: str, matching: list[str]
):
    texts = ["23P", "4P", "4p", "50%", "5P-IT", "MC", "a\nb", None]
    held = hold([{"id": n, "cell_type": text} for n, text in enumerate(texts)])

    found = ask(held, filter_regex_dict={"cell_type": pattern})

    assert sorted(found["cell_type"]) == matching
