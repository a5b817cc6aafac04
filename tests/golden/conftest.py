"""Fixtures and the summary of the replay."""

import pytest

from tests.golden.world import MANIFEST, World, cases, fill
from tests.summary import summarise


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return fill(tmp_path_factory.mktemp("golden"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter):
    summarise(terminalreporter, "golden", "golden answers")


def pytest_generate_tests(metafunc: pytest.Metafunc):
    if "case" in metafunc.fixturenames:
        found = cases()
        missing = pytest.param(None, marks=pytest.mark.skip(f"no {MANIFEST}"))
        metafunc.parametrize(
            "case", found or [missing], ids=[one.id for one in found] or ["missing"]
        )
