"""Frames: columns, dtypes, positions, order."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from caveclient.materializationengine import concatenate_position_columns
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cortical_cache.engine import Engine, records, without_autapses
from cortical_cache.errors import StoreChangedError, UnknownNameError
from cortical_cache.model.arguments import table_query, view_query
from cortical_cache.model.coverage import Piece
from cortical_cache.model.held import HeldRows
from cortical_cache.model.shape import Column, ColumnType, TableShape
from tests.engine.kit import Hold

ENGINE = Engine()
PLACE = {"datastack": "demo", "version": 3}
AXES = ("x", "y", "z")

coordinate = st.integers(-(2**31), 2**31 - 1) | st.none()
points = st.lists(st.tuples(coordinate, coordinate, coordinate), max_size=8)


def ask(held: HeldRows, **arguments: object):
    query = table_query("cells", **PLACE, **arguments)
    return ENGINE.answer(query, {"cells": held})


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(points)
def test_positions_are_caveclients_own_concatenation(hold: Hold, some: list):
    rows = [
        {"id": n, **dict(zip((f"pt_position_{a}" for a in AXES), point, strict=True))}
        for n, point in enumerate(some)
    ]
    held = hold(rows)

    found = ask(held)

    expected = concatenate_position_columns(ask(held, split_positions=True))
    assert list(found.columns) == list(expected.columns)
    assert found.dtypes.to_dict() == expected.dtypes.to_dict()
    pairs = zip(found["pt_position"], expected["pt_position"], strict=True)
    for ours, theirs in pairs:
        assert ours.dtype == theirs.dtype
        assert ours.tolist() == theirs.tolist()
        assert [type(one) for one in ours.tolist()] == list(map(type, theirs.tolist()))
        assert ours.flags.writeable


def test_columns_of_a_view_that_spell_xyz_are_concatenated(hold: Hold):
    shape = TableShape(
        "means",
        "view",
        tuple(Column(f"a_{axis}", ColumnType.DOUBLE) for axis in AXES),
        is_merged=False,
        voxel_resolution=(4.0, 4.0, 40.0),
    )
    held = hold([{"a_x": 0.5, "a_y": 1.0, "a_z": 2.0}], shape)

    found = ENGINE.answer(view_query("means", **PLACE), {"means": held})

    assert list(found.columns) == ["a"]
    assert found["a"][0].tolist() == [0.5, 1.0, 2.0]
    none = ENGINE.answer(
        view_query("means", **PLACE, filter_greater_dict={"a_x": 1}), {"means": held}
    )
    assert str(none["a"].dtype) == "float64", "as pandas makes a column of nothing"


def test_missing_roots_are_shown_as_one_but_found_as_missing(hold: Hold):
    held = hold([{"id": 1}, {"id": 2, "pt_root_id": 5}])

    found = ask(held, filter_equal_dict={"pt_root_id": None})

    assert found["pt_root_id"].tolist() == [1]
    assert found["pt_supervoxel_id"].tolist() == [1]
    assert ask(held, filter_in_dict={"pt_root_id": [1]}).empty


def test_merged_versions_show_missing_roots_as_missing(hold: Hold, cells: TableShape):
    held = hold([{"id": 1}], replace(cells, is_merged=True))

    assert ask(held)["pt_root_id"].isna().tolist() == [True]


def test_rows_are_ordered_by_id_and_pages_are_disjoint_and_whole(hold: Hold):
    held = hold([{"id": n} for n in (5, 3, 9, 1, 7)])

    pages = [ask(held, limit=2, offset=at)["id"].tolist() for at in (0, 2, 4, 6)]

    assert pages == [[1, 3], [5, 7], [9], []]


def test_counts_ignore_the_limit_but_not_the_offset(hold: Hold):
    held = hold([{"id": n} for n in range(5)])

    counted = ask(held, get_counts=True, limit=2, offset=1)

    assert counted["count"].tolist() == [4]
    assert str(counted["count"].dtype) == "int64"


def test_records_hold_what_json_can(hold: Hold):
    held = hold([{"id": 864_691_135_336_055_529, "volume": 0.1}])

    (record,) = ask(held, return_df=False)

    assert record["id"] == 864_691_135_336_055_529
    assert record["volume"] == 0.1000000015
    assert record["pt_position_x"] is None


def test_rows_without_columns_are_records_all_the_same():
    assert records(pd.DataFrame(index=range(3))) == [{}, {}, {}]
    assert records(pd.DataFrame({"id": []})) == []


def test_pieces_with_keys_give_each_row_once(hold: Hold, cells: TableShape):
    rows = [{"id": n, "pt_root_id": 100 + n % 3} for n in range(30)]
    ((path,),) = (piece.files for piece in hold(rows).pieces)
    held = HeldRows(
        cells,
        (
            Piece((path,), "pt_root_id", frozenset({100})),
            Piece((path,), "pt_root_id", frozenset(range(101, 300))),
            Piece((path,), "pt_root_id", frozenset()),
        ),
    )

    assert ask(held)["id"].tolist() == list(range(30))


@pytest.mark.parametrize("split_positions", [False, True])
@pytest.mark.parametrize("kind", ["table", "view"])
def test_no_pieces_are_an_answer_without_rows(
    kind: str, split_positions: object, hold: Hold, cells: TableShape
):
    shape = replace(cells, kind=kind)
    build = table_query if kind == "table" else view_query
    query = build(
        "cells", **PLACE, filter_in_dict={"id": []}, split_positions=split_positions
    )

    none = ENGINE.answer(query, {"cells": HeldRows(shape, ())})

    pd.testing.assert_frame_equal(
        none, ENGINE.answer(query, {"cells": hold([], shape)})
    )
    assert ENGINE.count(query, {"cells": HeldRows(shape, ())}) == 0


def test_views_without_ids_keep_the_order_of_their_file(hold: Hold):
    shape = TableShape(
        "texts",
        "view",
        (Column("tag", ColumnType.VARCHAR), Column("empty", ColumnType.BIGINT)),
        is_merged=False,
        voxel_resolution=(4.0, 4.0, 40.0),
    )
    held = hold([{"tag": tag} for tag in "zbya"], shape)
    query = view_query("texts", **PLACE, limit=3, offset=1)

    found = ENGINE.answer(query, {"texts": held})

    assert found["tag"].tolist() == list("bya")
    # All of a view's values are missing: the server can only tell text.
    assert str(found["empty"].dtype) == "string"


def test_exact_values_are_rounded_only_when_shown(hold: Hold):
    held = hold(
        [{"id": 1, "volume": 0.1}, {"id": 2, "volume": float("nan")}], exact=True
    )

    found = ask(held, filter_greater_dict={"volume": 0.0999999999})

    assert str(found["volume"].dtype) == "Float32"
    assert found["volume"].isna().tolist() == [False, True]
    assert ask(held, filter_equal_dict={"volume": 0.1})["id"].tolist() == [1]


def test_autapses_and_rows_without_a_root_are_removed():
    synapses = pd.DataFrame(
        {"pre_pt_root_id": [1, 2, None, 4], "post_pt_root_id": [1, 3, 5, 4]},
        dtype="Int64",
    )
    synapses.attrs["table_name"] = "synapses"

    found = without_autapses(synapses)

    assert found.index.tolist() == [1]
    assert found.attrs == synapses.attrs


def test_a_file_that_is_gone_is_an_error_of_the_store(cells: TableShape):
    held = HeldRows(cells, (Piece(("/nowhere/1.parquet",)),))

    with pytest.raises(StoreChangedError):
        ask(held)


def test_a_table_that_is_not_held_is_named():
    query = table_query("cells", **PLACE)

    with pytest.raises(UnknownNameError, match="cells"):
        ENGINE.answer(query, {})


def test_rows_count_though_the_server_drops_every_selected_column(hold: Hold):
    held = hold([{"id": 1}, {"id": 2}])

    found = ask(held, select_columns=["deleted"])

    assert found.shape == (2, 0)


def test_resolution_is_applied_to_shown_positions_only(hold: Hold):
    held = hold(
        [{"id": 1, "pt_position_x": 50, "pt_position_y": 7, "pt_position_z": 3}]
    )
    box = {"pt_position": [[49, 6, 2], [51, 8, 4]]}

    found = ask(held, desired_resolution=[1, 1, 4], filter_spatial_dict=box)

    assert found["pt_position"][0].tolist() == [200, 28, 30]
    assert found["pt_position"][0].dtype == np.int64
