"""Which columns of a table a query needs, and what is left of it with some columns."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from cortical_cache.model.query import Query

__all__ = ["narrowed", "needs", "tested"]


def tested(query: Query, table: str) -> frozenset[str]:
    """Return the columns of a table that decide which rows an answer has."""
    joined = {side.column for side in query.sides if side.table == table}
    filtered = {one.column for one in query.filters_of(table)}
    return frozenset(filtered | (joined - {None}))  # pyright: ignore[reportReturnType]  None was taken out


def needs(query: Query, table: str) -> frozenset[str] | None:
    """Return the columns of a table, by model name, that an answer takes.

    Of names that a join selects from whichever table has them, all count.

    Returns
    -------
    frozenset of str or None
        None: every column.
    """
    if query.counts:
        return tested(query, table)
    if query.columns_of is not None:
        shown = dict(query.columns_of).get(table, ())
    elif query.columns is not None:
        shown = query.columns
    else:
        return None
    # The server shows the supervoxel of a root that is selected.
    beside = {
        f"{name.removesuffix('_root_id')}_supervoxel_id"
        for name in shown
        if name.endswith("_root_id")
    }
    return tested(query, table) | beside.union(shown)


def narrowed(query: Query, columns: Mapping[str, Collection[str]]) -> Query:
    """Return the query with no other columns selected than those that are there.

    Parameters
    ----------
    query : Query
    columns : mapping of str to collection of str
        By table, the model names of its columns that there are, in order.
    """
    if query.columns is not None:
        there = {name for names in columns.values() for name in names}
        return replace(
            query, columns=tuple(one for one in query.columns if one in there)
        )
    if query.columns_of is not None:
        kept = tuple(
            (table, tuple(one for one in names if one in columns[table]))
            for table, names in query.columns_of
        )
        return replace(query, columns_of=kept)
    if query.kind != "join":
        return replace(query, columns=tuple(columns[query.tables[0]]))
    every = tuple((table, tuple(columns[table])) for table in query.tables)
    return replace(query, columns_of=every)
