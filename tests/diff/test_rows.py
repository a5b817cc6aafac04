"""The engine's comparison against plain Python, on any values."""

import math
from dataclasses import replace
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortical_cache.engine.diff import differences
from cortical_cache.errors import UnsupportedQueryError
from cortical_cache.model.coverage import Piece
from cortical_cache.model.held import HeldRows
from cortical_cache.model.shape import Column, ColumnType, TableShape

TYPES = {
    Column("id", ColumnType.BIGINT): pa.int64(),
    Column("valid", ColumnType.BOOLEAN): pa.bool_(),
    Column("pt_root_id", ColumnType.BIGINT): pa.int64(),
    Column("volume", ColumnType.DOUBLE): pa.float32(),
    Column("cell_type", ColumnType.VARCHAR): pa.string(),
    Column("checked", ColumnType.BOOLEAN): pa.bool_(),
}
SHAPE = TableShape("t", "table", (*TYPES,), is_merged=True, voxel_resolution=(1, 1, 1))
COMPARED = SHAPE.columns[2:]
NAMES = [one.name for one in COMPARED]

ROOTS = st.sampled_from([None, 0, 1, 864691135336055529, 864691135336055530])
FLOATS = st.none() | st.sampled_from([0.0, 1.5, math.nan, math.inf, -math.inf])
ROW = st.tuples(
    st.booleans(),
    ROOTS,
    FLOATS | st.floats(width=32, allow_nan=False),
    st.none() | st.sampled_from(["", "a", "A", "a ", "%"]),
    st.none() | st.booleans(),
)
ROWS = st.dictionaries(st.integers(-3, 12), ROW, max_size=12)


def held(rows, folder, name, kind="table"):
    """Put rows, as a mapping of id to values, on disk."""
    records = [dict(zip(SHAPE.stored_columns, (i, *r), strict=True)) for i, r in rows]
    schema = pa.schema([(one.name, type_) for one, type_ in TYPES.items()])
    path = f"{folder}/{name}.parquet"
    pq.write_table(pa.Table.from_pylist(records, schema), path)
    return HeldRows(replace(SHAPE, kind=kind), (Piece((path,)),))


def same(one, other):
    if one is None or other is None:
        return one is other
    both_nan = isinstance(one, float) and math.isnan(one) and math.isnan(other)
    return both_nan or one == other


def compared(old, new):
    """Compare in plain Python: id to None, or to the names of what differs."""
    old = {i: row[1:] for i, row in old.items() if row[0]}
    new = {i: row[1:] for i, row in new.items() if row[0]}
    found = {}
    for one in old.keys() ^ new.keys():
        found[one] = "removed" if one in old else "added"
    for one in old.keys() & new.keys():
        pairs = zip(NAMES, old[one], new[one], strict=True)
        differing = {name for name, a, b in pairs if not same(a, b)}
        if differing:
            found[one] = differing
    return len(old), len(new), found


def read(differing):
    found = {}
    for row in differing.to_pylist():
        if not (row["in_old"] and row["in_new"]):
            found[row["id"]] = "removed" if row["in_old"] else "added"
            assert not any(row[f"differs_{place}"] for place in range(len(NAMES)))
        else:
            found[row["id"]] = {
                name for place, name in enumerate(NAMES) if row[f"differs_{place}"]
            }
    return found


@settings(deadline=None, max_examples=60)
@given(old=ROWS, new=ROWS)
def test_exactly_the_rows_that_differ(old, new):
    with TemporaryDirectory() as folder:
        sides = [
            held(rows.items(), folder, name) for name, rows in (("a", old), ("b", new))
        ]

        rows_old, rows_new, differing = differences(*sides, COMPARED)

    assert (rows_old, rows_new, read(differing)) == compared(old, new)
    assert differing["id"].to_pylist() == sorted(differing["id"].to_pylist())


def test_the_values_of_both_sides_come_with_it(tmp_path):
    old = held([(1, (True, None, 1.5, "a", True))], tmp_path, "a")
    new = held([(1, (True, 7, 1.5, None, True))], tmp_path, "b")

    _, _, differing = differences(old, new, COMPARED)

    (row,) = differing.to_pylist()
    assert (row["old_0_0"], row["new_0_0"]) == (None, 7)
    assert (row["old_2_0"], row["new_2_0"]) == ("a", None)


def test_a_view_with_two_rows_of_one_id_is_refused(tmp_path):
    row = (True, 1, 1.0, "a", True)
    old = held([(1, row), (1, row)], tmp_path, "a", kind="view")
    new = held([(1, row)], tmp_path, "b", kind="view")

    with pytest.raises(UnsupportedQueryError, match="several rows of one id"):
        differences(old, new, COMPARED)


def test_rows_of_an_export_differ_from_a_reply_only_where_it_can_show_it(tmp_path):
    columns = (
        Column("id", ColumnType.BIGINT),
        Column("volume", ColumnType.DOUBLE),
        Column("pt_position", ColumnType.POINT),
    )
    shape = replace(SHAPE, columns=columns)
    exact = np.array([0.1, 0.1, math.nan, 1e300, 2.5, 1 + 2**-30, math.inf])
    told = exact.astype(np.float64).clip(-np.inf, np.inf)
    with np.errstate(over="ignore"):
        told = told.astype(np.float32)
    told[1] = np.nextafter(told[1], np.float32(1))  # the next value that it can show
    points = np.array([0.5, 1.5, 2.5, -0.5, 7.2, 7.6, 8.0])
    shown = np.array([0, 2, 2, 0, 7, 8, 9], np.int32)  # halves to even; the last is off
    ids = np.arange(7)
    axes = ("pt_position_x", "pt_position_y", "pt_position_z")
    export = {"id": ids, "volume": exact} | dict.fromkeys(axes, points)
    reply = {
        "id": ids,
        "volume": pa.array(told, pa.float32(), mask=np.isnan(told)),
    } | dict.fromkeys(axes, shown)
    pq.write_table(pa.table(export), tmp_path / "export.parquet")
    pq.write_table(pa.table(reply), tmp_path / "reply.parquet")
    old = HeldRows(shape, (Piece((str(tmp_path / "export.parquet"),)),), exact=True)
    new = HeldRows(shape, (Piece((str(tmp_path / "reply.parquet"),)),))

    _, _, differing = differences(old, new, columns[1:])
    _, _, none = differences(old, old, columns[1:])

    assert differing["id"].to_pylist() == [1, 6]
    assert differing["differs_0"].to_pylist() == [True, False]
    assert differing["differs_1"].to_pylist() == [False, True]
    assert not none.num_rows
