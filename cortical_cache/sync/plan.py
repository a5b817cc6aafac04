"""What a sync would fetch, and why. Asks for names and counts, fetches no rows."""

import shutil
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from cortical_cache.errors import NotAuthorizedError, UnknownNameError
from cortical_cache.model.dataset import Dataset
from cortical_cache.model.shape import Kind
from cortical_cache.repositories.dataset import Repositories

__all__ = ["MAX_ROWS", "PRESETS", "Action", "Item", "Plan", "Selection", "make_plan"]

MAX_ROWS = 5_000_000
"""Rows up to which a table is mirrored unless it is asked for by name or size."""

# Estimates for the plan only. 48 B: synapses and nuclei in this layout take 44 to 54
# bytes a row. 20,000 rows/s: a reply of 200,000 rows in ten seconds.
_BYTES_PER_ROW = 48
_ROWS_PER_SECOND = 20_000
_SECONDS_PER_TABLE = 0.5

Action = Literal["fetch", "held", "skip"]


@dataclass(frozen=True, slots=True)
class Selection:
    """What the user wants mirrored.

    Attributes
    ----------
    tables, views : tuple of str or None
        Names, or presets (`PRESETS`); None: all, unless the other is given.
    exclude : tuple of str
        Shell patterns of names to leave out.
    max_rows : int
        Larger tables are left out, unless named.
    """

    tables: tuple[str, ...] | None = None
    views: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    max_rows: int = MAX_ROWS


@dataclass(frozen=True, slots=True)
class Item:
    """One table or view of a plan.

    Attributes
    ----------
    kind : {"table", "view"}
    name : str
    action : {"fetch", "held", "skip"}
    rows : int or None
        By the server's count, or held.
    nbytes : int
        On this disk: held, or estimated.
    reason : str
    """

    kind: Kind
    name: str
    action: Action
    rows: int | None
    nbytes: int
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a sync of one version would do.

    Attributes
    ----------
    dataset : str
    version : int
    timestamp : datetime
        When the version was frozen, UTC.
    items : tuple of Item
        Tables first, by name.
    folder : str
        Where it goes.
    free_bytes : int
        Free space there.
    """

    dataset: str
    version: int
    timestamp: datetime
    items: tuple[Item, ...]
    folder: str
    free_bytes: int

    @property
    def to_fetch(self) -> tuple[Item, ...]:
        """The items that are to be fetched."""
        return tuple(item for item in self.items if item.action == "fetch")

    @property
    def rows(self) -> int:
        """Rows to fetch."""
        return sum(item.rows or 0 for item in self.to_fetch)

    @property
    def nbytes(self) -> int:
        """Bytes that will take on this disk, estimated at 48 a row."""
        return sum(item.nbytes for item in self.to_fetch)

    @property
    def seconds(self) -> float:
        """Time that will take, estimated at 20,000 rows a second."""
        tables = len(self.to_fetch) * _SECONDS_PER_TABLE
        return tables + self.rows / _ROWS_PER_SECOND

    @property
    def fits(self) -> bool:
        """Whether the disk has room for it."""
        return self.nbytes < self.free_bytes


def core(dataset: Dataset) -> tuple[str, ...]:
    """Return the names of the preset ``core``.

    Nuclei and their alternatives, the lookup view, cell types, proofreading.
    """
    lookup = (dataset.lookup_view,) if dataset.lookup_view else ()
    return (*dataset.cell_tables, *lookup, *dataset.core_tables)


def cells(dataset: Dataset) -> tuple[str, ...]:
    """Return the names of the preset ``cells``: what the cell id maps are made of."""
    lookup = (dataset.lookup_view,) if dataset.lookup_view else ()
    return (*dataset.cell_tables, *lookup)


PRESETS = {"core": core, "cells": cells}


def make_plan(
    repositories: Repositories,
    version: int,
    selection: Selection,
    *,
    jobs: int = 4,
) -> Plan:
    """Find out what is missing of a version.

    Refreshes the lists of tables and views and their metadata, and counts the rows
    of what is not held, `jobs` at once.

    Parameters
    ----------
    repositories : Repositories
    version : int
    selection : Selection
    jobs : int
        Requests at once.

    Returns
    -------
    Plan

    Raises
    ------
    UnknownNameError
        If there is no such version, table or view; the error names near ones.
    VersionExpiredError
        If the server has dropped the version.
    """
    record = repositories.versions.require_stable(version)
    repositories.versions.ensure(version)
    tables = repositories.catalog.tables(version, refresh=True)
    views = repositories.catalog.views(version, refresh=True)
    repositories.catalog.view_schemas(version)
    repositories.catalog.schemas(refresh=True)
    repositories.catalog.info()
    where = repositories.catalog.where(version)
    wanted = _wanted(repositories.dataset, selection, tables, views, where)

    def look(one: tuple[Kind, str]) -> Item:
        return _item(repositories, version, one[0], one[1], selection)

    with ThreadPoolExecutor(max(1, jobs)) as pool:
        found = tuple(pool.map(look, wanted))
    folder = repositories.store.folder
    return Plan(
        repositories.dataset.name,
        version,
        record.timestamp,
        found,
        str(folder),
        _free(folder),
    )


def _wanted(
    dataset: Dataset,
    selection: Selection,
    tables: Mapping[str, object],
    views: Mapping[str, object],
    where: str,
) -> list[tuple[Kind, str]]:
    asked = selection.tables is not None or selection.views is not None
    wanted: list[tuple[Kind, str]] = []
    if asked:
        names = [*(selection.tables or ()), *(selection.views or ())]
        wanted = _named(dataset, names, tables, views, where)
    else:
        wanted.extend(("table", one) for one in sorted(tables))
        wanted.extend(("view", one) for one in sorted(views))
    return [
        (kind, name)
        for kind, name in wanted
        if not any(fnmatchcase(name, pattern) for pattern in selection.exclude)
    ]


def _named(
    dataset: Dataset,
    names: Iterable[str],
    tables: Mapping[str, object],
    views: Mapping[str, object],
    where: str,
) -> list[tuple[Kind, str]]:
    found: dict[tuple[Kind, str], None] = {}
    for name in names:
        preset = PRESETS.get(name)
        for one in preset(dataset) if preset else (name,):
            if one in tables:
                found["table", one] = None
            elif one in views:
                found["view", one] = None
            elif preset is None:  # a version need not have all of a preset
                known = (*PRESETS, *tables, *views)
                raise UnknownNameError("table or view", one, where, known)
    return list(found)


def _item(
    repositories: Repositories,
    version: int,
    kind: Kind,
    name: str,
    selection: Selection,
) -> Item:
    subject = repositories.catalog.subject(name, version, kind)
    state = repositories.rows.row_set(subject).state()
    if state.is_whole:
        return Item(kind, name, "held", state.rows, state.nbytes, "held whole")
    try:
        rows = repositories.rows.count(subject)
    except NotAuthorizedError as error:
        return Item(kind, name, "skip", None, 0, str(error))
    named = name in {*(selection.tables or ()), *(selection.views or ())}
    nbytes = rows * _BYTES_PER_ROW
    if rows > selection.max_rows and not named:
        option = "--tables" if kind == "table" else "--views"
        reason = f"over {selection.max_rows:,} rows; {option} {name} includes it"
        return Item(kind, name, "skip", rows, nbytes, reason)
    reason = "partly held" if state.exists else "not held"
    return Item(kind, name, "fetch", rows, nbytes, reason)


def _free(folder: Path) -> int:
    """Free space where the folder is or will be."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
