"""A busy, slow or broken server: waited for within bounds, and never believed."""

import threading
from dataclasses import replace
from time import monotonic

import pytest

from cortical_cache import load_client
from cortical_cache.errors import (
    InvalidQueryError,
    ServerBusyError,
    ServerUnavailableError,
    VersionExpiredError,
)
from tests.selfcheck.proxy import Asked, Proxy, Told, standing_before

LIMIT = "429 Too Many Requests: 3 per 1 minute"


@pytest.fixture
def open_cave(start):
    """Run a CAVE that asks for no token: a proxy's address has none."""
    return start(require_token=False)


class Failing:
    """Answers the first queries for rows with something else."""

    def __init__(self, times: int, *replies: Told) -> None:
        self.left = times
        self.replies = replies
        self.asked: list[float] = []
        self._lock = threading.Lock()

    def tell(self, asked, told):
        if not asked.is_query:
            return told
        with self._lock:
            self.asked.append(monotonic())
            self.left -= 1
            if self.left < 0:
                return told
            return self.replies[0]


def wrapped(message: str, **headers: str) -> Told:
    """Make the 500 that MaterializationEngine makes of everything."""
    told = Told(500, b"").with_json({"code": 500, "message": message}, 500)
    return replace(told, headers=[*told.headers, *headers.items()])


def ask(cave, failing: Failing):
    with standing_before(cave, Proxy(tell=failing.tell)) as url:
        client = load_client("demo", version=5, server_address=url)
        return client.cached.materialize.query_table("nucleus_detection_v0")


@pytest.mark.parametrize(
    "reply",
    [
        wrapped(LIMIT),
        wrapped("canceling statement due to statement timeout"),
        Told(429, b"slow down"),
        Told(503, b"<html>down</html>"),
    ],
    ids=["limit as 500", "time-out as 500", "429", "503"],
)
def test_a_busy_server_is_asked_again(reply, open_cave):
    failing = Failing(1, reply)

    frame = ask(open_cave, failing)

    assert len(frame) == 561
    assert len(failing.asked) >= 2


def test_retry_after_is_waited_for(open_cave):
    failing = Failing(1, wrapped(LIMIT, **{"Retry-After": "2"}))

    ask(open_cave, failing)

    assert failing.asked[1] - failing.asked[0] >= 2


def test_a_server_that_stays_busy_is_given_up_and_nothing_is_kept(open_cave, store_dir):
    failing = Failing(99, wrapped(LIMIT))

    with pytest.raises(ServerBusyError, match=r"busy .*3 per 1 minute"):
        ask(open_cave, failing)

    assert len(failing.asked) <= 4
    assert not list(store_dir.rglob("*.parquet"))


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("operator does not exist: bigint = text", InvalidQueryError),
        ('database "demo__mat5" does not exist', VersionExpiredError),
    ],
)
def test_what_waiting_cannot_mend_is_asked_once(message, error, open_cave, store_dir):
    failing = Failing(99, wrapped(message))

    with pytest.raises(error):
        ask(open_cave, failing)

    assert len(failing.asked) == 1
    assert not list(store_dir.rglob("*.parquet"))


def half(told: Told) -> bytes:
    return told.body[: len(told.body) // 2]


def schema_only(told: Told) -> bytes:
    """Cut after its schema, an Arrow stream reads as a table without rows."""
    return told.with_rows(told.rows.slice(0, 0)).body[:-8]


@pytest.mark.parametrize("cut", [half, schema_only])
def test_a_stream_that_breaks_off_is_not_believed(cut, open_cave, store_dir):
    def tell(asked: Asked, told: Told) -> Told:
        if asked.is_query and "count=True" not in asked.path:
            return replace(told, body=cut(told))
        return told

    with standing_before(open_cave, Proxy(tell=tell)) as url:
        client = load_client("demo", version=5, server_address=url)

        with pytest.raises(ServerUnavailableError, match="breaks off"):
            client.cached.materialize.query_table("nucleus_detection_v0")

    assert not list(store_dir.rglob("*.parquet"))
