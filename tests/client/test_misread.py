"""What the server gets wrong comes out right over HTTP, held or not."""

from datetime import UTC, datetime

import pytest

from cortical_cache import load_client
from cortical_cache.errors import InvalidQueryError, UnsupportedQueryError
from cortical_cache.policy.freshness import Fact

SCORES, TYPES, NUCLEI = "nucleus_scores", "cell_types", "nucleus_detection_v0"
JOIN = [[TYPES, "target_id"], [NUCLEI, "id"]]


@pytest.fixture
def large(server):
    """Return the client of a store that takes every table for a large one."""
    client = load_client("demo", version=5)
    store, now = client.repositories.store, datetime.now(UTC)
    for table in (SCORES, TYPES, NUCLEI):
        store.write_fact(f"{Fact.ROW_COUNTS.value}.{table}", 10**7, 5, now)
    return client.cached.materialize


@pytest.fixture
def small(server):
    return load_client("demo", version=5).cached.materialize


def test_exclusions_hold_for_limits_and_counts_of_rows_not_held(large, small):
    ids = small.query_table(NUCLEI)["id"]
    asked = {"filter_out_dict": {"id": ids[1:].tolist()}}

    for ours in (large, small):
        assert ours.query_table(NUCLEI, **asked, limit=9)["id"].tolist() == [ids[0]]
        count = ours.query_table(NUCLEI, **asked, get_counts=True)
        assert count["count"].tolist() == [1]


def test_a_limit_of_one_column(large):
    found = large.query_table(NUCLEI, select_columns=["id"], limit=3)

    assert found.shape == (3, 1)


def test_excluded_values_are_those_of_the_server_not_of_the_reply(small):
    held = small.query_table(NUCLEI)
    shown = float(held["volume"].dropna()[0])  # a Float32: the database has a double

    kept = small.query_table(NUCLEI, filter_out_dict={"volume": [shown]})
    exactly = small.query_table(NUCLEI, filter_equal_dict={"volume": shown})

    assert len(kept) == len(held) - len(exactly)


def test_a_join_too_large_to_hold_is_refused_rather_than_wrong(large):
    with pytest.raises(UnsupportedQueryError, match="ignores filter_out_dict"):
        large.join_query(JOIN, filter_out_dict={TYPES: {"cell_type": ["23P"]}})
    with pytest.raises(UnsupportedQueryError, match="one column"):
        large.join_query(JOIN, select_columns={TYPES: ["cell_type"]})


def test_columns_take_the_suffix_of_their_table_whatever_is_held(large, small):
    chosen = {"select_columns": {NUCLEI: ["id"], TYPES: ["id"]}}

    held, passed = (ours.join_query(JOIN, **chosen) for ours in (small, large))

    assert passed["idx"].sort_values().tolist() == held["idx"].sort_values().tolist()


def test_what_makes_no_sense_is_refused_whatever_is_held(large):
    with pytest.raises(InvalidQueryError, match="UTC"):
        large.query_table(
            NUCLEI, filter_less_dict={"created": "2025-01-01T00:00:00+01:00"}
        )


def test_the_same_question_in_other_words_shows_its_own_words(large):
    first = large.join_query(JOIN, filter_in_dict={TYPES: {"cell_type": ["4P", "23P"]}})
    second = large.join_query(
        JOIN, filter_in_dict={TYPES: {"cell_type": ["23P", "4P"]}}
    )

    assert second.attrs["cortical_cache"]["source"] == "store"
    shown = [one.attrs["filters"]["inclusive"][TYPES] for one in (first, second)]
    assert shown == [{"cell_type": ["4P", "23P"]}, {"cell_type": ["23P", "4P"]}]


def test_records_of_a_limited_question_keep_their_positions_split(small):
    found = small.query_table(NUCLEI, limit=1, return_df=False)

    assert "pt_position_x" in found[0]


@pytest.mark.parametrize(
    "asked",
    [
        {"filter_out_dict": {"deleted": ["2025-01-01T00:00:00"]}},
        {"filter_regex_dict": {"cell_type": "(?<!a)%"}},
    ],
    ids=str,
)
def test_what_neither_side_can_test_is_refused(small, asked):
    with pytest.raises(UnsupportedQueryError, match="the server misreads"):
        small.query_table(TYPES, **asked, merge_reference=False)
