"""``cortical-cache ls`` and ``info``: what is held, without a network."""

import pytest

from cortical_cache import load_client
from tests.kit import COMMAND, python, run


@pytest.fixture
def filled(server):
    for version in (2, 5):
        load_client("demo", version=version).tables.cell_types().query()
    load_client("demo", version=5).views.synapse_counts().query()
    server.clear_log()
    return server


def test_ls_lists_versions_rows_bytes_age_and_source(filled, command, store_dir):
    ran = command("ls")

    assert ran.code == 0
    heading, *lines = [line.split("\t") for line in ran.out.splitlines()]
    assert heading == [
        "dataset",
        "version",
        "kind",
        "name",
        "extent",
        "rows",
        "size",
        "age",
        "source",
        "on the server",
    ]
    held = {(line[1], line[3]): line for line in lines}
    types = held["5", "cell_types"]
    assert types[:6] == ["demo", "5", "table", "cell_types", "whole", "512"]
    assert types[6].endswith("kB")
    assert types[7:9] == ["just now", filled.url]
    assert types[9].startswith("until 2125-06-02 (as of ")
    assert ("2", "cell_types") in held
    assert ran.err.endswith(f"held in {store_dir}\n")
    assert not filled.requests


def test_ls_as_json(filled, command):
    held = command("ls", "demo", "--json").json()

    assert {one["version"] for one in held} == {2, 5}
    assert all(one["nbytes"] > 0 and one["fetched_at"] for one in held)


def test_ls_of_an_empty_store(command):
    ran = command("ls")

    assert (ran.code, ran.out) == (0, "")
    assert ran.err.startswith("0 B held in ")


def test_info_says_where_and_which_versions(filled, command, store_dir):
    ran = command("info", "demo")

    lines = [line.split("\t") for line in ran.out.splitlines()]
    told = {line[0]: line[1] for line in lines if len(line) == 2}
    assert told["datastack"] == "demo"
    assert told["server_address"] == filled.url
    assert told["folder"].startswith(str(store_dir))
    assert told["lookup view"] == "nucleus_detection_lookup"
    assert [line[:4] for line in lines if len(line) > 2] == [
        ["version", "frozen", "row sets", "rows"],
        ["2", "2024-07-01", "2", "1,035"],
        ["5", "2025-06-01", "3", "1,819"],
    ]
    assert not filled.requests


def test_info_as_json(filled, command):
    told = command("info", "demo", "--json").json()

    assert [one["version"] for one in told["versions"]] == [2, 5]
    assert told["versions"][1]["row_sets"] == 3


@pytest.mark.parametrize("name", ["ls", "info", "sync", "login"])
def test_an_unknown_dataset_is_told_in_one_line(name, command):
    ran = command(name, "minnie_publik")

    assert ran.code == 1
    assert ran.err.startswith(
        "cortical-cache: no dataset 'minnie_publik' in the known datasets; "
        "there are minnie_public"
    )
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [["sync"], ["nonsense"], ["sync", "demo", "x"], ["ls", "--nonsense"]],
    ids=" ".join,
)
def test_a_wrong_command_line_is_2(arguments):
    ran = run([COMMAND, *arguments])

    assert (ran.code, ran.out) == (2, "")
    assert "Traceback" not in ran.err


def test_the_reader_of_a_pipe_may_leave(filled):
    ran = run(["bash", "-o", "pipefail", "-c", f"{COMMAND} ls | true"])

    assert "Traceback" not in ran.err
    assert "BrokenPipe" not in ran.err


def test_a_bug_keeps_its_traceback():
    ran = python(
        "import sys; from cortical_cache.cli import app\n"
        "app.app.command(lambda: 1 / 0, name='bug'); app.run(['bug'])\n"
    )

    assert "ZeroDivisionError" in ran.err
    assert ran.code == 1
