"""Answer a query from held rows."""

from collections.abc import Collection, Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from duckdb import (
    ColumnExpression,
    ConstantExpression,
    DuckDBPyRelation,
    Expression,
)

from cortical_cache.engine.connection import Connections, running
from cortical_cache.engine.frames import Records, frame, records
from cortical_cache.engine.scan import ROW, ambiguous, matching
from cortical_cache.engine.scattered import FILE, is_scattered, rows_at
from cortical_cache.engine.whole import is_whole, read_whole
from cortical_cache.errors import UnknownNameError
from cortical_cache.model.conditions import Condition, conditions
from cortical_cache.model.held import HeldRows
from cortical_cache.model.output import Output, outputs, resolution
from cortical_cache.model.query import Query
from cortical_cache.model.shape import TableShape

__all__ = ["Decided", "Engine"]

# By table: ids of the rows, among the ambiguous ones, that the server says match.
Decided = Mapping[str, Collection[int]]

_KEY = "order_key_"


class Engine:
    """An in-memory DuckDB that reads Parquet files where they lie.

    Opened at the first question; safe to share between threads.
    """

    def __init__(self) -> None:
        self._connections = Connections()

    def answer(
        self,
        query: Query,
        rows: Mapping[str, HeldRows],
        *,
        decided: Decided | None = None,
    ) -> pd.DataFrame | Records:
        """Answer a query as caveclient would have.

        Parameters
        ----------
        query : Query
        rows : mapping of str to HeldRows
            By table name, of every side of the query. They must cover the query.
        decided : mapping of str to collection of int, optional
            By table, the ids of `ambiguous` rows that do match. Without it, rounded
            values are taken at face value.

        Returns
        -------
        pandas.DataFrame or list of dict
            Ordered by id; a join by both ids. Without ``attrs``. Records if the query
            has ``return_df=False``.

        Raises
        ------
        InvalidQueryError, UnknownNameError, UnsupportedQueryError
            For a question that the server would refuse, or that cannot be answered.
        StoreChangedError
            If a file is gone.
        """
        shapes = _shapes(query, rows)
        found = [one for one in outputs(query, shapes) if one.shown]
        if query.counts:
            answer = pd.DataFrame({"count": [self.count(query, rows, decided=decided)]})
        else:
            answer = frame(
                self._fetch(query, rows, shapes, found, decided),
                found,
                shapes,
                resolution(query, shapes),
                split_positions=query.split_positions or not query.return_df,
            )
        return answer if query.return_df else records(answer)

    def count(
        self,
        query: Query,
        rows: Mapping[str, HeldRows],
        *,
        decided: Decided | None = None,
    ) -> int:
        """Count the rows of the answer: `limit` is ignored, `offset` is not.

        Parameters
        ----------
        query : Query
        rows : mapping of str to HeldRows
        decided : mapping of str to collection of int, optional
            As for `answer`.

        Returns
        -------
        int
        """
        shapes = _shapes(query, rows)
        outputs(query, shapes)
        found = self._relation(query, rows, shapes, decided)
        (number,) = self._arrow(found.count("*"))[0].to_numpy()
        return max(0, int(number) - (query.offset or 0))

    def ambiguous(
        self, query: Query, rows: Mapping[str, HeldRows]
    ) -> dict[str, list[int]]:
        """Return the ids of held rows that rounding leaves undecided, by table.

        Parameters
        ----------
        query : Query
        rows : mapping of str to HeldRows

        Returns
        -------
        dict of str to list of int
            Only tables that have such rows. Ask the server which of these ids match
            the query's filters on that table, and pass them as `decided`. The list of
            a view is empty, since nothing names its rows: ask the query itself.
        """
        shapes = _shapes(query, rows)
        cursor = self._connections.cursor()
        found: dict[str, list[int]] = {}
        for table, tests in _by_table(query, shapes).items():
            left_open = ambiguous(cursor, rows[table], tests)
            if left_open is None:
                continue
            if query.kind == "view":
                if self._arrow(left_open.limit(1)).num_rows:
                    found[table] = []
                continue
            ids = self._arrow(left_open.select(ColumnExpression("id")))[0].to_numpy()
            if ids.size:
                found[table] = np.sort(ids).tolist()
        return found

    def _fetch(
        self,
        query: Query,
        rows: Mapping[str, HeldRows],
        shapes: dict[str, TableShape],
        shown: list[Output],
        decided: Decided | None,
    ) -> pa.Table:
        wanted = [stored for one in shown for stored in one.column.stored]
        first = rows[query.tables[0]]
        if wanted and is_whole(query, first):
            return _in_order(read_whole(first, [*wanted, "id"]), len(wanted))
        if wanted and is_scattered(query, first):
            found = self._scattered(query, first, shapes, decided, [*wanted, "id"])
            return _in_order(found, len(wanted))
        found = self._relation(query, rows, shapes, decided)
        order = _order(query, shapes)
        keys = [ColumnExpression(name) for name in order]
        is_page = query.limit is not None or bool(query.offset)
        if is_page and keys:
            found = found.sort(*keys)
        if is_page:
            found = found.limit(_limit(query.limit), query.offset or 0)
        columns = [
            ColumnExpression(_name(query, one.table, stored))
            for one in shown
            for stored in one.column.stored
        ]
        if not columns:  # the server drops what was selected; the rows are counted
            return self._arrow(found.select(ConstantExpression(1)))
        if is_page or not keys:
            return self._arrow(found.select(*columns))
        numbered = [key.alias(f"{_KEY}{n}") for n, key in enumerate(keys)]
        return _in_order(self._arrow(found.select(*columns, *numbered)), len(columns))

    def _scattered(
        self,
        query: Query,
        held: HeldRows,
        shapes: dict[str, TableShape],
        decided: Decided | None,
        columns: list[str],
    ) -> pa.Table:
        (table,) = query.tables
        tests = _by_table(query, shapes)[table]
        ids = None if decided is None else decided.get(table, ())
        cursor = self._connections.cursor()
        rows = matching(cursor, held, tests, ids, placed=True)
        where = self._arrow(rows.select(ColumnExpression(FILE), ColumnExpression(ROW)))
        return rows_at(held, where[FILE].to_numpy(), where[ROW].to_numpy(), columns)

    def _arrow(self, found: DuckDBPyRelation) -> pa.Table:
        with running(self._connections.cursor()):
            return found.to_arrow_table()

    def _relation(
        self,
        query: Query,
        rows: Mapping[str, HeldRows],
        shapes: dict[str, TableShape],
        decided: Decided | None,
    ) -> DuckDBPyRelation:
        cursor = self._connections.cursor()
        tests = _by_table(query, shapes)
        sides: list[DuckDBPyRelation] = []
        for side in query.sides:
            ids = None if decided is None else decided.get(side.table, ())
            sides.append(matching(cursor, rows[side.table], tests[side.table], ids))
        if query.kind != "join":
            return sides[0]
        left, right = (
            found.select(*_renamed(query, side.table, shapes[side.table]))
            for side, found in zip(query.sides, sides, strict=True)
        )
        first, second = (
            ColumnExpression(_name(query, side.table, side.column or "id"))
            for side in query.sides
        )
        return left.set_alias("left_side").join(
            right.set_alias("right_side"),
            first == second,  # pyright: ignore[reportArgumentType]  duckdb's == is an expression
        )


def _shapes(query: Query, rows: Mapping[str, HeldRows]) -> dict[str, TableShape]:
    for table in query.tables:
        if table not in rows:
            where = f"{query.datastack} v{query.version}"
            raise UnknownNameError(query.kind, table, where, tuple(rows))
    return {table: rows[table].shape for table in query.tables}


def _by_table(
    query: Query, shapes: Mapping[str, TableShape]
) -> dict[str, list[Condition]]:
    found: dict[str, list[Condition]] = {table: [] for table in query.tables}
    for one in conditions(query, shapes):
        found[one.table].append(one)
    return found


def _name(query: Query, table: str, column: str) -> str:
    """Return the name of a stored column in the relation: a join prefixes its side."""
    if query.kind != "join":
        return column
    return f"side{query.tables.index(table)}_{column}"


def _renamed(query: Query, table: str, shape: TableShape) -> list[Expression]:
    return [
        ColumnExpression(name).alias(_name(query, table, name))
        for name in shape.stored_columns
    ]


def _order(query: Query, shapes: Mapping[str, TableShape]) -> list[str]:
    order = [
        _name(query, table, "id")
        for table in query.tables
        if shapes[table].column("id") is not None
    ]
    return [*order, ROW] if order and query.kind == "view" else order


def _in_order(rows: pa.Table, width: int) -> pa.Table:
    """Sort by the columns from `width` on, and drop them.

    Most files are sorted by id as they are, and then nothing moves.
    """
    keys = rows.select(list(range(width, rows.num_columns)))
    keys = keys.rename_columns([f"{_KEY}{n}" for n in range(keys.num_columns)])
    rows = rows.select(list(range(width)))
    first = keys.column(0)
    ids = None if first.null_count else first.to_numpy()
    if ids is not None and bool((ids[1:] > ids[:-1]).all()):
        return rows
    # Ids of one table are distinct, and numpy sorts them in a quarter of the time.
    ranks = _ranks(keys) if ids is None or keys.num_columns > 1 else np.argsort(ids)
    # Column by column and of one piece: from many pieces, taking costs twice as much.
    taken = [column.combine_chunks().take(ranks) for column in rows.columns]
    return pa.table(taken, schema=rows.schema)


def _ranks(keys: pa.Table) -> Any:  # noqa: ANN401  an array of uint64
    order: list[tuple[str, Literal["ascending", "descending"]]] = [
        (name, "ascending") for name in keys.column_names
    ]
    return pc.sort_indices(keys, sort_keys=order)


def _limit(limit: int | None) -> int:
    return 2**62 if limit is None else limit
