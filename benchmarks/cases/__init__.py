"""Every case, by name."""

from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module

from benchmarks.model import Case

__all__ = ["GROUPS", "SIZES", "all_cases", "case_of", "in_order"]

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


def in_order(names: Iterable[str]) -> list[str]:
    """Return names of cases in the order of the page, whenever they were measured."""
    named = list(names)
    ends = {name.rpartition(" of ")[2] for name in named}
    sizes = sorted(int(one) for one in ends if one.isdecimal())
    places = {
        one.name: at for at, one in enumerate(all_cases(tuple(sizes) or SIZES["quick"]))
    }
    return sorted(named, key=lambda name: places.get(name, len(places)))


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
