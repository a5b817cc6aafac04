"""Every case, by name."""

from collections.abc import Iterator
from functools import cache
from importlib import import_module

from benchmarks.model import Case

__all__ = ["GROUPS", "SIZES", "all_cases", "case_of"]

GROUPS = (
    "exports",
    "synapses",
    "connections",
    "flywire",
    "tables",
    "notebook",
    "cells",
    "sql",
    "level2",
    "meshes",
    "locking",
    "startup",
    "syncing",
    "processes",
)
SIZES = {"quick": (1_000_000,), "full": (1_000_000, 5_000_000, 20_000_000)}


def _of(group: str, sizes: tuple[int, ...]) -> Iterator[Case]:
    yield from import_module(f"benchmarks.cases.{group}").cases(sizes)


def all_cases(sizes: tuple[int, ...]) -> list[Case]:
    """Return the cases for tables of these sizes, in the order of the page."""
    return [case for group in GROUPS for case in _of(group, sizes)]


@cache
def case_of(name: str) -> Case:
    """Return a case by its name, which ends with the size of its table if it has one.

    Raises
    ------
    KeyError
        If there is none of that name.
    """
    group, _, rest = name.partition("/")
    size = rest.rpartition(" of ")[2]
    sizes = (int(size),) if size.isdecimal() else SIZES["full"]
    found = {case.name: case for case in _of(group, sizes)}
    return found[name]
