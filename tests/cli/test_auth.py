"""``login`` and ``auth status``: caveclient's own token files, and no others."""

import json
import stat
from urllib.parse import urlsplit

import pytest
from caveclient.auth import AuthClient

from tests.kit import COMMAND, PYTHON, run

WRONG = "0badc0de" * 4


@pytest.fixture
def no_token(server, home):
    """Return a server whose token is not on this machine."""
    for file in home.rglob("*cave-secret.json"):
        file.unlink()
    return server


def login(token: str):
    return run([COMMAND, "login", "demo"], stdin=token)


def test_login_keeps_a_token_where_caveclient_finds_it(no_token, home):
    ran = login(no_token.token + "\n")

    assert ran.code == 0, ran.err
    (file,) = home.rglob("*cave-secret.json")
    assert AuthClient(server_address=no_token.url).token == no_token.token
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert str(file) in ran.err
    assert no_token.token not in ran.out + ran.err
    words = "secret", "token", no_token.token
    others = [one for one in home.rglob("*") if one.is_file() and one != file]
    assert not [one for one in others if any(w in one.read_text() for w in words)]


WATCHED = """
import os, sys

def watch(event, arguments):
    path, mode = (*arguments, "")[:2] if event == "open" else ("", "")
    if str(path).endswith("cave-secret.json") and mode == "w":
        print(oct(os.stat(path).st_mode & 0o777), flush=True)

os.umask(0)
sys.addaudithook(watch)
from cortical_cache.cli.app import run
sys.exit(run(["login", "demo"]))
"""


@pytest.mark.parametrize("before", [None, '{"token": "' + WRONG + '"}'])
def test_the_file_is_private_before_the_token_is_in_it(before, no_token, home):
    folder = home / ".cloudvolume" / "secrets"
    file = folder / f"{urlsplit(no_token.url).netloc}-cave-secret.json"
    if before is not None:
        file.write_text(before)
        file.chmod(0o644)

    ran = run([PYTHON, "-c", WATCHED], stdin=no_token.token)

    assert ran.code == 0, ran.err
    assert ran.out.split() == ["0o600"]
    assert json.loads(file.read_text()) == {"token": no_token.token}


@pytest.mark.parametrize("token", [WRONG, "nonsense", "", "0" * 31 + "g"])
def test_a_token_that_is_refused_is_neither_kept_nor_shown(token, no_token, home):
    ran = login(token)

    assert ran.code == 1
    assert ran.err.count("\n") == 1
    assert not [*home.rglob("*cave-secret.json")]
    if token:
        assert token not in ran.out + ran.err


def test_status_asks_each_server_whether_it_takes_its_token(server, command):
    good = command("auth", "status", "demo")

    server.clear_log()
    told = command("auth", "status", "--json").json()

    assert good.code == 0
    assert good.out.splitlines()[1].split("\t")[:2] == [server.url, "accepted"]
    assert told[0]["accepted"] is True
    assert server.token not in good.out + good.err + json.dumps(told)


def test_status_of_a_refused_token(server, command, home):
    (file,) = home.rglob("*cave-secret.json")
    file.write_text(json.dumps({"token": WRONG}))

    ran = command("auth", "status", "demo")

    assert ran.code == 1
    assert ran.out.splitlines()[1].split("\t")[1] == "refused"
    assert WRONG not in ran.out + ran.err


def test_status_without_tokens_names_both_global_servers(command, monkeypatch):
    monkeypatch.setenv("CORTICAL_CACHE_OFFLINE", "1")

    ran = command("auth", "status")

    lines = {line.split("\t")[0]: line.split("\t") for line in ran.out.splitlines()}
    assert lines["https://global.daf-apis.com"][1] == "none"
    assert lines["https://global.em.brain.allentech.org"][1] == "none"
    assert ran.code == 1


def test_status_offline_asks_nobody(server, command, monkeypatch):
    monkeypatch.setenv("CORTICAL_CACHE_OFFLINE", "1")
    server.clear_log()

    ran = command("auth", "status", "demo")

    assert ran.out.splitlines()[1].split("\t")[1] == "not checked"
    assert not server.requests


def test_status_of_a_server_that_is_down(command, monkeypatch, home):
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", "http://127.0.0.1:9")
    folder = home / ".cloudvolume" / "secrets"
    folder.mkdir(parents=True)
    (folder / "cave-secret.json").write_text(json.dumps({"token": WRONG}))

    ran = command("auth", "status", "demo")

    assert "http://127.0.0.1:9 did not answer" in ran.err
    assert ran.out.splitlines()[1].split("\t")[1] == "not checked"
    assert WRONG not in ran.out + ran.err
