"""What the names of a SQL statement stand for among what is held."""

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from cortical_cache.errors import (
    ConfigurationError,
    NotCachedError,
    PartialTableError,
    UnknownNameError,
    UnsupportedQueryError,
)
from cortical_cache.model.commands import sync_command
from cortical_cache.model.coverage import Piece
from cortical_cache.model.held import HeldRows
from cortical_cache.model.sql import Lacking, Lookup, Part, Rule, Source
from cortical_cache.policy.naming import CELL_IDS, Meaning
from cortical_cache.repositories.dataset import Repositories
from cortical_cache.repositories.graphnames import graph_source
from cortical_cache.store import RowKind, RowSet, RowSetState

__all__ = ["Found", "find"]

Found = Source | tuple[Lacking, ...]


def find(
    repositories: Repositories,
    asked: Meaning,
    lookups: Sequence[Lookup] = (),
    *,
    adding: bool = True,
) -> Found:
    """Return the rows that a name stands for, or what they lack.

    Freshness: rows of a version never change; which names there are is kept for a day.

    Parameters
    ----------
    repositories : Repositories
        Of the dataset that is meant.
    asked : Meaning
        Not of keys.
    lookups : sequence of Lookup
        What bounds the rows that can be seen of it: of a table in many files only
        those are named that can have such rows.
    adding : bool
        Rows that are made of others, and were not yet, are added.

    Returns
    -------
    Source, or tuple of Lacking

    Raises
    ------
    UnknownNameError
        If there is no such version, table, view, export or fact.
    NotCachedError
        Offline, and not even that is known.
    PartialTableError
        Of ``partial``, if nothing is held.
    UnsupportedQueryError
        For a part of a view that is held by keys of several columns.
    """
    if asked.kind == "graph":
        return graph_source(repositories, asked.name, adding=adding)
    version = repositories.versions.resolve(asked.version)
    match asked.kind:
        case "cells":
            return _cells(repositories, version)
        case "export":
            return _export(repositories, asked.name, version)
        case "partial":
            return _partial(repositories, asked.name, version)
        case _:
            return _whole(repositories, asked.name, version, lookups)


def _whole(
    of: Repositories, name: str, version: int, lookups: Sequence[Lookup] = ()
) -> Found:
    row_set = _row_set(of, name, version)
    read = row_set.read(lambda state: (_bounded(state, lookups), state.whole_files()))
    held, files = read
    if held is None:
        return (_lacking(of, row_set),)
    rule: Rule = "valid" if row_set.kind == "table" else "all"
    return Source((Part(held),), rule, files)


def _bounded(state: RowSetState, lookups: Sequence[Lookup]) -> HeldRows | None:
    """Return all rows, or if they lie in many files those that can be seen.

    Of several sorted copies that one is read in which what is looked up lies together.
    """
    whole = state.held_whole(extent="scanned")
    if whole is None or len(whole.pieces[0].files) == 1:
        return whole
    columns = {name.casefold(): name for name in whole.shape.stored_columns}
    known = [one for one in lookups if one.column in columns]
    # Few keys are likelier to lie in few row groups than many, or than nobody knows.
    known.sort(key=lambda one: math.inf if one.keys is None else len(one.keys))
    best = whole.pieces[0].files
    for one in known:
        if one.keys is not None:
            found = state.held_for(columns[one.column], one.keys)
            files = () if found is None else _files(found.pieces)
            best = min(best, files, key=len)
    if len(best) < len(whole.pieces[0].files):
        # Of no file that can have them, any one has the columns.
        return replace(whole, pieces=(Piece(best or whole.pieces[0].files[:1]),))
    sought = [columns[one.column] for one in known]
    return state.held_whole(sought, extent="scanned")


def _files(pieces: Sequence[Piece]) -> tuple[str, ...]:
    return tuple(file for piece in pieces for file in piece.files)


def _cells(of: Repositories, version: int) -> Found:
    try:
        tables = _cell_tables(of, version)
    except NotCachedError as error:
        raise _offline(
            of, f"the cell ids of {of.catalog.where(version)} are", "cells", version
        ) from error
    parts: list[Part] = []
    lacking: list[Lacking] = []
    for name, column in tables:
        found = _whole(of, name, version)
        if isinstance(found, Source):
            parts.append(Part(found.parts[0].held, column))
        else:
            lacking += found
    return tuple(lacking) if lacking else Source(tuple(parts), "cells")


def _cell_tables(of: Repositories, version: int) -> list[tuple[str, str]]:
    """Return the tables that cell ids are looked up in, and their column of cells."""
    view = of.dataset.lookup_view
    if view and (
        of.store.rows("view", view, version).state().exists
        or view in of.catalog.views(version)
    ):
        return [(view, "id")]
    listed = of.catalog.tables(version)
    others = [one.name for one in of.dataset.alternative_tables if one.name in listed]
    return [(of.dataset.main_table, "id"), *((one, "target_id") for one in others)]


def _export(of: Repositories, name: str, version: int) -> Found:
    held = _held(of, name, version, ("export",))
    row_set = of.store.rows("export", name if held is None else held.name, version)
    rows = row_set.read(lambda state: state.held_whole(extent="scanned"))
    if rows is not None:
        return Source((Part(rows),))
    return (_lacking(of, row_set),)


def _partial(of: Repositories, name: str, version: int) -> Found:
    row_set = _row_set(of, name, version)
    rule: Rule = "one per id"
    if row_set.kind == "view":
        rule = "all"
        held = row_set.read(lambda state: _of_view(state, row_set.name))
    else:
        held = row_set.read(lambda state: state.held_in_part("scanned"))
    if held is None:
        lacking = _lacking(of, row_set)
        raise PartialTableError(lacking.what, 0, lacking.command)
    return Source((Part(held),), rule)


def _of_view(state: RowSetState, name: str) -> HeldRows | None:
    """Return what is held of a view, each row once.

    Its rows have no id, and two that are the same may be two: so they are told apart
    by the keys that they were fetched by, which needs all of them to be of one column.
    """
    columns = sorted(state.key_columns)
    if len(columns) > 1 and not state.is_whole:
        raise UnsupportedQueryError(
            f"rows of view {name} are held by {' and by '.join(columns)}, and nothing "
            "tells which are the same; ask for the whole by its plain name"
        )
    return state.held_by_keys(columns[0]) if columns else state.held_whole()


def _row_set(of: Repositories, name: str, version: int) -> RowSet:
    """Return the table or view of that name, held or not."""
    held = _held(of, name, version, ("table", "view"))
    if held is not None:
        return held
    where = of.catalog.where(version)
    try:
        of.versions.ensure(version)
        listed: dict[str, RowKind] = dict.fromkeys(of.catalog.tables(version), "table")
        listed |= dict.fromkeys(of.catalog.views(version), "view")
    except NotCachedError as error:
        raise _offline(of, f"table or view {name} of {where} is", name, version) from (
            error
        )
    exact = next((one for one in listed if one.casefold() == name.casefold()), name)
    spelt = name if name in listed else exact
    if spelt not in listed:
        raise UnknownNameError("table or view", name, where, [*listed, CELL_IDS])
    return of.store.rows(listed[spelt], spelt, version)


def _held(
    of: Repositories, name: str, version: int, kinds: Sequence[RowKind]
) -> RowSet | None:
    """Return what is held under a name, whatever the case of its letters."""
    with suppress(ConfigurationError):  # nothing of the store can be called so
        for kind in kinds:
            spelt = of.store.rows(kind, name, version)
            if spelt.state().exists:  # most are; to list all that is held takes long
                return spelt
    found = [
        one
        for one in of.store.row_sets(version)
        if one.kind in kinds and one.name.casefold() == name.casefold()
    ]
    return next(iter(found), None)


def _lacking(of: Repositories, row_set: RowSet) -> Lacking:
    name, version = row_set.name, row_set.version
    kind = (
        "export"
        if row_set.kind == "export"
        else ("view" if row_set.kind == "view" else "table")
    )
    command = sync_command(of.dataset.name, version, kind, name)
    what = f"{kind} {name} of {of.catalog.where(version)}"
    return Lacking(kind, name, version, row_set.state().rows, what, command)


def _offline(of: Repositories, what: str, name: str, version: int) -> NotCachedError:
    command = sync_command(of.dataset.name, version, "table", name)
    return NotCachedError(what, command)
