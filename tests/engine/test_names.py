"""Names of columns: DuckDB does not tell capitals from small letters, CAVE does."""

from dataclasses import replace

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cortical_cache.engine import Engine
from cortical_cache.engine.sort import batches
from cortical_cache.errors import UnsupportedQueryError
from cortical_cache.model.arguments import table_query
from cortical_cache.model.coverage import Piece
from cortical_cache.model.held import HeldRows
from cortical_cache.model.shape import Column, ColumnType
from tests.engine.kit import CELLS, Hold

ENGINE = Engine()


def answer(held: HeldRows, **arguments: object) -> pd.DataFrame:
    query = table_query("cells", datastack="demo", version=3, **arguments)
    found = ENGINE.answer(query, {"cells": held})
    assert isinstance(found, pd.DataFrame)
    return found


@pytest.fixture
def twins(hold: Hold) -> HeldRows:
    columns = (
        Column("id", ColumnType.BIGINT),
        Column("osi", ColumnType.BIGINT),
        Column("OSI", ColumnType.BIGINT),
    )
    rows = [{"id": n, "osi": 10 + n, "OSI": 20 + n} for n in range(3)]
    return hold(rows, replace(CELLS, columns=columns))


def test_columns_that_differ_by_capitals_alone_are_not_taken_for_one(twins):
    whole = answer(twins, select_columns=["OSI", "osi"])

    assert whole.to_dict("list") == {"OSI": [20, 21, 22], "osi": [10, 11, 12]}
    for asked in ({"filter_equal_dict": {"OSI": 21}}, {"limit": 2}):
        with pytest.raises(UnsupportedQueryError, match="osi and OSI"):
            answer(twins, **asked)


def test_nor_are_they_when_rows_are_sorted(tmp_path):
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"id": [2, 1], "a": [1, 2], "A": [3, 4]}), path)

    with pytest.raises(UnsupportedQueryError):
        list(batches([str(path)], ["id", "a", "A"], ["id"]))


@pytest.mark.parametrize("name", ["filename", "Filename", "file_row_number"])
def test_a_column_may_be_called_as_ours_are(hold: Hold, name: str):
    shape = replace(CELLS, columns=(*CELLS.columns, Column(name, ColumnType.VARCHAR)))
    parts = [hold([{"id": n, name: f"{n}"}], shape) for n in range(3)]
    files = tuple(path for one in parts for path in one.pieces[0].files)
    held = HeldRows(shape, (Piece(files),))

    found = answer(held, filter_in_dict={"id": [2, 0]}, select_columns=["id", name])

    assert found.to_dict("list") == {"id": [0, 2], name: ["0", "2"]}
