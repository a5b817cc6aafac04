"""Compare the rows of one table at two versions, by id, in bounded memory."""

import math
from collections.abc import Sequence
from functools import reduce
from tempfile import TemporaryDirectory

import pyarrow as pa
from duckdb import (
    CaseExpression,
    CoalesceOperator,
    ColumnExpression,
    ConstantExpression,
    DuckDBPyRelation,
    Expression,
    FunctionExpression,
)

from cortical_cache.engine.connection import open_database, running
from cortical_cache.engine.scan import matching
from cortical_cache.engine.sort import MEMORY_LIMIT
from cortical_cache.errors import UnsupportedQueryError
from cortical_cache.model.held import HeldRows
from cortical_cache.model.shape import Column, ColumnType

__all__ = ["Differences", "differences"]

Differences = tuple[int, int, pa.Table]

_LARGEST = (2 - 2**-23) * 2.0**127
"""Of Float32."""


def differences(old: HeldRows, new: HeldRows, columns: Sequence[Column]) -> Differences:
    """Return the rows that differ.

    Equality is that of the values as held, NULL equal to NULL and NaN to NaN. Where
    only one side is exact it is rounded as a reply rounds: a difference that the other
    side cannot show is none.

    Parameters
    ----------
    old, new : HeldRows
        Whole, with an ``id``.
    columns : sequence of Column
        To compare; both sides have them.

    Returns
    -------
    rows : int
        Of `old` and of `new`, that queries show.
    rows : int
    differing : pyarrow.Table
        By id. ``id``; ``in_old`` and ``in_new``, bool; then for each column ``i``
        ``differs_i``, bool, and for each part ``j`` of it ``old_i_j``, ``new_i_j``.
        Where one side has no row nothing differs, and its values are NULL.

    Raises
    ------
    UnsupportedQueryError
        If an id occurs twice, as in some views.
    StoreChangedError
        If a file is gone.
    """
    rounded = old.exact != new.exact
    # A connection of its own: its limit and its spilling are nobody else's.
    with (
        TemporaryDirectory(prefix="cortical-cache-") as spill,
        open_database(memory_limit=MEMORY_LIMIT, temp_directory=spill) as connection,
        running(connection),
    ):
        sides = [
            matching(connection, held, (), None).select(
                ColumnExpression("id").alias(f"{name}_id"),
                *_values(name, columns, rounded=rounded and held.exact),
            )
            for name, held in (("old", old), ("new", new))
        ]
        counts = [
            _counted(side, f"{name}_id", held)
            for name, side, held in zip(("old", "new"), sides, (old, new), strict=True)
        ]
        found = _joined(sides[0], sides[1], columns).to_arrow_table()
    return counts[0], counts[1], found.sort_by("id")


def _values(side: str, columns: Sequence[Column], *, rounded: bool) -> list[Expression]:
    return [
        _value(name, column.type, rounded=rounded).alias(f"{side}_{i}_{j}")
        for i, column in enumerate(columns)
        for j, name in enumerate(column.stored)
    ]


def _value(name: str, kind: ColumnType, *, rounded: bool) -> Expression:
    value = ColumnExpression(name)
    if rounded and kind is ColumnType.POINT:  # PostgreSQL, too, rounds half to even
        return FunctionExpression("round_even", value, ConstantExpression(0)).cast(
            "INTEGER"
        )
    if rounded and kind is ColumnType.DOUBLE:
        return _as_replied(value)
    return value


def _as_replied(value: Expression) -> Expression:
    """Round a double as a reply does: to Float32, and NaN to NULL."""
    nothing = CaseExpression(
        FunctionExpression("isnan", value), ConstantExpression(None)
    )
    size = FunctionExpression("abs", value)
    endless = FunctionExpression("sign", value) * ConstantExpression(math.inf)
    fits = nothing.when(size <= ConstantExpression(_LARGEST), value)
    return fits.otherwise(endless).cast("FLOAT")


def _counted(side: DuckDBPyRelation, key: str, held: HeldRows) -> int:
    ids = ColumnExpression(key)
    counted = side.aggregate(
        [
            FunctionExpression("count", ids).alias("ids"),
            FunctionExpression("count_star").alias("every"),
        ]
    )
    named, rows = (int(one[0].as_py()) for one in counted.to_arrow_table().columns)
    if held.shape.kind == "view":
        unique = side.select(ids).distinct().count("*").to_arrow_table()
        named = min(named, int(unique[0][0].as_py()))
    if named != rows:
        raise UnsupportedQueryError(
            f"{held.shape.kind} {held.shape.name} has several rows of one id, or rows "
            "without one; only rows named by their id can be compared"
        )
    return rows


def _joined(
    old: DuckDBPyRelation, new: DuckDBPyRelation, columns: Sequence[Column]
) -> DuckDBPyRelation:
    old_id, new_id = ColumnExpression("old_id"), ColumnExpression("new_id")
    both = old.set_alias("o").join(
        new.set_alias("n"),
        old_id == new_id,  # pyright: ignore[reportArgumentType]  duckdb's == is an expression
        how="outer",
    )
    in_both = old_id.isnotnull() & new_id.isnotnull()
    differs = [
        in_both
        & reduce(
            Expression.__or__,
            [_unequal(f"old_{i}_{j}", f"new_{i}_{j}") for j in range(len(one.stored))],
        )
        for i, one in enumerate(columns)
    ]
    kept = [
        ColumnExpression(f"{side}_{i}_{j}")
        for i, one in enumerate(columns)
        for j in range(len(one.stored))
        for side in ("old", "new")
    ]
    return both.filter(reduce(Expression.__or__, [~in_both, *differs])).select(
        CoalesceOperator(old_id, new_id).alias("id"),
        old_id.isnotnull().alias("in_old"),
        new_id.isnotnull().alias("in_new"),
        *(one.alias(f"differs_{i}") for i, one in enumerate(differs)),
        *kept,
    )


def _unequal(old: str, new: str) -> Expression:
    one, other = ColumnExpression(old), ColumnExpression(new)
    return CoalesceOperator(one != other, one.isnull() != other.isnull())
