"""Where an answer comes from: the order of the design, as a pure function."""

import pytest

from cortical_cache.model.arguments import table_query
from cortical_cache.policy.answering import (
    SMALL_TABLE,
    Answer,
    Count,
    FetchKeys,
    Known,
    Mirror,
    PassThrough,
    decide,
    key_filters,
)

PAGE = 50_000
LARGE = SMALL_TABLE + 1


def query(**asked: object):
    return table_query("t", datastack="demo", version=3, **asked)


def step(asked, known, *, blocked=None, widen=True, page=PAGE):
    return decide(asked, [known], page=page, blocked=blocked, widen=widen)


def missing(*keys: int):
    return {"pre_pt_root_id": frozenset(keys)}


def test_whole_rows_answer_everything():
    known = Known("t", "table", whole=True, rows=LARGE)

    for asked in ({}, {"limit": 3}, {"get_counts": True}):
        assert isinstance(step(query(**asked), known), Answer)


def test_covered_keys_answer_their_question():
    known = Known("t", "table", whole=False, rows=LARGE, missing=missing())

    found = step(query(filter_in_dict={"pre_pt_root_id": [1]}), known)

    assert found.by == (("t", "pre_pt_root_id"),)


def test_keys_of_a_table_whose_columns_are_unknown_answer_nothing():
    known = Known(
        "t", "table", whole=False, rows=LARGE, missing=missing(), shaped=False
    )

    assert isinstance(step(query(filter_in_dict={"id": [1]}), known), FetchKeys)


@pytest.mark.parametrize(
    ("asked", "keep"),
    [
        ({"get_counts": True}, True),
        ({"random_sample": 5}, False),
        ({"limit": 5}, False),
    ],
    ids=["counts", "sample", "limit"],
)
def test_counts_samples_and_limits_are_passed_on(asked, keep):
    known = Known("t", "table", whole=False, rows=10)

    found = step(query(**asked), known)

    assert isinstance(found, PassThrough)
    assert found.keep is keep


def test_a_table_of_unknown_size_is_counted_first():
    assert isinstance(step(query(), Known("t", "table", whole=False)), Count)


@pytest.mark.parametrize(
    ("rows", "page", "kind"),
    [
        (SMALL_TABLE, 0, Mirror),
        (LARGE, 0, PassThrough),
        (LARGE, LARGE, Mirror),
        (LARGE + 1, LARGE, PassThrough),
    ],
)
def test_a_table_of_one_page_is_mirrored(rows, page, kind):
    known = Known("t", "table", whole=False, rows=rows)

    assert isinstance(step(query(), known, page=page), kind)


def test_of_a_large_table_the_missing_keys_are_fetched():
    known = Known("t", "table", whole=False, rows=LARGE, missing=missing(7, 8))

    found = step(query(filter_in_dict={"pre_pt_root_id": [7, 8, 9]}), known)

    assert (found.column, found.keys) == ("pre_pt_root_id", frozenset({7, 8}))


def test_what_is_blocked_or_not_to_be_widened_is_passed_on():
    small = Known("t", "table", whole=False, rows=10)
    whole = Known("t", "table", whole=True, rows=10)

    assert step(query(), small, widen=False) == PassThrough(
        keep=True, reason="widen=False"
    )
    assert step(query(), whole, blocked="why").reason == "why"


@pytest.mark.parametrize(
    ("asked", "keys"),
    [
        ({"filter_in_dict": {"id": [1, 2]}}, {"id": {1, 2}}),
        ({"filter_equal_dict": {"pt_root_id": 3}}, {"pt_root_id": {3}}),
        (
            {"filter_in_dict": {"id": [1, 2]}, "filter_equal_dict": {"id": 2}},
            {"id": {2}},
        ),
        ({"filter_in_dict": {"cell_type": ["a"]}}, {}),
        ({"filter_out_dict": {"id": [1]}}, {}),
        ({"filter_greater_dict": {"id": 1}}, {}),
    ],
    ids=["in", "equal", "both", "no key", "out", "greater"],
)
def test_keys_are_what_in_and_equal_allow_in_id_columns(asked, keys):
    assert key_filters(query(**asked), "t") == keys
