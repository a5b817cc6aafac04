"""The doctor finds what ails, and says what to do."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from cortical_cache import load_client

CHECKS = (
    "packages",
    "disk",
    "file system",
    "locks",
    "format",
    "damage",
    "token",
    "server",
    "clock",
)


@pytest.fixture
def examine(command):
    """Return a function that gives the outcome and the words of each check."""

    def examine(code: int) -> dict[str, tuple[str, str]]:
        ran = command("doctor", "demo", "--json")
        assert ran.code == code, ran.err
        return {
            one["check"]: (one["outcome"], one["said"]) for one in json.loads(ran.out)
        }

    return examine


def test_where_all_is_well_it_says_so(server, examine, command):
    load_client("demo", version=5).cached.materialize.query_table(
        "cell_types", merge_reference=False
    )

    found = examine(0)

    assert tuple(found) == CHECKS
    well = ("packages", "locks", "format", "damage", "token", "server", "clock")
    assert {found[name][0] for name in well} == {"fine"}
    assert found["server"][1] == "demo has versions 2 to 5"
    assert "caveclient 8" in found["packages"][1]
    assert command("doctor", "demo").out.startswith("check\toutcome\tfound\n")


def test_it_leaves_nothing_behind(server, examine, store_dir):
    examine(0)

    assert not list(store_dir.glob("**/.lock*"))


def test_damage_is_bad(server, examine):
    client = load_client("demo", version=5)
    client.cached.materialize.query_table("cell_types", merge_reference=False)
    (path,) = (client.cache_dir / "v5" / "tables" / "cell_types").glob("*.parquet")
    path.write_bytes(b"")

    outcome, said = examine(1)["damage"]

    assert outcome == "bad"
    assert "`cortical-cache repair demo`" in said


def test_offline_the_server_is_not_asked(server, examine, monkeypatch):
    monkeypatch.setenv("CORTICAL_CACHE_OFFLINE", "1")

    found = examine(0)

    assert found["server"] == ("look", "not asked: offline")
    assert not server.requests


def test_a_server_that_is_away_is_bad(server, examine):
    server.stop()

    found = examine(1)

    assert found["server"][0] == "bad"


def test_a_server_that_is_away_is_bad_though_its_versions_are_remembered(
    server, examine
):
    load_client("demo", version=5).cached.materialize.get_versions()
    server.stop()

    outcome, said = examine(1)["server"]

    assert outcome == "bad"
    assert "did not answer" in said or "not asked again" in said


def test_a_clock_that_is_wrong_is_noticed(start, examine, monkeypatch):
    late = start(clock=lambda: datetime.now(UTC) - timedelta(minutes=5))
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", late.url)

    outcome, said = examine(0)["clock"]

    assert outcome == "look"
    assert said.endswith("ahead of the server's")


def test_a_chosen_version_that_is_gone_is_noticed(server, examine, monkeypatch):
    monkeypatch.setenv("CORTICAL_CACHE_VERSION", "1")

    outcome, said = examine(0)["server"]

    assert outcome == "look"
    assert "not 1, which is chosen" in said
