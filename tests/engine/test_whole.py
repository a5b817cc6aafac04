"""All rows of a table, read without DuckDB, are the rows that DuckDB would give."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cortical_cache.engine import Engine
from cortical_cache.engine.whole import is_whole
from cortical_cache.errors import StoreChangedError
from cortical_cache.model.arguments import table_query
from cortical_cache.model.coverage import Piece
from cortical_cache.model.held import HeldRows
from tests.engine.kit import Hold

ENGINE = Engine()
EVERY = {"filter_greater_equal_dict": {"id": 0}}
"""True of every row, and a question for DuckDB."""

row = st.fixed_dictionaries(
    {
        "valid": st.booleans() | st.none(),
        "cell_type": st.sampled_from(["23P", "é", "", None]),
        "volume": st.floats(width=32, allow_nan=False) | st.none(),
        "pt_root_id": st.integers(0, 2**63 - 1) | st.none(),
    }
)


def ask(held: HeldRows, **arguments: object):
    query = table_query("cells", datastack="demo", version=3, **arguments)
    answer = ENGINE.answer(query, {"cells": held})
    return answer, is_whole(query, held)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(row, max_size=12),
    ids=st.permutations(range(12)),
    columns=st.none() | st.sampled_from([["cell_type", "id"], ["pt_root_id", "valid"]]),
)
def test_it_is_what_duckdb_gives(hold: Hold, rows: list, ids: list, columns: list):
    numbered = [{**one, "id": n} for n, one in zip(ids, rows, strict=False)]
    # two files, neither by id: as range files of a large table are
    parts = [hold(numbered[:5]), hold(numbered[5:])]
    files = tuple(path for one in parts for piece in one.pieces for path in piece.files)
    held = HeldRows(parts[0].shape, (Piece(files),))

    whole, is_read = ask(held, select_columns=columns)
    asked, is_asked = ask(held, select_columns=columns, **EVERY)

    assert (is_read, is_asked) == (True, False)
    pd.testing.assert_frame_equal(whole, asked)
    assert len(whole) == sum(one["valid"] is True for one in numbered)


def test_a_file_that_is_gone_or_no_parquet_is_not_read_past(hold: Hold):
    held = hold([{"id": 1}])
    path = Path(held.pieces[0].files[0])
    path.write_bytes(b"PAR1" + bytes(64))
    with pytest.raises(StoreChangedError):
        ask(held)
    path.unlink()
    with pytest.raises(StoreChangedError, match="is gone"):
        ask(held)


def test_records_without_columns_are_still_counted(hold: Hold):
    held = hold([{"id": 1}, {"id": 2}])
    asked, _ = ask(held, select_columns=["deleted"], limit=1, return_df=False)
    assert asked == [{}]
