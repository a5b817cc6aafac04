"""How long a fact is good for."""

from datetime import UTC, datetime, timedelta

import pytest

from cortical_cache import load_client
from cortical_cache.policy.freshness import Fact, is_fresh

NOW = datetime(2025, 6, 1, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


@pytest.mark.parametrize("fact", Fact)
def test_every_fact_has_a_rule_with_a_reason(fact):
    assert fact.rule.reason


@pytest.mark.parametrize(
    ("fact", "age", "fresh"),
    [
        (Fact.TABLES, DAY, True),
        (Fact.TABLES, DAY + SECOND, False),
        (Fact.VERSIONS, SECOND, False),
        (Fact.ROW_COUNTS, 10_000 * DAY, True),
        (Fact.INFO, -SECOND, False),
    ],
)
def test_age_decides(fact, age, fresh):
    assert is_fresh(fact, NOW - age, NOW) is fresh


def test_a_session_asks_for_the_versions_once_and_not_before_it_must(server):
    client = load_client("demo", version=5)
    assert not server.requests

    client.cached.materialize.get_versions()
    client.cached.materialize.get_versions()
    client.version = 4

    asked = [one for one in server.requests if one.path.endswith("/metadata")]
    assert len([one for one in asked if "expired=True" in one.query]) == 1


def test_a_fresh_list_is_not_asked_again_in_another_session(server):
    list(load_client("demo", version=5).tables)
    server.clear_log()

    list(load_client("demo", version=5).tables)

    assert not server.requests
