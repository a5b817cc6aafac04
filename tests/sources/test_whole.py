"""What is stored was proved whole, whatever the server's cap."""

import pytest

from cortical_cache import load_client
from tests.kit import is_count, row_queries

ALL = 19_940


def client(cave):
    return load_client("demo", version=5, server_address=cave.url)


@pytest.mark.parametrize("cap", [ALL, ALL + 1, ALL - 1, 5_000, 900])
def test_a_table_comes_whole_at_any_cap(cap, start):
    cave = start(row_cap=cap)
    whole = client(start()).cached.materialize.query_table("synapses_demo")

    frame = client(cave).cached.materialize.query_table("synapses_demo")

    assert len(frame) == ALL
    assert frame["id"].is_unique
    assert set(frame["id"]) == set(whole["id"])


def test_an_exact_fit_is_proved_by_counting(start):
    cave = start(row_cap=ALL)

    client(cave).cached.materialize.query_table("synapses_demo")

    rows = [one for one in row_queries(cave) if not is_count(one)]
    assert len(rows) == 1


def test_pages_are_asked_once(start):
    cave = start(row_cap=5_000)
    client(cave).cached.materialize.query_table("synapses_demo")
    cave.clear_log()

    again = client(cave).cached.materialize.query_table("synapses_demo")

    assert len(again) == ALL
    assert not cave.requests
