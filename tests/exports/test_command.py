"""``cortical-cache sync --exports``: from a bucket, or from a dump on this disk."""

import re
from functools import partial

import pytest

from cortical_cache import load_client
from tests.exports.conftest import write_dump
from tests.kit import COMMAND, Command, in_terminal, row_queries

HEADER = "id,bigint\nvalid,boolean\npt_root_id,bigint\n"


@pytest.fixture
def sync(command: Command) -> Command:
    """Return a function that runs ``cortical-cache sync demo``."""
    return partial(command, "sync", "demo")


def test_it_brings_an_export_and_says_what_it_proved(client, sync, server):
    ran = sync("5", "--exports", "nucleus_detection_v0")

    assert ran.code == 0, ran.err
    assert "answers for table nucleus_detection_v0 (proof: count" in ran.err
    server.clear_log()
    rows = load_client("demo", version=5).tables.nucleus_detection_v0().query()
    assert len(rows)
    assert not row_queries(server)
    again = sync("5", "--exports", "nucleus_detection_v0")
    assert "held already" in again.err


def test_the_plan_lists_all_of_a_version(client, sync):
    ran = sync("4", "--exports", "--dry-run")

    lines = [line.split("\t") for line in ran.out.splitlines()]
    assert lines[0] == ["action", "name", "version", "size", "layout", "from"]
    assert {line[0] for line in lines[1:]} == {"fetch"}
    assert "synapses_demo" in {line[1] for line in lines[1:]}
    assert {line[2] for line in lines[1:]} == {"4"}


def test_a_dump_on_this_disk_needs_no_network(client, sync, dumps, monkeypatch):
    path = write_dump(dumps, "mine", HEADER, "2,t,7\n1,f,\n", version=5)
    monkeypatch.setenv("CORTICAL_CACHE_OFFLINE", "1")

    ran = sync("--exports", "--from", str(path))

    assert ran.code == 0, ran.err
    assert "mine v5: brought, 2 rows" in ran.err
    table = load_client("demo", version=5).exports.get_table("mine", 5)
    assert table["id"].tolist() == [1, 2]


def test_on_a_terminal_a_bar_shows_bytes_rows_rate_and_what_is_left(server, dumps):
    rows = "".join(f"{n},t,{n}\n" for n in range(50_000))
    path = write_dump(dumps, "mine", HEADER, rows, version=5)

    shown = in_terminal([COMMAND, "sync", "demo", "--exports", "--from", str(path)])

    (last,) = re.findall(r"mine v5: 100%[^\r\n]*\]", shown)[-1:]
    assert re.search(r"(\d+k)/\1 \[\d\d:\d\d<\d\d:\d\d, .*B/s, 50,000 rows\]", last), (
        last
    )


def test_a_loose_dump_takes_the_version_of_the_command_line(server, sync, dumps):
    inside = write_dump(dumps, "loose", HEADER, "1,t,7\n")
    for one in inside.parent.iterdir():
        one.rename(dumps / one.name)

    ran = sync("--exports", "--from", str(dumps / "loose.csv.gz"))
    assert ran.code == 1
    assert "version" in ran.err

    ran = sync("4", "--exports", "--from", str(dumps / "loose.csv.gz"))
    assert ran.code == 0, ran.err
    assert len(load_client("demo").exports.get_table("loose", 4)) == 1


def test_one_that_fails_is_named_and_the_others_come(server, sync, dumps):
    write_dump(dumps, "good", HEADER, "1,t,7\n")
    write_dump(dumps, "wrong", HEADER, "1,t\n")

    ran = sync("5", "--exports", "--from", str(dumps), "--json")

    assert ran.code == 3
    assert set(ran.json()["failed"]) == {"wrong"}
    assert [one["export"]["name"] for one in ran.json()["exports"]] == ["good"]
    assert "Expected 3 columns, got 2" in ran.err


def test_an_unknown_name_names_near_ones(client, sync):
    ran = sync("5", "--exports", "cell_type")

    assert ran.code == 1
    assert "cell_types" in ran.err
