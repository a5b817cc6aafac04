"""On servers that behave as assumed every probe says so, or why it cannot tell."""

import json
import re
from pathlib import Path

import pytest

from cortical_cache.demo import WorldSettings, build_world
from cortical_cache.selfcheck import PROBES, Outcome
from tests.kit import COMMAND, row_queries, run

SHORT = "the largest table looked at has "
VIEWS = {
    "view-floats": "no view looked at has a column of type float",
    "view-times": "no view looked at has a column of type date-time",
}
DEMO = {"view-times": VIEWS["view-times"], "row-cap": SHORT}
OTHERS = {**VIEWS, "row-cap": SHORT}
MERGED = {"table-times": "a merged version has no `created`"}
LONE = {"join-positions": "no table looked at has the same position as its target"}


@pytest.mark.parametrize(
    ("datastack", "name", "version", "untestable"),
    [
        ("demo", "demo", None, DEMO),
        ("demo", "demo", 4, DEMO | MERGED),
        ("minnie65_public", "minnie_public", None, OTHERS),
        ("minnie65_public", "minnie_public", 1300, OTHERS | MERGED),
        ("v1dd", "v1dd", None, OTHERS),
        ("v1dd", "v1dd", 1207, OTHERS | MERGED),
        ("v1dd_public", "v1dd_public", None, OTHERS | LONE),
    ],
)
def test_all_is_as_assumed_or_not_testable_for_a_known_reason(
    start, examine, datastack, name, version, untestable
):
    cave = start(build_world(WorldSettings(datastack=datastack)))

    found = examine(cave.url, name, version)

    assert list(found) == [probe.name for probe in PROBES]
    differing = {
        name: one.verdict.found
        for name, one in found.items()
        if one.verdict.outcome is Outcome.DIFFERS
    }
    assert differing == {}
    reasons = {
        name: one.verdict.found
        for name, one in found.items()
        if one.verdict.outcome is not Outcome.AS_ASSUMED
    }
    assert set(reasons) == set(untestable)
    for probe, reason in untestable.items():
        assert reasons[probe].startswith(reason)


def test_the_probes_are_small_questions_and_keep_nothing(
    start, examine, store_dir: Path
):
    cave = start()

    examine(cave.url)

    assert len(cave.requests) <= 120
    assert max(one.bytes_out for one in row_queries(cave)) < 100_000
    assert not store_dir.exists()
    assert {one.method for one in cave.requests} == {"GET", "POST"}


def test_every_probe_says_what_it_assumes_and_what_would_follow():
    names = [probe.name for probe in PROBES]

    assert len(set(names)) == len(names)
    for probe in PROBES:
        assert re.match(r"[A-Za-z0-9 ]+: \S", probe.assumes), probe.name
        assert probe.otherwise


def test_the_documentation_lists_every_probe_with_its_assumption():
    page = Path(__file__).parents[2] / "docs" / "selfcheck.md"
    lines = page.read_text(encoding="utf-8").splitlines()

    documented = [line for line in lines if line.startswith("| `")]

    assert documented == [f"| `{one.name}` | {one.assumes} |" for one in PROBES]


def test_the_command_prints_a_line_for_each_probe(server):
    ran = run([COMMAND, "selfcheck", "demo"])

    assert ran.code == 0
    lines = [line.split("\t") for line in ran.out.splitlines()]
    assert lines[0] == ["probe", "outcome", "found"]
    assert [line[0] for line in lines[1:]] == [probe.name for probe in PROBES]
    assert f"about demo v5: {len(PROBES)} probes" in ran.err
    assert re.search(r"^\d+ as assumed, 2 not testable here$", ran.err, re.MULTILINE)


def test_the_command_prints_json(command, server):
    ran = command("selfcheck", "demo", "--json", "--version", "4")

    answer = json.loads(ran.out)
    assert (answer["datastack"], answer["version"]) == ("demo", 4)
    assert set(answer["probes"][0]) == {
        "name",
        "assumes",
        "outcome",
        "found",
        "otherwise",
    }


def test_an_unknown_version_is_told_with_those_there_are(command, server):
    ran = command("selfcheck", "demo", "--version", "99")

    assert ran.code == 1
    assert "no valid version '99' in demo; there are 2, 3, 4, 5" in ran.err


def test_a_server_that_is_not_there_is_an_error(command, server):
    server.stop()

    ran = command("selfcheck", "demo")

    assert ran.code == 1
    assert "did not answer" in ran.err


def test_offline_there_is_nothing_to_check(command, monkeypatch):
    monkeypatch.setenv("CORTICAL_CACHE_OFFLINE", "1")

    ran = command("selfcheck", "demo")

    assert ran.code == 1
    assert "selfcheck needs the network" in ran.err
