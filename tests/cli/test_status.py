"""``cortical-cache status``: what is stale, expiring, missing, new on the server."""

import gzip
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cortical_cache import load_client
from cortical_cache.registry import resolve
from cortical_cache.repositories.dataset import open_dataset
from cortical_cache.repositories.standing import standing
from cortical_cache.settings import read_settings

NUCLEI = "nucleus_detection_v0"


@pytest.fixture
def held(server):
    """Hold the nuclei of version 4 and some synapses of it."""
    client = load_client("demo", version=4)
    nuclei = client.tables[NUCLEI]().query()
    root = int(nuclei["pt_root_id"].dropna().iloc[0])
    client.using(widen=False).query_synapses(root, pre=True)
    server.clear_log()
    return client


def opened(moment=None, *, offline=None):
    settings = read_settings(offline=offline)
    clock = {} if moment is None else {"clock": lambda: moment}
    return open_dataset(resolve("demo", settings), settings, **clock)


def told(found, state):
    return {one.what: one for one in found if one.state == state}


def test_new_versions_are_named_with_their_command(held, command):
    ran = command("status", "demo", "--json")

    assert ran.code == 0, ran.err
    new = {one["what"]: one for one in ran.json() if one["state"] == "new"}
    assert set(new) == {"v5"}
    assert new["v5"]["command"] == "cortical-cache sync demo 5"
    assert new["v5"]["told"].startswith("frozen on 2025-")


def test_missing_is_what_core_lacks(held, command, server):
    ran = command("status", "demo", "--json")

    missing = {one["what"]: one for one in ran.json() if one["state"] == "missing"}
    assert f"{NUCLEI} of v4" not in missing
    lacking = missing["nucleus_alternative_points of v4"]
    assert lacking["told"] == "not held"
    assert command(*lacking["command"].split()[1:]).code == 0
    again = {one["what"] for one in command("status", "demo", "--json").json()}
    assert "nucleus_alternative_points of v4" not in again


def test_a_table_held_in_part_is_missing(held):
    found = standing(opened(offline=True), ["synapses_demo", NUCLEI, "no_such_table"])

    missing = told(found, "missing")
    assert set(missing) == {"synapses_demo of v4"}
    assert missing["synapses_demo of v4"].told == "held in part"


def test_stale_is_what_the_policy_lets_be_no_older(held):
    assert not told(standing(opened(offline=True), []), "stale")

    later = datetime.now(UTC) + timedelta(days=1, hours=1)
    found = told(standing(opened(later, offline=True), []), "stale")

    assert "tables of v4" in found
    assert "view schemas of v4" not in found  # for ever
    assert not any(one.startswith("versions") for one in found)  # of a session
    today = datetime.now(UTC).date().isoformat()
    assert found["tables of v4"].told == f"as of {today}; asked again when needed"


def test_what_ends_soon_or_is_gone_is_expiring(start, monkeypatch, cave_world):
    demo = cave_world.datastacks["demo"]
    soon = datetime.now(UTC) + timedelta(days=5, hours=1)
    versions = tuple(
        replace(one, expires_on=soon) if one.number == 4 else one
        for one in demo.versions
    )
    demos = {**cave_world.datastacks, "demo": replace(demo, versions=versions)}
    cave = start(replace(cave_world, datastacks=demos))
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", cave.url)
    load_client("demo", version=4).tables[NUCLEI]().query()

    (found,) = told(standing(opened(), []), "expiring").values()

    assert (found.what, found.command) == ("v4", "cortical-cache sync demo 4")
    assert found.told.startswith("expires in 5 days (as of ")


def test_an_export_of_another_generation_is_new(server, tmp_path):
    folder = tmp_path / "bucket" / "v5"
    folder.mkdir(parents=True)
    load_client("demo", version=5).tables[NUCLEI]().query()
    dump = folder / "cells.csv.gz"

    def write(text) -> None:
        dump.write_bytes(gzip.compress(text.encode()))
        (folder / "cells_header.csv").write_text("id\nsize\n")

    write("1,2\n")
    client = load_client("demo", version=5)
    client.set_export_cloudpath(str(tmp_path / "bucket"))
    assert len(client.exports.get_table("cells", 5)) == 1
    assert "export cells v5" not in told(standing(opened(), []), "new")
    write("1,2\n3,4\n")
    client.exports.reset_available_files()

    found = told(standing(opened(), []), "new")["export cells v5"]

    assert found.told == "another generation in the bucket"
    assert found.command == "cortical-cache sync demo 5 --exports cells"


def test_offline_all_is_as_last_known_without_a_request(held, server, monkeypatch):
    online = standing(opened(), [])
    server.clear_log()
    monkeypatch.setenv("CORTICAL_CACHE_OFFLINE", "1")

    assert standing(opened(), []) == online
    assert not server.requests


def test_only_the_list_of_versions_is_asked(held, command, server):
    command("status")

    rows = [one for one in server.requests if "/table" in one.path]
    assert not [one for one in rows if "segmentation" not in one.path]
    assert any(one.path.endswith("/datastack/demo/metadata") for one in server.requests)


def test_nothing_held_is_nothing_to_tell(server, command):
    ran = command("status")

    assert (ran.code, ran.out) == (0, "")
    assert "nothing is stale" in ran.err
    assert not server.requests


def test_lines_have_a_heading(held, command):
    ran = command("status", "demo")

    heading, *lines = [line.split("\t") for line in ran.out.splitlines()]
    assert heading == ["dataset", "state", "what", "found", "command"]
    assert {line[1] for line in lines} == {"missing", "new"}
