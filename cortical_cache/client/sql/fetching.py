"""Fetch what a SQL statement names and the store lacks, if it is not too much."""

from collections.abc import Sequence

from cortical_cache.client.progress.bars import TableBars, bring_bar
from cortical_cache.errors import (
    CorticalCacheError,
    NotAuthorizedError,
    NotCachedError,
    PartialTableError,
    TooLargeError,
)
from cortical_cache.model.quantities import counted, size
from cortical_cache.model.sql import Lacking
from cortical_cache.repositories.dataset import Repositories
from cortical_cache.sync import Selection, execute, make_plan

__all__ = ["UNASKED_BYTES", "UNASKED_ROWS", "fetch"]

UNASKED_ROWS = 1_000_000
"""Rows up to which a table is mirrored because a statement names it: a minute's work
by the estimate of `sync`."""

UNASKED_BYTES = 64_000_000
"""Size of a dump up to which an export is brought likewise."""


def fetch(
    lacking: Sequence[tuple[Repositories, Lacking]],
    *,
    most_rows: int = UNASKED_ROWS,
    most_bytes: int = UNASKED_BYTES,
) -> None:
    """Mirror what is lacking, version by version.

    Parameters
    ----------
    lacking : sequence of (Repositories, Lacking)
    most_rows : int
        Of a table or view.
    most_bytes : int
        Of the dump of an export.

    Raises
    ------
    NotCachedError
        If offline; `TooLargeError` if it is too large to be fetched unasked.
    PartialTableError
        The same of what is held in part.
    SourceError
        If it cannot be fetched.
    """
    for of, one in lacking:
        if of.settings.offline:
            raise _refusal(one)
    groups: dict[tuple[int, int], tuple[Repositories, list[Lacking]]] = {}
    for of, one in lacking:
        groups.setdefault((id(of), one.version), (of, []))[1].append(one)
    for of, wanted in groups.values():
        _exports(of, [one for one in wanted if one.kind == "export"], most_bytes)
        _tables(of, [one for one in wanted if one.kind != "export"], most_rows)


def _tables(of: Repositories, wanted: Sequence[Lacking], most: int) -> None:
    if not wanted:
        return
    names = tuple(dict.fromkeys(one.name for one in wanted))
    plan = make_plan(of, wanted[0].version, Selection(tables=names))
    by_name = {one.name: one for one in wanted}
    for item in plan.items:
        if item.action == "skip":
            raise NotAuthorizedError(item.reason)
        if item.action == "fetch" and (item.rows or 0) > most:
            raise _refusal(by_name[item.name], counted(item.rows or 0, "row"))
    report = execute(of, plan, TableBars())
    for outcome in report.failed:
        raise outcome.error or CorticalCacheError(outcome.item.name)


def _exports(of: Repositories, wanted: Sequence[Lacking], most: int) -> None:
    for one in wanted:
        spelt = {each.name.casefold(): each.name for each in of.exports.listed()}
        name = spelt.get(one.name.casefold(), one.name)
        export = of.exports.find(name, one.version)
        if export.size > most:
            raise _refusal(one, size(export.size))
        with bring_bar(export) as come:
            of.exports.bring(export, progress=come)


def _refusal(one: Lacking, how_much: str = "") -> CorticalCacheError:
    if one.rows:
        return PartialTableError(one.what, one.rows, one.command)
    if how_much:
        return TooLargeError(f"{one.what} is", one.command, how_much)
    return NotCachedError(f"{one.what} is", one.command)
