"""The plain caveclient that we hand out: every service of it, whenever it is made."""

import inspect
import logging

import numpy as np
import pytest
from caveclient.auth import AuthClient
from caveclient.base import ClientBase
from caveclient.frameworkclient import CAVEclientFull

from cortical_cache import load_client
from cortical_cache.demo.server import troubles
from cortical_cache.errors import (
    NotAuthorizedError,
    ServerUnavailableError,
    SourceError,
)

ASKS = {
    "annotation": lambda cave: cave.annotation.get_tables(),
    "auth": lambda cave: cave.auth.get_tokens(),
    "chunkedgraph": lambda cave: cave.chunkedgraph.get_oldest_timestamp(),
    "info": lambda cave: cave.info.get_datastacks(),
    "l2cache": lambda cave: cave.l2cache.table_mapping(),
    "materialize": lambda cave: cave.materialize.get_versions(),
    "schema": lambda cave: cave.schema.get_schemas(),
    "skeleton": lambda cave: cave.skeleton.get_versions(),
    "state": lambda cave: cave.state.get_state_json(1),
}
AUTH = {
    "auth of users": lambda cave: cave.auth.get_user_information([1]),
    "auth of a group": lambda cave: cave.auth.get_group_users(1),
}


def test_no_service_of_caveclient_is_forgotten():
    made = {
        name
        for name, one in inspect.getmembers(CAVEclientFull)
        if isinstance(one, property)
        and inspect.isclass(kind := inspect.signature(one.fget).return_annotation)
        and issubclass(kind, ClientBase | AuthClient)
    }

    assert made == {*ASKS}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("name", [*ASKS, *AUTH])
def test_every_service_gives_a_silence_up(name, server):
    cave = load_client("demo").cave
    server.befall(troubles.silent(20))

    with pytest.raises(ServerUnavailableError, match="in time"):
        (ASKS | AUTH)[name](cave)
    with pytest.raises(ServerUnavailableError, match="is not asked again for"):
        (ASKS | AUTH)[name](cave)


@pytest.mark.parametrize("name", ["auth", "state", "skeleton"])
def test_every_service_refuses_a_flood(name, server):
    cave = load_client("demo").cave
    server.befall(troubles.garbage(b"[" + b" " * (65 << 20) + b"]"))

    with pytest.raises(SourceError, match="over 67,108,864 bytes; refused"):
        (ASKS | AUTH)[name](cave)


@pytest.mark.parametrize("name", sorted({*ASKS} - {"auth"}))  # has no such list here
def test_every_service_answers(name, server):
    number = load_client("demo").cave.state.upload_state_json({"a": 1})
    asks = ASKS | {"state": lambda cave: cave.state.get_state_json(number)}

    assert asks[name](load_client("demo", server_address=server.url).cave)


def test_a_token_is_shown_to_no_other_server(server, start):
    other = start(token=server.token)
    cave = load_client("demo", server_address=server.url).cave

    with pytest.raises(NotAuthorizedError):
        cave.state.get_state_json(f"{other.url}/nglstate/api/v1/1")

    assert len(other.requests) == 1
    assert "Authorization" in cave.state.session.headers


@pytest.mark.parametrize(
    "trouble", [troubles.cut(0), troubles.gateway(500)], ids=["lost", "500"]
)
def test_what_is_written_is_sent_once(trouble, server):
    client = load_client("demo")
    staged = client.stage_annotations(table_name="nucleus_detection_v0")
    staged.add(
        pt_position=[1, 2, 3],
        bb_start_position=[1, 2, 3],
        bb_end_position=[1, 2, 3],
        volume=1.0,
    )
    server.befall(trouble.on("/annotations$"))
    server.clear_log()

    with pytest.raises(SourceError):
        client.upload_staged_annotations(staged)

    assert [one.method for one in server.requests if one.method != "GET"] == ["POST"]


def test_a_state_is_sent_once(server):
    client = load_client("demo")
    client.cave.state  # noqa: B018  made before
    server.befall(troubles.cut(0).on("/post$"))

    with pytest.raises(ServerUnavailableError):
        client.upload_state_json({"a": 1})

    assert len([one for one in server.requests if one.method == "POST"]) == 1


def test_a_merge_is_sent_once(server):
    cave = load_client("demo").cave
    cave.chunkedgraph  # noqa: B018  made before
    server.befall(troubles.gateway(503).on("/merge$"))
    server.clear_log()

    with pytest.raises(ServerUnavailableError):
        cave.chunkedgraph.do_merge([1, 2], np.zeros((2, 3)))

    assert len(server.requests) == 1


def test_no_record_of_a_retry_has_a_password(ask, server, monkeypatch, caplog):
    monkeypatch.setenv("HTTPS_PROXY", "http://somebody:secret@127.0.0.1:9")
    server.befall(troubles.gateway(503).on("/query$", times=1))

    with caplog.at_level(logging.INFO):
        ask()

    assert any("retry" in one.getMessage() for one in caplog.records)
    assert "secret" not in " ".join(str(vars(one)) for one in caplog.records)
