"""``cortical-cache sync``: plan, fetch, resume, report."""

import re
import signal
import subprocess
import time
from functools import partial

import pytest

from cortical_cache import load_client
from cortical_cache.demo import LoopbackCave
from tests.kit import COMMAND, Command, in_terminal, is_count, row_queries


@pytest.fixture
def sync(command: Command) -> Command:
    """Return a function that runs ``cortical-cache sync`` in this process."""
    return partial(command, "sync")


def fetched_names(server: LoopbackCave) -> list[str]:
    """Return the tables and views whose rows were asked for, in order."""
    return [
        re.search(r"/(?:table|views)/(\w+)/query", one.path)[1]
        for one in row_queries(server)
        if not is_count(one)
    ]


def test_the_plan_says_what_is_missing_how_much_and_why(sync, server, store_dir):
    ran = sync("demo", "latest", "--dry-run")

    assert ran.code == 0
    lines = [line.split("\t") for line in ran.out.splitlines()]
    assert lines[0] == ["action", "kind", "name", "rows", "size", "why"]
    plan = {line[2]: line for line in lines[1:]}
    assert plan["synapses_demo"][:2] == ["fetch", "table"]
    assert plan["synapses_demo"][3:] == ["19,940", "957.1 kB", "not held"]
    assert plan["synapse_counts"][:2] == ["fetch", "view"]
    assert plan["private_notes"][0] == "skip"
    assert "only be read by its owner" in plan["private_notes"][5]
    assert "demo v5 (2025-06-01): 10 to fetch, 0 held, 1 skipped" in ran.err
    assert re.search(r"about [\d,]+ rows, 1\.\d MB, \d+ s; .* free in ", ran.err)
    assert not fetched_names(server)


def test_the_plan_as_json(sync, server):
    plan = sync("demo", "5", "--dry-run", "--json").json()

    assert (plan["dataset"], plan["version"]) == ("demo", 5)
    assert {"rows", "nbytes", "seconds", "free_bytes", "folder"} <= set(plan)
    assert {one["action"] for one in plan["items"]} == {"fetch", "skip"}
    nuclei = next(one for one in plan["items"] if "detection_v0" in one["name"])
    assert (nuclei["kind"], nuclei["rows"]) == ("table", 561)


def test_after_a_sync_nothing_is_left_to_ask(sync, server, start):
    ran = sync("demo", "5")
    asked = fetched_names(server)
    again = sync("demo", "5")
    asked_again = fetched_names(server)[len(asked) :]
    server.clear_log()

    client = load_client("demo", version=5, offline=True)

    assert ran.code == again.code == 0
    assert ran.out == again.out == ""
    assert "fetched 10 tables and views, 28,502 rows" in ran.err
    assert "0 to fetch, 10 held, 1 skipped" in again.err
    assert len(asked) == 10
    assert not asked_again
    assert client.tables.nucleus_detection_v0().query().shape[0] == 561
    assert client.views.synapse_counts().query().shape[0] == 746
    assert client.cached.materialize.get_table_metadata("cell_types")["schema_type"]
    assert client.cached.schema.schema_definition("synapse")
    assert client.cached.materialize.get_timestamp(5).year == 2025
    assert not server.requests


def test_what_the_cell_id_maps_are_made_of_is_fetched(sync, server):
    ran = sync("demo", "5", "--tables", "cells")

    assert ran.code == 0
    client = load_client("demo", offline=True, version=5)
    dataset = client.dataset
    for name in dataset.cell_tables:
        assert len(client.cached.materialize.query_table(name, merge_reference=False))
    lookup = client.cached.materialize.query_view(dataset.lookup_view)
    assert {"id", "pt_root_id"} <= set(lookup.columns)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--tables", "cell_types"], {"cell_types"}),
        (
            ["--tables", "cell_types", "nucleus_scores", "--views", "synapse_counts"],
            {"cell_types", "nucleus_scores", "synapse_counts"},
        ),
        (["--views", "synapse_counts"], {"synapse_counts"}),
        (
            ["--tables", "core"],
            {
                "cell_types",
                "nucleus_alternative_points",
                "nucleus_detection_lookup",
                "nucleus_detection_v0",
                "proofreading_status_and_strategy",
            },
        ),
        (
            ["--tables", "core", "--exclude", "nucleus_*", "--jobs", "1"],
            {"cell_types", "proofreading_status_and_strategy"},
        ),
        (
            ["--max-rows", "100"],
            {"cells_v1dd_nm", "nucleus_alternative_points", "nucleus_scores"},
        ),
    ],
)
def test_what_is_asked_for_is_fetched_and_nothing_else(sync, options, names, server):
    ran = sync("demo", "5", *options)

    assert ran.code == 0, ran.err
    assert set(fetched_names(server)) == names


def test_large_tables_are_listed_with_the_option_that_includes_them(sync, server):
    ran = sync("demo", "5", "--max-rows", "5000", "--dry-run")

    line = next(one for one in ran.out.splitlines() if "synapses_demo" in one)
    assert line.startswith("skip\ttable\tsynapses_demo\t19,940")
    assert line.endswith("over 5,000 rows; --tables synapses_demo includes it")
    assert "skipped table synapses_demo: over 5,000 rows" in ran.err
    option = line.rpartition("; ")[2].removesuffix(" includes it").split()
    named = sync("demo", "5", "--max-rows", "5000", *option)
    assert "fetched 1 tables and views, 19,940 rows" in named.err


def test_a_killed_sync_goes_on_where_it_stopped(sync, start, monkeypatch, store_dir):
    slow = start(latency=0.12)
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", slow.url)
    arguments = [COMMAND, "sync", "demo", "5", "--jobs", "1"]
    killed = subprocess.Popen(arguments, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while len(fetched_names(slow)) < 5 and time.monotonic() < until:
        time.sleep(0.005)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    held = {one.name for one in load_client("demo").cache_status().holdings}
    before = set(fetched_names(slow))
    slow.clear_log()

    ran = sync("demo", "5")

    assert ran.code == 0
    assert 1 <= len(held) < 10
    assert held <= before
    assert not held & set(fetched_names(slow))
    assert len(held | set(fetched_names(slow))) == 10
    assert f"{10 - len(held)} to fetch, {len(held)} held" in ran.err


def test_an_interrupt_leaves_a_store_that_goes_on(sync, start, monkeypatch):
    slow = start(latency=0.15)
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", slow.url)
    running = subprocess.Popen(
        [COMMAND, "sync", "demo", "5"], stderr=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 60
    while len(fetched_names(slow)) < 3 and time.monotonic() < until:
        time.sleep(0.005)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=30)

    assert running.returncode == 130
    assert said.splitlines()[-1].startswith("cortical-cache: interrupted")
    assert "Traceback" not in said
    assert sync("demo", "5").code == 0


def test_progress_on_a_terminal_and_none_in_a_pipe(sync, server):
    piped = sync("demo", "5", "--tables", "core")

    shown = in_terminal([COMMAND, "sync", "demo", "5"])

    assert "\x1b" not in piped.err
    assert "━" not in piped.err
    assert "━" in shown
    assert "synapses_demo: 19,940 rows" in shown
    assert "fetched 5 tables and views" in shown
    assert "--pin` makes it the default" in shown
    assert "--pin" not in piped.err


def test_the_report_as_json(sync, server):
    report = sync("demo", "5", "--tables", "core", "--json").json()

    assert report["rows"] > 1000
    assert report["failed"] == {}
    assert {one["action"] for one in report["items"]} == {"fetch"}


def test_a_version_that_does_not_exist_names_those_that_do(sync, server):
    ran = sync("demo", "77")

    assert ran.code == 1
    assert ran.err == (
        "cortical-cache: no version '77' in demo; there are 2, 3, 4, 5\n"
    )


def test_an_expired_version_says_so(sync, server):
    ran = sync("demo", "1")

    assert ran.code == 1
    assert "version 1 of demo has expired" in ran.err
    assert "still has 2, 3, 4, 5" in ran.err


def test_a_version_that_is_still_being_made_is_not_taken(sync, server):
    assert "no version '6' in demo" in sync("demo", "6").err


@pytest.mark.parametrize("by", ["environment", "option"])
def test_minnie_public_1484(sync, by, start, minnie_world, monkeypatch, store_dir):
    cave = start(minnie_world)
    option = ["--server", cave.url] if by == "option" else []
    if by == "environment":
        monkeypatch.setenv("CORTICAL_CACHE_SERVER", cave.url)

    ran = sync("minnie_public", "1484", *option)

    assert ran.code == 0, ran.err
    client = load_client("minnie_public", server_address=cave.url, offline=True)
    real = load_client("minnie_public", server_address="https://global.daf-apis.com")
    assert [*store_dir.glob("minnie*")] == [client.cache_dir]
    assert client.cache_dir != real.cache_dir
    assert client.version == 1484
    assert len(client.tables.synapses_pni_2().query()) > 1000


def test_pin_makes_a_version_the_default(sync, server, home):
    ran = sync("demo", "4", "--tables", "cell_types", "--pin")

    assert ran.code == 0
    assert "version 4 is pinned in" in ran.err
    server.clear_log()
    assert load_client("demo").version == 4
    assert not server.requests


def test_a_failed_table_does_not_stop_the_others(sync, server, store_dir):
    sync("demo", "5", "--tables", "cell_types")
    tables = load_client("demo").cache_dir / "v5" / "tables"
    (tables / "nucleus_scores").write_text("in the way\n")

    ran = sync("demo", "5", "--tables", "core", "nucleus_scores")

    assert ran.code == 3
    assert "failed: table nucleus_scores: " in ran.err
    assert "fetched 4 tables and views" in ran.err


def test_offline_sync_is_refused(sync, server, monkeypatch):
    monkeypatch.setenv("CORTICAL_CACHE_OFFLINE", "1")

    ran = sync("demo", "5")

    assert ran.code == 1
    assert "unset CORTICAL_CACHE_OFFLINE" in ran.err
    assert not server.requests
