"""Queries: one normal form, one digest, and the way back to caveclient."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cortical_cache.errors import InvalidQueryError
from cortical_cache.model.arguments import (
    join_query,
    synapse_query,
    table_query,
    view_query,
)
from cortical_cache.model.calls import call

PLACE = {"datastack": "demo", "version": 3}
ROOT = str(Path(__file__).parents[2])
BIG = 864_691_135_336_055_529
PAIR = [["tags", "target_id"], ["cells", "id"]]

SAME = [
    {"filter_in_dict": {"id": [BIG, 1, None, 2]}},
    {"filter_in_dict": {"id": (None, 2, 1, BIG, 1)}},
    {"filter_in_dict": {"id": {1, 2, BIG, None}}},
    {"filter_in_dict": {"id": pd.Series([2, 1, BIG, None], dtype="Int64")}},
    {"filter_in_dict": {"id": [np.int64(BIG), np.int32(1), pd.NA, 2]}, "limit": None},
    {"filter_in_dict": {"id": [1, 2, BIG, None]}, "select_columns": []},
]

OTHERS = [
    {"filter_in_dict": {"id": [BIG, 1, 2]}},
    {"filter_out_dict": {"id": [1, 2, BIG, None]}},
    {"filter_in_dict": {"id": ["1"]}},
    {"filter_in_dict": {"id": [1]}},
    {"filter_in_dict": {"id": [1.0]}},
    {"filter_in_dict": {"valid": [True]}},
    {"filter_equal_dict": {"id": 1}},
    {"limit": 1},
    {"offset": 1},
    {"select_columns": ["id", "valid"]},
    {"select_columns": ["valid", "id"]},
    {"desired_resolution": [1, 1, 1]},
    {"split_positions": True},
    {"get_counts": True},
    {"random_sample": 10},
    {"return_df": False},
    {"metadata": False},
    {"reference_table": "other"},
]


def test_one_question_has_one_value_and_one_digest():
    queries = [table_query("cells", **PLACE, **arguments) for arguments in SAME]

    assert len(set(queries)) == 1
    assert len({one.digest() for one in queries}) == 1


def test_every_parameter_is_part_of_the_digest():
    queries = [table_query("cells", **PLACE, **arguments) for arguments in OTHERS]
    queries += [
        table_query("cells", datastack="demo", version=4),
        table_query("cells", datastack="other", version=3),
        view_query("cells", **PLACE),
        join_query(PAIR, **PLACE),
        join_query(PAIR[::-1], **PLACE),
        join_query(PAIR, **PLACE, suffixes=["_a", "_b"]),
        join_query(PAIR, **PLACE, suffixes={"tags": "_a"}),
        join_query(PAIR, **PLACE, select_columns={"tags": ["id"]}),
    ]

    assert len({one.digest() for one in queries}) == len(queries)


def test_the_digest_is_the_same_in_every_process():
    program = (
        "from cortical_cache.model.arguments import table_query\n"
        "print(table_query('cells', datastack='demo', version=3,"
        " filter_in_dict={'id': {3, 1, 2}, 'tag': {'b', 'a'}}).digest())"
    )

    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": ROOT},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert len(found) == 1


def test_the_model_imports_nothing_heavy():
    program = (
        "import sys, cortical_cache.model.arguments, cortical_cache.model.attributes,"
        " cortical_cache.model.blockers, cortical_cache.model.calls\n"
        "heavy = {'numpy', 'pandas', 'pyarrow', 'duckdb'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )

    found = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": ROOT},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert found.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"limit": 0}, "at least 1"),
        ({"limit": 1.5}, "whole number"),
        ({"offset": -1}, "at least 0"),
        ({"filter_in_dict": {"id": 5}}, "list of values"),
        ({"filter_in_dict": {"id": "5"}}, "list of values"),
        ({"filter_in_dict": ["id"]}, "dict"),
        ({"filter_equal_dict": {"id": [5]}}, "one value"),
        ({"filter_equal_dict": {"volume": float("nan")}}, "None"),
        ({"filter_greater_dict": {"id": None}}, "no order"),
        ({"filter_less_dict": {"valid": True}}, "no order"),
        ({"filter_regex_dict": {"tag": 5}}, "text"),
        ({"filter_spatial_dict": {"p": [[0, 0, 0], [1, 1, 0]]}}, "minimum < maximum"),
        ({"filter_spatial_dict": {"p": [[0, 0], [1, 1]]}}, "minimum first"),
        ({"filter_spatial_dict": {"p": [[0, 0, None], [1, 1, 1]]}}, "numbers"),
        ({"select_columns": "id"}, "list of column names"),
        ({"select_columns": {"cells": ["id"]}}, "list of column names"),
        ({"desired_resolution": [4, 4]}, "three numbers"),
        ({"desired_resolution": [4, 4, 0]}, "three numbers"),
    ],
)
def test_arguments_that_cave_refuses_are_refused(arguments: dict, message: str):
    with pytest.raises(InvalidQueryError, match=message):
        table_query("cells", **PLACE, **arguments)


@pytest.mark.parametrize(
    ("tables", "arguments", "message"),
    [
        ([["cells", "id"]], {}, "two different tables"),
        ([["cells", "id"], ["cells", "id"]], {}, "two different tables"),
        (["cells", "tags"], {}, "list of values"),
        (PAIR, {"suffixes": {"tags": "_a", "cells": "_a"}}, "differ"),
        (PAIR, {"suffixes": "_a"}, "dict of suffixes"),
        (PAIR, {"filter_in_dict": {"other": {"id": [1]}}}, "does not have"),
    ],
)
def test_joins_that_cave_refuses_are_refused(
    tables: list, arguments: dict, message: str
):
    with pytest.raises(InvalidQueryError, match=message):
        join_query(tables, **PLACE, **arguments)


def test_times_become_the_text_that_caveclient_sends():
    day = datetime(2024, 1, 2, tzinfo=UTC)
    values = [day, pd.Timestamp(day), np.datetime64("2024-01-02T00:00:00")]

    found = [
        table_query("cells", **PLACE, filter_less_dict={"created": one}).filters[0]
        for one in values
    ]

    assert [one.value for one in found] == [
        "2024-01-02T00:00:00+00:00",
        "2024-01-02T00:00:00+00:00",
        "2024-01-02T00:00:00",
    ]


def test_one_synapse_root_is_equal_and_several_are_in():
    query = synapse_query(
        "synapses", **PLACE, pre_ids=np.int64(BIG), post_ids=np.array([2, 1])
    )

    assert [(one.kind, one.column, one.value) for one in query.filters] == [
        ("in", "post_pt_root_id", (1, 2)),
        ("equal", "pre_pt_root_id", BIG),
    ]


def test_a_reference_table_joins_its_target_under_caveclients_suffixes():
    query = table_query(
        "tags",
        **PLACE,
        reference_table="cells",
        filter_equal_dict={"tag": "a"},
    )

    assert query.tables == ("tags", "cells")
    assert query.suffix_of == (("tags", ""), ("cells", "_ref"))
    assert query.filters[0].table == "tags"
    method, arguments = call(query)
    assert method == "query_table"
    assert arguments["merge_reference"] is True
    assert arguments["filter_equal_dict"] == {"tag": "a"}


def test_a_call_asks_again_what_was_asked():
    given = {
        "filter_in_dict": {"tags": {"id": [3, 1, 1]}},
        "suffixes": {"cells": "_c"},
        "select_columns": {"tags": ["id", "tag"]},
        "desired_resolution": [1, 1, 1],
        "limit": 4,
    }
    query = join_query(PAIR, **PLACE, **given)

    method, arguments = call(query)

    assert method == "join_query"
    assert arguments["tables"] == PAIR
    assert given.items() <= arguments.items()
    assert join_query(**{**PLACE, **given, "tables": arguments["tables"]}) == query
