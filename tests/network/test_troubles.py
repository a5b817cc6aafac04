"""Whatever goes wrong on the way: an error of ours, soon, and nothing is kept."""

import re
import socket
from dataclasses import replace

import pyarrow as pa
import pytest

from cortical_cache import load_client
from cortical_cache.demo import ServerSettings
from cortical_cache.demo.server import troubles
from cortical_cache.errors import (
    NotAuthorizedError,
    ServerBusyError,
    ServerError,
    ServerUnavailableError,
    SourceError,
    TruncatedResultError,
)
from tests.kit import python, row_queries

QUERIES = r"/query$"
VERSIONS = r"/datastack/demo/metadata$"


@pytest.mark.usefixtures("nothing_is_stored")
@pytest.mark.parametrize("status", [500, 501, 505, 506, 507, 508, 510, 511])
def test_a_server_that_fails_is_asked_once(status, ask, server):
    server.befall(troubles.gateway(status).on(QUERIES))

    with pytest.raises(ServerError, match=rf"answered {status}"):
        ask()

    assert len(row_queries(server)) == 1


@pytest.mark.usefixtures("nothing_is_stored")
@pytest.mark.parametrize(
    "trouble",
    [
        troubles.gateway(502),
        troubles.gateway(503),
        troubles.gateway(504),
        troubles.gateway(429),
        troubles.rate_limit(),
        troubles.said("canceling statement due to statement timeout"),
    ],
    ids=["502", "503", "504", "429", "limit as 500", "time-out as 500"],
)
def test_a_server_that_stays_busy_is_asked_a_few_times(trouble, ask, server):
    server.befall(trouble.on(QUERIES))

    with pytest.raises(ServerBusyError, match="is busy"):
        ask()

    assert 2 <= len(row_queries(server)) <= 4


@pytest.mark.parametrize(
    "trouble",
    [troubles.rate_limit(), troubles.gateway(503)],
    ids=["limit as 500", "503"],
)
@pytest.mark.parametrize("path", ["/segmentation/.*/is_latest_roots", "/l2cache/"])
def test_every_service_is_asked_again_when_it_is_busy(path, trouble, server):
    client = load_client("demo", version=5)
    root = int(
        client.cached.materialize.query_table("cell_types")["pt_root_id"].dropna()[0]
    )
    server.befall(trouble.on(path, times=1))

    client.cached.chunkedgraph.is_latest_roots([root])
    client.get_l2data(client.get_l2_ids(root)[:3])

    again = [one for one in server.requests if re.search(path, one.path)]
    assert len(again) >= 2


@pytest.mark.parametrize(
    "trouble",
    [troubles.hanging_up(), troubles.cut(100)],
    ids=["no answer", "within the body"],
)
def test_a_connection_that_is_lost_once_is_made_again(trouble, ask, server):
    server.befall(trouble.on(QUERIES, times=1))

    assert len(ask()) == 561


@pytest.mark.usefixtures("nothing_is_stored")
@pytest.mark.parametrize(
    "trouble",
    [troubles.hanging_up(), troubles.cut(0), troubles.cut(1000)],
    ids=["no answer", "no body", "within the body"],
)
def test_a_connection_that_is_always_lost_is_given_up(trouble, ask, server):
    server.befall(trouble.on(QUERIES))

    with pytest.raises(ServerUnavailableError):
        ask()

    assert 2 <= len(row_queries(server)) <= 5  # one counts


@pytest.mark.usefixtures("impatient", "nothing_is_stored")
@pytest.mark.parametrize(
    "trouble",
    [troubles.silent(20), troubles.silent_midway(20)],
    ids=["headers", "body"],
)
def test_a_silence_ends_at_every_stage(trouble, ask, server):
    server.befall(trouble.on(QUERIES))

    with pytest.raises(ServerUnavailableError, match="in time"):
        ask()

    assert len(row_queries(server)) == 1


@pytest.mark.usefixtures("a_second", "nothing_is_stored")
def test_an_answer_that_trickles_is_given_up(ask, server):
    """Each byte comes in time, and all of them after twice what the whole may take.

    What it says tells this from a silence, which a busy machine may see between two.
    """
    slow = replace(troubles.garbage(b"x" * 60), trickle=0.2)
    server.befall(slow.on(QUERIES))

    with pytest.raises(ServerUnavailableError, match="did not end its answer in time"):
        ask()

    assert len(row_queries(server)) == 1


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "path",
    [
        "^/info/version",
        "^/info/api",
        "^/materialize/api/versions",
        "^/materialize/version",
        VERSIONS,
    ],
)
def test_a_silence_ends_in_what_caveclient_asks_of_itself(path, server):
    """It takes no time-outs: after twenty seconds it would have its answer."""
    server.befall(troubles.silent(20).on(path))

    with pytest.raises(ServerUnavailableError):
        load_client("demo").version  # noqa: B018  it is the access that asks


@pytest.mark.usefixtures("impatient")
def test_a_host_that_takes_no_connection_is_given_up(monkeypatch):
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        address = listening.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:  # more than it queues: the next finds no place
            one.setblocking(False)  # noqa: FBT003  its only one
            one.connect_ex(address)
        monkeypatch.setenv("CORTICAL_CACHE_SERVER", f"http://127.0.0.1:{address[1]}")

        with pytest.raises(ServerUnavailableError, match="in time"):
            load_client("demo").version  # noqa: B018  it is the access that asks

        for one in waiting:
            one.close()


@pytest.mark.usefixtures("nothing_is_stored")
@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        (troubles.of_type("text/html"), ServerError),
        (troubles.of_type("application/json"), ServerError),
        (troubles.garbage(b""), ServerUnavailableError),
        (troubles.garbage(b"\xff\xff\xff\xff\0\0\0\0"), ServerError),
        (troubles.garbage(b"x" * 1000 + b"\xff\xff\xff\xff\0\0\0\0"), ServerError),
        (troubles.shortened(2_000), ServerUnavailableError),
    ],
    ids=["html", "json", "empty", "no schema", "garbage", "truncated"],
)
def test_what_is_no_whole_answer_is_not_believed(trouble, error, ask, server):
    server.befall(trouble.on(QUERIES))

    with pytest.raises(error):
        ask()


@pytest.mark.parametrize("by", [-1, 1, 10_000])
def test_rows_that_the_server_counts_otherwise_are_not_believed(by, start, store_dir):
    cave = start(row_cap=561)  # an exact fit: the warning comes, and a count decides
    client = load_client("demo", version=5, server_address=cave.url)
    cave.befall(troubles.miscounted(by).on(QUERIES))

    with pytest.raises(TruncatedResultError):
        client.cached.materialize.query_table("nucleus_detection_v0")

    assert not [
        one
        for one in store_dir.rglob("commits/*.json")
        if b'"kind":"whole"' in one.read_bytes()
    ]


def test_a_table_cut_without_a_word_is_not_believed_whole(start, store_dir):
    cave = start(row_cap=300)
    client = load_client("demo", version=5, server_address=cave.url)
    cave.befall(troubles.unwarned().on(QUERIES))

    with pytest.raises(TruncatedResultError, match="300 rows came, the server counts"):
        client.cached.materialize.query_table("nucleus_detection_v0")

    assert not [
        one
        for one in store_dir.rglob("commits/*.json")
        if b'"kind":"whole"' in one.read_bytes()
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[1]",
        b"[{}]",
        b'"text"',
        b"{}",
        b'{"a":1}',
        b'[{"table_name":"../../x"}]',
        b'{"../../x":{}}',
        b'{"\\u001b[2J":{}}',
        b"[" * 150_000,
        b"\xff\xfe",
    ],
)
@pytest.mark.parametrize("path", [VERSIONS, "/tables/metadata$", "/views$"])
def test_records_of_another_kind_are_an_error_of_ours(path, body, server):
    server.befall(troubles.garbage(body).on(path))
    client = load_client("demo")

    try:
        list(client.tables)
        list(client.views)
    except (SourceError, LookupError):
        return
    assert path == "/views$"
    assert body == b"{}"  # none


@pytest.mark.usefixtures("nothing_is_stored")
def test_a_redirect_is_not_followed_and_takes_no_token_along(ask, server, start):
    other = start()
    server.befall(troubles.login_page(f"{other.url}/info/api/v2/datastacks"))

    with pytest.raises(NotAuthorizedError, match="cortical-cache login"):
        ask()

    assert not other.requests
    assert len(row_queries(server)) == 1


@pytest.mark.usefixtures("nothing_is_stored")
def test_a_redirect_to_its_own_login_page_is_told(ask, server):
    server.befall(troubles.login_page(f"{server.url}/sticky_auth/api/v1/authorize"))

    with pytest.raises(NotAuthorizedError, match="cortical-cache login"):
        ask()


@pytest.mark.usefixtures("nothing_is_stored")
def test_an_expired_token_is_told_with_the_command(ask, server):
    server.befall(troubles.expired_token())

    with pytest.raises(NotAuthorizedError, match="cortical-cache login") as caught:
        ask()

    assert server.token not in str(caught.value)
    assert len(row_queries(server)) == 1


TERMS = """
import sys
from cortical_cache import load_client
from cortical_cache.errors import NotAuthorizedError
client = load_client("demo", version=5)
asks = {
    "a table": lambda: client.cached.materialize.query_table("cell_types"),
    "versions": lambda: client.cached.materialize.get_versions(),
    "roots": lambda: client.cached.chunkedgraph.is_latest_roots([2]),
    "info": lambda: client.cached.info.get_datastack_info(),
    "plain": lambda: client.cave,
}
try:
    asks[sys.argv[1]]()
except NotAuthorizedError as error:
    print(error)
"""


@pytest.mark.parametrize("name", ["a table", "versions", "roots", "info", "plain"])
def test_no_browser_is_opened_for_terms_of_service(name, server, tmp_path):
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >> {opened}\n')
    browser.chmod(0o755)
    form = f"{server.url}/terms"
    server.befall(troubles.missing_terms(form).on("/api/v"))

    ran = python(f"import sys; sys.argv[1:] = [{name!r}]{TERMS}", BROWSER=str(browser))

    assert f"terms of service accepted first: {form}" in ran.out, ran.err
    assert not opened.exists()


def test_rows_that_unpack_to_far_more_are_refused(ask, server):
    rows = pa.table({"id": pa.array([0], pa.int64()).take([0] * 20_000_000)})
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, rows.schema, options=options) as writer:
        writer.write_table(rows)
    server.befall(troubles.garbage(sink.getvalue().to_pybytes()).on(QUERIES))

    with pytest.raises(SourceError, match="times as many; refused"):
        ask()


def test_a_row_of_megabytes_is_refused(ask, server):
    rows = pa.table({"id": [1], "tag": ["x" * (1 << 20) + "y"]})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    server.befall(troubles.garbage(sink.getvalue().to_pybytes()).on(QUERIES))

    with pytest.raises(SourceError, match="bytes of text; refused"):
        ask()


def test_json_over_64_megabytes_is_refused(server):
    server.befall(troubles.garbage(b"[" + b" " * (65 << 20) + b"]").on(VERSIONS))

    with pytest.raises(SourceError, match="over 67,108,864 bytes; refused"):
        load_client("demo").version  # noqa: B018  it is the access that asks


def test_a_loopback_cave_recovers(start):
    cave = start()
    assert isinstance(cave.settings, ServerSettings)
    cave.befall(troubles.gateway(500))
    with pytest.raises(SourceError):
        load_client("demo", server_address=cave.url).version  # noqa: B018  it asks

    cave.recover()

    assert load_client(
        "demo", server_address=cave.url
    ).cached.materialize.get_versions()
