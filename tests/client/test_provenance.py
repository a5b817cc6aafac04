"""Every answer says where it came from, and every request leaves a line in the log."""

import gzip
import io
import logging
import re
from datetime import UTC, datetime, timedelta

import pytest
import requests

from cortical_cache import load_client
from cortical_cache.sources.cave.transfer import tell

LINE = re.compile(
    r"(GET|POST) (http://127\.0\.0\.1:\d+)(/\S+): (?:(\d{3}), )?"
    r"(?:([\d,]+) rows, )?([\d,]+) bytes, \d+\.\d\d s"
)
TABLE, SYNAPSES = "cell_types", "synapses_demo"


@pytest.fixture
def client(server):
    return load_client("demo", version=5)


def roots(client, count=6):
    frame = client.tables[TABLE]().query()
    return [int(one) for one in frame["pt_root_id"].dropna().unique()[:count]]


ASKED = {
    "a table": lambda c: c.tables[TABLE]().query(),
    "a view": lambda c: c.views.synapse_counts().query(),
    "caveclient's": lambda c: c.cached.materialize.query_table(TABLE),
    "synapses": lambda c: c.cached.materialize.synapse_query(post_ids=roots(c)),
    "many roots": lambda c: c.query_synapses(roots(c), pre=True, post=True),
}


@pytest.mark.parametrize("what", ASKED)
def test_a_frame_says_where_it_came_from(client, what):
    before = datetime.now(UTC)

    first = ASKED[what](client)
    told = client.last_source

    assert first.attrs["cortical_cache"]["source"] == told.source
    assert first.attrs["cortical_cache"]["version"] == told.version == 5
    fetched = datetime.fromisoformat(first.attrs["cortical_cache"]["fetched_at"])
    assert fetched == told.fetched_at
    assert before <= fetched <= datetime.now(UTC)
    offline = load_client("demo", version=5, offline=True)
    again = ASKED[what](offline)
    assert again.attrs["cortical_cache"]["source"] == offline.last_source.source
    assert offline.last_source.source == "store"
    assert again.attrs["cortical_cache"]["fetched_at"] == fetched.isoformat()


def test_what_came_from_the_server_says_so(client):
    client.query_synapses(roots(client), pre=True, batch_size=2)
    assert client.last_source.source == "server"

    # A part of it from the server is enough.
    more = client.query_synapses(roots(client, 7), pre=True, batch_size=6)
    if client.last_source.source == "server":
        assert more.attrs["cortical_cache"]["source"] == "server"
    again = client.query_synapses(roots(client, 7), pre=True, batch_size=6)

    assert again.attrs["cortical_cache"]["source"] == "store"


def cells(client):
    return client.tables.nucleus_detection_v0().query()["id"].head(3).tolist()


# Answers that no single query of a table gives: what is asked first, then the question.
COMPUTED = {
    "cells": (cells, lambda c, ids: c.cell_id_to_root_id(ids), 5),
    "no empty cells": (
        cells,
        lambda c, ids: c.cell_id_to_root_id(ids, filter_empty=True),
        5,
    ),
    "roots": (roots, lambda c, ids: c.root_id_to_cell_id(ids), None),
    "SQL": (
        lambda _: [],
        lambda c, _: c.sql(f"SELECT count(*) AS n FROM {TABLE}"),
        None,
    ),
}


@pytest.mark.parametrize("what", COMPUTED)
def test_a_computed_frame_says_whether_the_server_was_asked(client, what):
    prepare, ask, version = COMPUTED[what]
    ids = prepare(client)

    sources = []
    for one in (client, client, load_client("demo", version=5, offline=True)):
        frame = ask(one, ids)
        note = frame.attrs["cortical_cache"]
        assert note == one.last_source.note()
        assert note["version"] == version
        sources.append(note["source"])

    assert sources == ["server", "store", "store"]


def test_an_export_says_where_it_came_from(client, tmp_path):
    folder = tmp_path / "dumps" / "v5"
    folder.mkdir(parents=True)
    (folder / "mine_header.csv").write_text("id,bigint\n")
    (folder / "mine.csv.gz").write_bytes(gzip.compress(b"1\n2\n"))
    client.set_export_cloudpath(str(folder.parent))
    before = datetime.now(UTC)

    notes = []
    for one in (client, client, load_client("demo", offline=True)):
        frame = one.exports.get_table("mine", 5)
        notes.append(frame.attrs["cortical_cache"])
        assert notes[-1] == one.last_source.note()

    assert [one["source"] for one in notes] == ["server", "store", "store"]
    assert {one["version"] for one in notes} == {5}
    (fetched,) = {one["fetched_at"] for one in notes}
    assert before <= datetime.fromisoformat(fetched) <= datetime.now(UTC)


@pytest.mark.parametrize("live", ["live_query", "live_live_query"])
def test_live_answers_say_where_they_came_from(client, live):
    ask = getattr(client.cached.materialize, live)
    moment = client.version_timestamp() + timedelta(seconds=5)

    now = ask(TABLE, datetime.now(UTC))
    assert now.attrs["cortical_cache"]["source"] == "server"
    assert client.last_source.version is None
    ask(TABLE, moment)
    again = ask(TABLE, moment)

    assert again.attrs["cortical_cache"]["source"] == "store"
    assert client.last_source.source == "store"


def lines(caplog):
    told = [one for one in caplog.records if one.name.endswith("cave.transfer")]
    assert all(one.levelno == logging.INFO for one in told)
    return [LINE.fullmatch(one.getMessage()) for one in told]


def test_each_request_leaves_one_line(client, server, caplog):
    caplog.set_level(logging.INFO, "cortical_cache")
    client.tables[TABLE]().query()
    client.get_l2_ids(roots(client, 1)[0])
    client.upload_state_json({"a": 1})
    client.skeletons_exist(root_ids=roots(client, 2))

    told = lines(caplog)

    assert all(told)
    asked = [(one.method, one.path) for one in server.requests]
    shown = [(one[1], one[3]) for one in told]
    first = asked.index(shown[0])
    # caveclient asks for versions of services before anybody can listen.
    unheard = [one for one in asked[first:] if one not in shown]
    assert all("version" in path for _, path in unheard), unheard
    for one, path in shown:
        assert (one, path) in asked
    by_path = {one[3]: one for one in told}
    (query,) = [path for path in by_path if path.endswith(f"/{TABLE}/query")]
    counts = [one for one in told if one[3] == query]
    held = client.cache_status().to_frame().set_index("name")["rows"]
    assert [one[5] for one in counts] == ["1", str(held[TABLE])]  # count, then rows
    assert all(int(one[6].replace(",", "")) > 0 for one in told)
    assert any("connected to" in one.getMessage() for one in caplog.records)


def test_a_request_that_fails_leaves_a_line_with_its_status(client, caplog):
    client.get_datastack_info()
    caplog.set_level(logging.INFO, "cortical_cache")

    with pytest.raises(LookupError):
        client.get_state_json(99)

    assert [(one[3], one[4]) for one in lines(caplog)][-1] == (
        "/nglstate/api/v1/99",
        "404",
    )


def test_the_token_and_queries_of_addresses_stay_out(client, server, caplog):
    caplog.set_level(logging.DEBUG, "cortical_cache")
    client.tables[TABLE](cell_type="BC").query()
    client.upload_state_json({"a": "secret words"})

    assert server.token not in caplog.text
    assert "secret words" not in caplog.text
    assert "?" not in "".join(one[0] for one in lines(caplog))


def test_a_broken_reply_is_told_without_rows(caplog):
    caplog.set_level(logging.INFO, "cortical_cache")
    response = requests.Response()
    response._content = b"no arrow"
    response.raw = io.BytesIO(b"no arrow")
    response.raw.seek(8)
    response.status_code = 200
    response.headers["Content-Type"] = "data.arrow"
    response.url = "http://127.0.0.1:80/x?token=secret"
    response.request = requests.Request("POST", response.url).prepare()

    tell(response, 0.5)

    assert caplog.messages == ["POST http://127.0.0.1:80/x: 8 bytes, 0.50 s"]
