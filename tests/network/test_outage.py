"""An outage costs one wait, and what may be served stale is, with a warning."""

import logging

import pytest

from cortical_cache import load_client
from cortical_cache.demo.server import troubles
from cortical_cache.errors import (
    ServerBusyError,
    ServerError,
    ServerUnavailableError,
)
from cortical_cache.sources.cave.breaker import REST_SECONDS, Breaker, Watch
from tests.kit import row_queries

VERSIONS = r"/datastack/demo/metadata$"


@pytest.mark.parametrize(
    "trouble",
    [troubles.silent(60), troubles.hanging_up(), troubles.gateway(503)],
    ids=["silent", "hanging up", "503"],
)
@pytest.mark.usefixtures("impatient")
def test_five_hundred_questions_to_a_dead_server_are_one(trouble, client, server):
    server.befall(trouble)

    for root in range(2, 502):
        with pytest.raises(ServerUnavailableError):
            client.cached.materialize.synapse_query(post_ids=root)

    assert len(server.requests) <= 4  # the attempts of the first
    with pytest.raises(ServerUnavailableError, match="is not asked again for"):
        client.cached.materialize.query_table("cell_types")


@pytest.mark.usefixtures("impatient")
def test_another_client_of_the_process_knows_of_the_outage(client, server):
    server.befall(troubles.silent(60))
    with pytest.raises(ServerUnavailableError):
        client.cached.materialize.query_table("cell_types")
    server.clear_log()

    with pytest.raises(ServerUnavailableError, match="is not asked again for"):
        load_client("demo").cached.chunkedgraph.is_latest_roots([2])

    assert not server.requests


def test_an_error_of_the_server_is_no_outage(ask, server):
    server.befall(troubles.gateway(500).on("/query$", times=1))
    with pytest.raises(Exception, match="answered 500"):
        ask()

    assert len(ask()) == 561
    assert row_queries(server)


@pytest.mark.parametrize(
    "trouble",
    [troubles.rate_limit(), troubles.gateway(429), troubles.said("statement timeout")],
    ids=["limit as 500", "429", "time-out as 500"],
)
def test_an_answer_that_says_later_is_no_outage(trouble, ask, client, server):
    """One query that takes the database too long says nothing of the next."""
    server.befall(trouble.on("/query$", times=4))
    with pytest.raises(ServerBusyError):
        ask()

    assert len(client.cached.materialize.query_table("cell_types")) > 0


def test_a_service_that_is_down_takes_no_other_along(ask, client, server):
    server.befall(troubles.gateway(503).on("^/l2cache/"))
    with pytest.raises(ServerBusyError):
        client.cached.l2cache.get_l2data([1 << 57])
    with pytest.raises(ServerUnavailableError, match="/l2cache is not asked again for"):
        client.cached.l2cache.get_l2data([1 << 57])

    assert len(ask()) == 561


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_after_its_rest_a_server_is_probed_once():
    clock = Clock()
    breaker = Breaker("there", clock)
    breaker.failed("down")
    with pytest.raises(ServerUnavailableError, match="down; there is not asked again"):
        breaker.check()

    clock.now += REST_SECONDS

    breaker.check()  # the probe
    with pytest.raises(ServerUnavailableError):
        breaker.check()  # meanwhile
    breaker.answered()
    breaker.check()


def test_an_answer_that_is_refused_ends_an_outage():
    clock = Clock()
    watch = Watch(Breaker("host", clock), Breaker("host/service", clock))
    watch.ended(ServerUnavailableError("silence"))
    clock.now += REST_SECONDS
    watch.check()  # the probe

    watch.ended(ServerError("the answer is over 64 MB; refused"))

    watch.check()


@pytest.mark.parametrize(
    "trouble",
    [
        troubles.gateway(500),
        troubles.gateway(503),
        troubles.hanging_up(),
        troubles.garbage(b"<html>"),
        troubles.garbage(b"[1]"),
    ],
    ids=["500", "503", "hanging up", "html", "numbers"],
)
def test_a_stale_fact_is_served_with_a_visible_warning(
    trouble, server, store_dir, caplog
):
    before = load_client("demo").cached.materialize.get_versions()
    facts = {path: path.read_bytes() for path in store_dir.rglob("facts/*.json")}
    server.befall(trouble.on(VERSIONS))

    with caplog.at_level(logging.WARNING, "cortical_cache"):
        after = load_client("demo").cached.materialize.get_versions()

    assert after == before
    assert "serving versions as of" in caplog.text
    assert {path: path.read_bytes() for path in facts} == facts
