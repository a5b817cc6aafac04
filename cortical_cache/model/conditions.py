"""What a filter means for a column of a known type, or why it means nothing.

Values take the type that PostgreSQL would give them; what it would refuse is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil, floor, isfinite
from typing import Literal, cast

from cortical_cache.errors import InvalidQueryError
from cortical_cache.model.ids import undamaged
from cortical_cache.model.output import find_column
from cortical_cache.model.query import Box, Filter, FilterKind, Query
from cortical_cache.model.shape import Column, ColumnType, TableShape
from cortical_cache.model.values import Scalar

__all__ = ["Condition", "ConditionKind", "Value", "conditions"]

ConditionKind = Literal[
    "null",
    "in",
    "out",
    "greater",
    "less",
    "greater_equal",
    "less_equal",
    "box",
    "regex",
]

Value = bool | int | float | str | datetime

_SMALLEST, _LARGEST = -(2**63), 2**63 - 1

# The spellings of true and false that PostgreSQL reads; any prefix of a word will do.
_TRUE = {"true", "tru", "tr", "t", "yes", "ye", "y", "on", "1"}
_FALSE = {"false", "fals", "fal", "fa", "f", "no", "n", "off", "of", "0"}


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition on the stored values of one column.

    Attributes
    ----------
    kind : str
        ``equal`` has become ``in`` with one value, or ``null``.
    table : str
    column : Column
    values : tuple
        Of the column's own type; one value except for ``in`` and ``out``. Timestamps
        are UTC without a zone.
    box : pair of corners or None
    null : bool
        ``out`` only: missing values are left out as well.
    """

    kind: ConditionKind
    table: str
    column: Column
    values: tuple[Value, ...] = ()
    box: Box | None = None
    null: bool = False


def conditions(query: Query, shapes: Mapping[str, TableShape]) -> tuple[Condition, ...]:
    """Return the query's filters as conditions on typed columns.

    Raises
    ------
    UnknownNameError
        For a column that the table does not have.
    InvalidQueryError
        For a value that the column's type cannot be compared with, and for a float
        that may have lost digits of an id.
    """
    return tuple(
        _condition(one, find_column(shapes[one.table], one.column))
        for one in query.filters
    )


def _condition(one: Filter, column: Column) -> Condition:
    if one.kind == "spatial":
        if column.type is not ColumnType.POINT:
            raise InvalidQueryError(
                f"{column.name} is no position: a box does not apply"
            )
        box: Box = one.value  # pyright: ignore[reportAssignmentType]  by its kind
        return Condition("box", one.table, column, box=box)
    if one.kind == "regex":
        if column.type is not ColumnType.VARCHAR:
            raise InvalidQueryError(
                f"{column.name} is no text: a regular expression does not apply"
            )
        return Condition("regex", one.table, column, (str(one.value),))
    if one.kind in ("in", "out"):
        given: tuple[Scalar, ...] = one.value  # pyright: ignore[reportAssignmentType]  by its kind
        values = _all_typed(column, given)
        null = one.kind == "out" and None in given
        return Condition(one.kind, one.table, column, values, null=null)
    value: Scalar = one.value  # pyright: ignore[reportAssignmentType]  by its kind
    if one.kind == "equal":
        if value is None:
            return Condition("null", one.table, column)
        return Condition("in", one.table, column, _typed(column, value))
    kind, bound = _bound(one.kind, column, value)
    return Condition(kind, one.table, column, bound)


def _all_typed(column: Column, given: tuple[Scalar, ...]) -> tuple[Value, ...]:
    """Return the values in the column's type, without NULL and what equals nothing."""
    if column.type is ColumnType.BIGINT and set(map(type, given)) <= {int}:
        # By the hundred thousand: no step for each.
        ids = cast("tuple[int, ...]", given)
        if not ids or (min(ids) >= _SMALLEST and max(ids) <= _LARGEST):
            return ids
        return tuple(one for one in ids if _SMALLEST <= one <= _LARGEST)
    return tuple(
        typed for value in given if value is not None for typed in _typed(column, value)
    )


def _typed(column: Column, value: Scalar) -> tuple[Value, ...]:
    """Return `value` in the column's type, or nothing if no value equals it."""
    match column.type:
        case ColumnType.BIGINT | ColumnType.INTEGER:
            number = _number(column, value)
            if column.type is ColumnType.BIGINT:
                number = undamaged(number, column.name)
            is_held = number == floor(number) and _SMALLEST <= number <= _LARGEST
            return (int(number),) if is_held else ()
        case ColumnType.DOUBLE:
            return (float(_number(column, value)),)
        case ColumnType.BOOLEAN if isinstance(value, bool):
            return (value,)
        case ColumnType.BOOLEAN if isinstance(value, str):
            text = value.strip().lower()
            if text in _TRUE | _FALSE:
                return (text in _TRUE,)
        case ColumnType.VARCHAR if isinstance(value, str):
            return (value,)
        case ColumnType.TIMESTAMP if isinstance(value, str):
            return (_time(column, value),)
        case _:
            pass
    raise _mismatch(column, value)


def _bound(
    kind: FilterKind, column: Column, value: Scalar
) -> tuple[ConditionKind, tuple[Value, ...]]:
    """Return a comparison whose bound has the column's type."""
    comparison: ConditionKind = kind  # pyright: ignore[reportAssignmentType]  by its kind
    if column.type not in (ColumnType.BIGINT, ColumnType.INTEGER):
        return comparison, _typed(column, value)
    number = _number(column, value)
    if isinstance(number, float) and column.type is ColumnType.BIGINT:
        number = undamaged(number, column.name, whole=False)
    upwards = kind in ("greater", "greater_equal")
    if number != floor(number):
        # No integer lies on a broken bound, so the nearest one beyond it does as well.
        number = floor(number) if upwards else ceil(number)
        comparison = "greater" if upwards else "less"
    if number > _LARGEST:
        return ("in", ()) if upwards else ("less_equal", (_LARGEST,))
    if number < _SMALLEST:
        return ("greater_equal", (_SMALLEST,)) if upwards else ("in", ())
    return comparison, (int(number),)


def _number(column: Column, value: Scalar) -> int | float:
    if isinstance(value, str):
        kind = float if column.type is ColumnType.DOUBLE else int
        try:
            number = kind(value)
        except ValueError:
            raise _mismatch(column, value) from None
        # Python reads more than PostgreSQL does.
        if "_" in value or not value.isascii() or not isfinite(number):
            raise _mismatch(column, value)
        return number
    if isinstance(value, bool) or value is None:
        raise _mismatch(column, value)
    return value


def _time(column: Column, value: str) -> datetime:
    try:
        time = datetime.fromisoformat(value.strip())
    except ValueError:
        raise InvalidQueryError(
            f"{column.name} is a time; {value!r} is not one in ISO 8601"
        ) from None
    if time.tzinfo is None:
        return time
    if time.utcoffset() != timedelta(0):  # the server would silently drop the offset
        raise InvalidQueryError(f"{column.name} is in UTC; give {value!r} in UTC, too")
    return time.astimezone(UTC).replace(tzinfo=None)


def _mismatch(column: Column, value: Scalar) -> InvalidQueryError:
    return InvalidQueryError(
        f"{column.name} is {column.type.value}; it cannot be compared with {value!r}"
    )
