"""The summary of the recorded answers through our client."""

import pytest

from tests.summary import summarise


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter):
    summarise(terminalreporter, "facade", "golden answers through the client")
