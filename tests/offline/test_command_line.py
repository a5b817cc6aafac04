"""Every command offline: no socket, and a miss is told in one line."""

import re
import shlex

import pytest

from cortical_cache.cli.app import app
from cortical_cache.settings import read_settings
from tests.offline.kit import require_valid
from tests.offline.surface import NODE, ROOT

COMMANDS: dict[str, list[tuple[str, int]]] = {
    "auth": [("status", 1), ("status demo", 1)],
    "completion": [("bash", 0)],
    "config": [("", 0), ("demo", 0)],
    "diff": [("demo 4 5", 1), ("demo 98 99 nonsense", 1)],
    "doctor": [("demo", 0)],
    "du": [("", 0), ("demo", 0)],
    "export": [("demo 99 --to copies", 1)],
    "fetch": [
        (f"demo {ROOT}", 1),
        (f"demo@99 {ROOT} --meshes", 1),
        (f"demo {NODE}", 1),
        ("demo --state 77", 1),
        ("demo --properties 77", 1),
    ],
    "info": [("demo", 0)],
    "invalidate": [("demo", 1), ("demo 99 --yes", 1)],
    "lock": [("demo 99", 1)],
    "login": [("demo", 1)],
    "ls": [("", 0), ("demo", 0)],
    "pin": [("demo 99", 1)],
    "prune": [("--keep 1", 0), ("demo --keep 1 --yes", 0)],
    "queries": [("", 0)],
    "refresh": [("demo 99", 1), ("demo 99 cell_types --yes", 1)],
    "repair": [("demo", 0)],
    "rm": [("demo 99", 1), ("demo 99 cell_types --yes", 1)],
    "selfcheck": [("demo", 1), ("demo --server https://other.invalid", 1)],
    "sql": [
        ("demo 'SELECT * FROM cell_types'", 1),
        ("demo@99 'SELECT * FROM exports.cell_types'", 1),
        ("demo --name table_overview --param subject=cell_types", 1),
    ],
    "status": [("", 0), ("demo", 0)],
    "sync": [
        ("demo", 1),
        ("demo 99 --tables cell_types", 1),
        ("demo latest --dry-run", 1),
        ("demo --exports", 1),
        ("demo 99 --exports cell_types --dry-run", 1),
        ("demo 99 --from nothing", 1),
        ("demo --server https://other.invalid", 1),
        ("--locked lock.json", 1),
    ],
    "unpin": [("demo 99", 1)],
    "verify": [("", 0), ("demo --deep", 0)],
}
"""What is asked of each command, and its exit code. `demo` serves itself, so not it."""


def test_every_command_has_its_line():
    named = {name for name in app if not name.startswith("-")}

    assert named - {"demo"} == set(COMMANDS)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (f"{name} {words}".strip(), code)
        for name, lines in COMMANDS.items()
        for words, code in lines
    ],
)
def test_a_command_opens_no_socket_offline(line, code, nowhere, command, monkeypatch):
    monkeypatch.setenv("CORTICAL_CACHE_OFFLINE", "1")

    ran = command(*shlex.split(line))

    assert ran.code == code, ran.err
    assert not nowhere
    if code and not line.startswith("auth"):
        (said,) = ran.err.splitlines()
        assert said.startswith("cortical-cache: ")
        assert "Traceback" not in said
        for named in re.findall(r"`(cortical-cache [^`]*)`", said):
            require_valid(named)


@pytest.mark.parametrize("line", ["sync demo", "selfcheck demo", "login demo"])
def test_a_command_that_needs_the_network_says_where_that_was_forbidden(
    line, nowhere, command, monkeypatch
):
    monkeypatch.setenv("CORTICAL_CACHE_OFFLINE", "1")

    ran = command(*line.split())

    needs = f"{line.split()[0]} needs the network; unset CORTICAL_CACHE_OFFLINE, or"
    assert needs in ran.err
    assert str(read_settings().config_file) in ran.err


def test_a_fetch_does_not_name_itself(nowhere, command, monkeypatch):
    monkeypatch.setenv("CORTICAL_CACHE_OFFLINE", "1")

    ran = command("fetch", "demo", str(ROOT))

    assert f"the layer-2 leaves of {ROOT} are not cached, and fetch needs" in ran.err
    assert "run `" not in ran.err


def test_a_lock_is_not_fetched_offline(server, request, command, monkeypatch, tmp_path):
    for table in ("cell_types", "nucleus_detection_v0"):
        assert command("sync", "demo", "5", "--tables", table).code == 0
    locked = command("lock", "demo", "5")
    (tmp_path / "lock.json").write_text(locked.out)
    assert command("rm", "demo", "5", "cell_types", "--yes", "--pinned").code == 0
    server.stop()
    attempts = request.getfixturevalue("no_sockets")
    monkeypatch.setenv("CORTICAL_CACHE_OFFLINE", "1")

    ran = command("sync", "--locked", str(tmp_path / "lock.json"), "--json")

    assert ran.code == 3
    problems = {one["name"]: one["problem"] for one in ran.json()}
    assert problems["nucleus_detection_v0"] is None
    assert (
        "run `cortical-cache sync demo 5 --tables cell_types`"
        in (problems["cell_types"])
    )
    assert not attempts
