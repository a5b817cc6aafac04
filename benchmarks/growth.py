"""What becomes of a case as its table grows."""

from collections.abc import Iterator
from typing import Any

from benchmarks.cases import case_of
from benchmarks.model import OURS

__all__ = ["families", "grown"]

Figures = dict[str, Any]

LARGE = 5_000_000
"""Rows from which on a table is many files, and what is flat must be flat."""

MOST = 1.5
"""Times what it was, at most, of what must not grow."""


def families(
    run: dict[str, Any], *, least: int = 2
) -> Iterator[tuple[str, dict[int, Figures]]]:
    """Yield what was found of us by rows, for each case that was run at some sizes."""
    found: dict[str, dict[int, Figures]] = {}
    for name, one in run["cases"].items():
        family, _, size = name.rpartition(" of ")
        if size.isdecimal() and OURS in one["jobs"]:
            found.setdefault(family, {})[int(size)] = one["jobs"][OURS]
    yield from (one for one in found.items() if len(one[1]) >= least)


def grown(run: dict[str, Any]) -> Iterator[tuple[str, float, bool]]:
    """Yield the families that must not grow, by how much they have, and the verdict."""
    for family, by in families(run):
        sizes = sorted(rows for rows in by if rows >= LARGE)
        measure = case_of(f"{family} of {max(by)}").flat
        if measure is not None and len(sizes) > 1:
            ratio = by[sizes[-1]][measure] / max(by[sizes[0]][measure], 1e-9)
            yield family, ratio, ratio <= MOST
