"""``client.using``: the same store, asked in another way."""

import json

import pytest

from cortical_cache import load_client
from cortical_cache.errors import AmbiguousFilterError, InvalidQueryError
from tests.kit import row_queries

SCORES = "nucleus_scores"


def test_unwidened_a_query_fetches_its_own_rows_only(server):
    client = load_client("demo", version=5)
    asked = {"filter_equal_dict": {"tag": "a"}, "merge_reference": False}

    client.using(widen=False).cached.materialize.query_table(SCORES, **asked)
    bodies = [json.loads(one.body) for one in row_queries(server)]
    assert bodies
    assert all("filter_equal_dict" in one or "filter_in_dict" in one for one in bodies)
    server.clear_log()
    client.cached.materialize.query_table(SCORES, merge_reference=False)

    assert row_queries(server), "the rest was not fetched before"


def test_offline_rows_within_rounding_are_taken_at_face_value_if_allowed(server):
    online = load_client("demo", version=5).cached.materialize
    whole = online.query_table(SCORES, merge_reference=False)
    values = whole["value"].dropna()
    bound = float(values[values.abs() < 1e6].iloc[0])
    client = load_client("demo", version=5, offline=True)
    asked = {"filter_greater_equal_dict": {"value": bound}, "merge_reference": False}

    with pytest.raises(AmbiguousFilterError) as ambiguous:
        client.cached.materialize.query_table(SCORES, **asked)
    assert ambiguous.value.command == (
        "the same call of load_client('demo', offline=False)"
    )
    found = client.using(approximate=True).cached.materialize.query_table(
        SCORES, **asked
    )

    assert set(found["id"]) == set(whole["id"][whole["value"] >= bound])


def test_other_words_for_columns_are_refused(server):
    with pytest.raises(InvalidQueryError, match="'all' or 'held'"):
        load_client("demo").using(columns="some")
