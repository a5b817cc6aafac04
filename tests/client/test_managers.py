"""``client.tables`` and ``client.views`` are as fresh as the lists they are made of."""

import pytest

from cortical_cache import load_client
from cortical_cache.policy.freshness import Fact


@pytest.mark.parametrize(
    ("kind", "fact"), [("tables", Fact.TABLES), ("views", Fact.VIEWS)]
)
def test_a_manager_follows_the_list_that_it_was_made_of(server, kind, fact):
    client = load_client("demo", version=5)
    catalog = client.repositories.catalog
    first = getattr(client, kind)
    assert getattr(client, kind) is first
    listed = getattr(catalog, kind)(5)
    gone = min(listed)
    assert gone in dir(first)
    rest = {name: one for name, one in listed.items() if name != gone}
    answer = rest if kind == "views" else [*rest.values()]

    catalog._facts.keep(fact, answer, 5)  # as revalidation does

    second = getattr(client, kind)
    assert gone not in dir(second)
    assert len(second) == len(first) - 1
    assert getattr(client, kind) is second
