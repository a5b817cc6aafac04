"""Conditions as DuckDB expressions. Values are bound, names are identifiers.

Held values may be rounded: a reply gives doubles as Float32 and coordinates as whole
voxels. Each condition therefore has three readings: it holds *surely* (whatever was
rounded), *possibly*, or *at face value* (as if nothing had been). For exact values
the three are one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from duckdb import (
    ColumnExpression,
    ConstantExpression,
    Expression,
    FunctionExpression,
)

from cortical_cache.engine.boxes import Bound, bounds
from cortical_cache.model.conditions import Condition, Value
from cortical_cache.model.held import HeldRows
from cortical_cache.model.regex import translate
from cortical_cache.model.shape import ColumnType

__all__ = ["FALSE", "TRUE", "Reading", "all_of", "constant", "is_rounded", "reading"]

TRUE = ConstantExpression(value=True)
FALSE = ConstantExpression(value=False)


@dataclass(frozen=True, slots=True)
class Reading:
    """One condition, read three ways."""

    surely: Expression
    possibly: Expression
    face: Expression


def is_rounded(condition: Condition, held: HeldRows) -> bool:
    """Tell whether what a reply rounds can leave the condition open for a held row."""
    if held.exact or (condition.kind in ("in", "out") and not _has_any(condition)):
        return False
    kind = condition.column.type
    if kind is ColumnType.POINT:
        return condition.kind == "box"
    if kind is not ColumnType.DOUBLE:
        return False
    # A reply shows NaN as NULL, but NaN is no NULL, and greater than every number.
    is_about_nan = condition.null or condition.kind in (
        "null",
        "greater",
        "greater_equal",
    )
    return held.shape.kind == "table" or is_about_nan


def reading(condition: Condition, held: HeldRows) -> Reading:
    """Return the three readings of a condition on held rows."""
    if not is_rounded(condition, held):
        face = _exact(condition, held)
        return Reading(face, face, face)
    if condition.kind == "box":
        return Reading(
            _inside(condition, held, 0.5),
            _inside(condition, held, -0.5),
            _inside(condition, held, 0.0),
        )
    return _rounded(condition, is_float32=held.shape.kind == "table")


def all_of(expressions: Sequence[Expression]) -> Expression:
    """Return the conjunction."""
    found = TRUE
    for number, one in enumerate(expressions):
        found = found & one if number else one
    return found


def constant(value: Value) -> Expression:
    """Return a bound value."""
    return ConstantExpression(value)


def _exact(condition: Condition, held: HeldRows) -> Expression:
    if condition.kind == "box":
        return _inside(condition, held, 0.0)
    column = ColumnExpression(condition.column.stored[0])
    if condition.kind == "null":
        return column.isnull()
    if condition.kind == "regex":
        pattern = ConstantExpression(translate(str(condition.values[0])))
        # 's': as in PostgreSQL, the dot matches a newline.
        return FunctionExpression(
            "regexp_matches", column, pattern, ConstantExpression("s")
        )
    face = _compared(
        condition, column, [_stored(one, held) for one in condition.values]
    )
    if condition.column.type is ColumnType.DOUBLE and held.exact:
        return _with_nan(condition, column, face)
    return face


def _with_nan(condition: Condition, column: Expression, face: Expression) -> Expression:
    """Say outright what NaN does.

    Parquet statistics leave NaN out, and DuckDB concludes from them that a comparison
    holds for all rows of a row group, or for none.
    """
    is_nan = FunctionExpression("isnan", column)
    if condition.kind in ("greater", "greater_equal", "out"):
        return face | is_nan
    return face & ~is_nan


def _has_any(condition: Condition) -> bool:
    return bool(condition.values) or condition.null


def _rounded(condition: Condition, *, is_float32: bool) -> Reading:
    """Read a condition on doubles that a reply may have rounded, or NaN made NULL.

    Rounding keeps the order. So with r the bound's own Float32, a held value above
    (below) r stands only for doubles above (below) the bound; r itself decides nothing.
    """
    column = ColumnExpression(condition.column.stored[0])
    values = [float(one) for one in condition.values]  # pyright: ignore[reportArgumentType]  numbers, by its kind
    if is_float32:
        with np.errstate(over="ignore"):
            values = [float(np.float32(one)) for one in values]
    face = _compared(condition, column, values)
    missing = column.isnull()
    match condition.kind:
        case "null":
            return Reading(FALSE, missing, missing)
        case "greater" | "greater_equal":
            bound = constant(values[0])
            surely = column > bound if is_float32 else face
            possibly = column >= bound if is_float32 else face
            return Reading(surely, possibly | missing, face)
        case "less" | "less_equal":
            bound = constant(values[0])
            return Reading(column < bound, column <= bound, face)
        case "in":
            return Reading(FALSE, face, face)
        case _:
            return Reading(face, TRUE if is_float32 else face | missing, face)


def _compared(
    condition: Condition, column: Expression, values: Sequence[Value]
) -> Expression:
    compare: dict[str, Callable[[Expression], Expression]] = {
        "greater": column.__gt__,
        "greater_equal": column.__ge__,
        "less": column.__lt__,
        "less_equal": column.__le__,
    }
    if condition.kind in compare:
        return compare[condition.kind](constant(values[0]))
    members = map(constant, values)
    if condition.kind == "in":
        return column.isin(*members) if values else FALSE
    kept = column.isnotin(*members) if values else TRUE
    # NOT IN is unknown for NULL, which is kept unless NULL itself is left out.
    return kept & column.isnotnull() if condition.null else kept | column.isnull()


def _stored(value: Value, held: HeldRows) -> Value:
    if isinstance(value, datetime) and held.shape.kind == "table":
        return value.replace(tzinfo=UTC)
    return value


def _inside(condition: Condition, held: HeldRows, margin: float) -> Expression:
    """Tell whether a point is in a box, each coordinate at least `margin` inside."""
    if condition.box is None:
        return FALSE
    low, high = bounds(condition.box)
    return all_of(
        [
            _within(ColumnExpression(name), above, below, margin, whole=not held.exact)
            for name, above, below in zip(
                condition.column.stored, low, high, strict=True
            )
        ]
    )


def _within(
    column: Expression, above: Bound, below: Bound, margin: float, *, whole: bool
) -> Expression:
    if whole:  # whole bounds, so that Parquet statistics can be used
        least, most = above.least(margin), below.most(margin)
        return (column >= constant(least)) & (column <= constant(most))
    return (column > constant(above.limit)) & (column < constant(below.limit))
