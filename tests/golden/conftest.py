"""Fixtures and the summary of the replay."""

from collections import Counter

import pytest

from tests.golden.world import MANIFEST, World, cases, fill


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return fill(tmp_path_factory.mktemp("golden"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter):
    outcomes = Counter(
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == "golden" and getattr(report, "when", "") == "call"
    )
    if outcomes:
        terminalreporter.section("golden answers")
        for outcome, number in sorted(outcomes.items()):
            terminalreporter.line(f"{number:4d}  {outcome}")


def pytest_generate_tests(metafunc: pytest.Metafunc):
    if "case" in metafunc.fixturenames:
        found = cases()
        missing = pytest.param(None, marks=pytest.mark.skip(f"no {MANIFEST}"))
        metafunc.parametrize(
            "case", found or [missing], ids=[one.id for one in found] or ["missing"]
        )
