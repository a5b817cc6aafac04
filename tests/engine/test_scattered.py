"""Some ids of a table that is not sorted by them: the same rows, and less is read."""

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cortical_cache.engine import Engine
from cortical_cache.engine.scattered import is_scattered
from cortical_cache.errors import StoreChangedError
from cortical_cache.model.arguments import table_query
from cortical_cache.model.coverage import Piece
from cortical_cache.model.held import HeldRows
from tests.engine.kit import Hold

ENGINE = Engine()

row = st.fixed_dictionaries(
    {
        "valid": st.booleans() | st.none(),
        "cell_type": st.sampled_from(["23P", "é", "", None]),
        "volume": st.floats(width=32, allow_nan=False) | st.none(),
        "pt_root_id": st.integers(0, 2**63 - 1) | st.none(),
        "pt_position_x": st.integers(-5, 5) | st.none(),
    }
)


def cut(hold: Hold, rows: list[dict], at: int = 5) -> tuple[HeldRows, HeldRows]:
    """Hold the rows in two files of several row groups, and in one file."""
    parts = [hold(rows[:at]), hold(rows[at:])]
    files = [path for one in parts for piece in one.pieces for path in piece.files]
    for path in files:
        pq.write_table(pq.read_table(path), path, row_group_size=2)
    shape = parts[0].shape
    ids = frozenset(one["id"] for one in rows)
    # as a store names the files of a whole table to a query for ids
    return HeldRows(shape, (Piece(tuple(files), "id", ids),)), hold(rows)


def query(**arguments: object):
    return table_query("cells", datastack="demo", version=3, **arguments)


def answer(held: HeldRows, **arguments: object) -> pd.DataFrame:
    found = ENGINE.answer(query(**arguments), {"cells": held})
    assert isinstance(found, pd.DataFrame)
    return found


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(row, min_size=6, max_size=14),
    ids=st.permutations(range(14)),
    asked=st.lists(st.integers(0, 20) | st.none(), min_size=1, max_size=12),
    columns=st.none() | st.sampled_from([["cell_type", "id"], ["pt_root_id", "valid"]]),
    more=st.sampled_from(
        [
            {},
            {"filter_out_dict": {"cell_type": ["23P"]}},
            {"filter_greater_dict": {"layer": 0}},
            {"split_positions": True},
        ]
    ),
)
def test_the_rows_are_those_of_one_file(hold: Hold, rows, ids, asked, columns, more):
    numbered = [{**one, "id": n} for n, one in zip(ids, rows, strict=False)]
    several, one = cut(hold, numbered)
    wanted = {"filter_in_dict": {"id": asked}, "select_columns": columns, **more}

    assert is_scattered(query(**wanted), several)
    assert not is_scattered(query(**wanted), one)
    pd.testing.assert_frame_equal(answer(several, **wanted), answer(one, **wanted))


@pytest.mark.parametrize(
    "arguments",
    [
        {"filter_in_dict": {"id": [1, 2], "pt_root_id": [7]}},
        {"filter_equal_dict": {"cell_type": "23P"}},
        {"filter_in_dict": {"id": [1]}, "limit": 1},
        {"filter_in_dict": {"id": [1]}, "offset": 1},
        {"filter_in_dict": {"id": list(range(10_000))}},
        {"filter_in_dict": {"id": []}},
        {"filter_out_dict": {"id": [1]}},
    ],
)
def test_others_are_read_at_once(hold: Hold, arguments: dict):
    several, one = cut(hold, [{"id": n, "cell_type": "23P"} for n in range(12)])

    assert not is_scattered(query(**arguments), several)
    pd.testing.assert_frame_equal(
        answer(several, **arguments), answer(one, **arguments)
    )


def test_a_file_that_is_gone_is_not_read_past(hold: Hold):
    several, _ = cut(hold, [{"id": n} for n in range(12)])
    Path(several.pieces[0].files[1]).unlink()

    with pytest.raises(StoreChangedError):
        answer(several, filter_in_dict={"id": [1, 11]})
