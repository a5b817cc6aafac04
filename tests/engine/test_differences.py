"""Each documented difference from the server, one test a line of the page."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cortical_cache.engine import Engine
from cortical_cache.errors import InvalidQueryError, UnsupportedQueryError
from cortical_cache.model.arguments import join_query, synapse_query, table_query
from cortical_cache.model.blockers import blockers
from cortical_cache.model.held import HeldRows
from cortical_cache.model.shape import Column, ColumnType, TableShape
from tests.engine.kit import CELLS, Hold

PAGE = Path(__file__).parents[2] / "docs" / "differences.md"
ENGINE = Engine()
PLACE = {"datastack": "demo", "version": 3}

TAGS = TableShape(
    "tags",
    "table",
    (
        Column("id", ColumnType.BIGINT),
        Column("valid", ColumnType.BOOLEAN),
        Column("target_id", ColumnType.BIGINT),
        Column("tag", ColumnType.VARCHAR),
    ),
    is_merged=True,
    voxel_resolution=(4.0, 4.0, 40.0),
    reference_table="cells",
)
PAIR = [["tags", "target_id"], ["cells", "id"]]


def query(**arguments: object):
    return table_query("cells", **PLACE, **arguments)


def ids(held: HeldRows, **arguments: object) -> list[int]:
    return ENGINE.answer(query(**arguments), {"cells": held})["id"].tolist()


@pytest.fixture
def joined(hold: Hold) -> dict[str, HeldRows]:
    tags = [{"id": n, "target_id": 100 - n, "tag": f"t{n}"} for n in (3, 1, 2)]
    cells = [{"id": n} for n in (97, 98, 99)]
    return {"tags": hold(tags, TAGS), "cells": hold(cells)}


def test_filter_out_dict_filters(hold: Hold):
    held = hold([{"id": 1, "layer": 1}, {"id": 2, "layer": 2}, {"id": 3}])

    assert ids(held, filter_out_dict={"layer": [1]}) == [2, 3]
    assert ids(held, filter_out_dict={"layer": [1, None]}) == [2]


def test_include_zeros_false_leaves_out_root_zero(hold: Hold):
    shape = TableShape(
        "synapses",
        "table",
        tuple(
            Column(name, ColumnType.BIGINT)
            for name in ("id", "pre_pt_root_id", "post_pt_root_id")
        ),
        is_merged=True,
        voxel_resolution=(4.0, 4.0, 40.0),
    )
    roots = [(1, 2), (0, 2), (1, 0), (None, 2)]
    held = hold(
        [
            {"id": n, "pre_pt_root_id": pre, "post_pt_root_id": post}
            for n, (pre, post) in enumerate(roots)
        ],
        shape,
    )
    asked = synapse_query("synapses", **PLACE, include_zeros=False)

    assert ENGINE.answer(asked, {"synapses": held})["id"].tolist() == [0, 3]


def test_a_complete_answer_is_complete(hold: Hold):
    held = hold([{"id": n} for n in range(300_000)])

    assert len(ids(held)) == 300_000


def test_limit_and_offset_choose_by_id(hold: Hold):
    held = hold([{"id": n} for n in (4, 2, 3, 1)])

    assert ids(held, limit=2) == [1, 2]
    assert ids(held, limit=2, offset=2) == [3, 4]


def test_joins_keep_the_order_of_their_tables(joined: dict[str, HeldRows]):
    there = ENGINE.answer(join_query(PAIR, **PLACE), joined)
    back = ENGINE.answer(join_query(PAIR[::-1], **PLACE), joined)

    assert there.columns[:4].tolist() == ["idx", "validx", "target_id", "tag"]
    assert there["idx"].tolist() == [1, 2, 3]
    assert there["idy"].tolist() == [99, 98, 97]
    assert back.columns[0] == "idx"
    assert back["idx"].tolist() == [97, 98, 99]


def test_a_single_column_can_be_selected(hold: Hold):
    assert ids(hold([{"id": 1}]), select_columns=["id"]) == [1]


def test_text_with_percent_matches(hold: Hold):
    held = hold([{"id": 1, "cell_type": "50% sure"}])

    assert ids(held, filter_equal_dict={"cell_type": "50% sure"}) == [1]


def test_get_counts_counts_the_rows_of_a_join(joined: dict[str, HeldRows]):
    asked = table_query("tags", **PLACE, reference_table="cells", get_counts=True)

    assert ENGINE.answer(asked, joined)["count"].tolist() == [3]


def test_a_join_of_three_tables_is_refused():
    with pytest.raises(UnsupportedQueryError, match="SQL"):
        join_query([*PAIR, ["more", "id"]], **PLACE)


def test_filters_on_tables_outside_are_refused():
    with pytest.raises(InvalidQueryError, match="more"):
        join_query(PAIR, **PLACE, filter_equal_dict={"more": {"id": 1}})


@pytest.mark.parametrize("bad", [float(2**53), 864691135336055529.0, 1.5])
def test_float_ids_that_may_have_lost_digits_are_refused(hold: Hold, bad: float):
    held = hold([{"id": n} for n in (1, 2)])

    assert ids(held, filter_in_dict={"id": np.array([1.0, 3.0])}) == [1]
    assert ids(held, filter_greater_dict={"id": 1.5}) == [2]
    assert ids(held, filter_less_dict={"layer": 1e19}) == [], "32 bits lose nothing"
    with pytest.raises(InvalidQueryError):
        ids(held, filter_in_dict={"id": [bad]})


def test_times_with_another_offset_are_refused(hold: Hold):
    with pytest.raises(InvalidQueryError, match="UTC"):
        ids(hold([]), filter_less_dict={"created": "2024-01-01T00:00:00-05:00"})


def test_times_are_iso_8601(hold: Hold):
    with pytest.raises(InvalidQueryError, match="ISO 8601"):
        ids(hold([]), filter_less_dict={"created": "now"})


@pytest.mark.parametrize(
    "wanted",
    [
        range(1, 3),
        (n for n in (1, 2)),
        pd.Series([1, 2, None], dtype="Int64"),
        np.array([1, 2]),
        {1, 2},
        pd.Index([1, 2]),
    ],
    ids=["range", "generator", "series", "array", "set", "index"],
)
def test_filters_take_any_list_of_values(hold: Hold, wanted: object):
    held = hold([{"id": n} for n in (1, 2, 3)])
    asked = query(filter_in_dict={"id": wanted})

    found = ENGINE.answer(asked, {"cells": held})

    assert found["id"].tolist() == [1, 2]
    assert '"inclusive": {"id": [1, 2' in asked.given


def test_the_order_of_text_is_the_servers():
    reason = blockers(query(filter_less_dict={"cell_type": "5P"}), {"cells": CELLS})

    assert "collation" in str(reason)


@pytest.mark.parametrize(
    "pattern", [r"\w", r"(?=a)", r"(a)\1", "[[:alpha:]]", r"\mab", "(?i)µ", "***=a"]
)
def test_patterns_beyond_the_shared_part_are_the_servers(pattern: str):
    asked = query(filter_regex_dict={"cell_type": pattern})

    assert "pattern" in str(blockers(asked, {"cells": CELLS}))


def test_deleted_is_not_held():
    asked = query(filter_equal_dict={"deleted": None})

    assert "deleted" in str(blockers(asked, {"cells": CELLS}))


def test_a_random_sample_is_the_servers():
    assert "differs" in str(blockers(query(random_sample=5), {"cells": CELLS}))


def test_every_line_of_the_page_has_its_test():
    named = re.findall(r"\| `(\w+)` \|$", PAGE.read_text(), re.MULTILINE)

    tests = {name for name in globals() if name.startswith("test_")}
    tests.remove("test_every_line_of_the_page_has_its_test")
    assert {f"test_{name}" for name in named} == tests
    assert len(named) == len(set(named))
