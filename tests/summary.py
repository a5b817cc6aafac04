"""What recorded answers came to, counted at the end of a run."""

from collections import Counter

import pytest

__all__ = ["summarise"]


def summarise(reporter: pytest.TerminalReporter, name: str, title: str) -> None:
    """Count the values of a property that tests recorded, one line a value.

    Parameters
    ----------
    reporter : pytest.TerminalReporter
    name : str
        Of the property, as given to `record_property`.
    title : str
        Of the section; there is none if no test recorded the property.
    """
    outcomes = Counter(
        value
        for reports in reporter.stats.values()
        for report in reports
        for key, value in getattr(report, "user_properties", ())
        if key == name and getattr(report, "when", "") == "call"
    )
    if outcomes:
        reporter.section(title)
        for outcome, number in sorted(outcomes.items()):
            reporter.line(f"{number:4d}  {outcome}")
