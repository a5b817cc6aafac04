"""The summary of the recorded answers through our client."""

from collections import Counter

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter):
    outcomes = Counter(
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == "facade" and getattr(report, "when", "") == "call"
    )
    if outcomes:
        terminalreporter.section("golden answers through the client")
        for outcome, number in sorted(outcomes.items()):
            terminalreporter.line(f"{number:4d}  {outcome}")
