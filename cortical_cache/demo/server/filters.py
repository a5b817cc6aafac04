"""Evaluate the filters of a query against stored values, as PostgreSQL would."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np

from cortical_cache.demo.rows import (
    FLOAT_KINDS,
    WHOLE_KINDS,
    Array,
    Bools,
    Floats,
    Kind,
    Rows,
    Vector,
)
from cortical_cache.demo.server.exchange import sql_failure, unhandled

Operator = Literal[
    "in", "equal", "greater", "less", "greater_equal", "less_equal", "spatial", "regex"
]
BODY_KEYS: Mapping[str, Operator] = {
    "filter_in_dict": "in",
    "filter_equal_dict": "equal",
    "filter_greater_dict": "greater",
    "filter_less_dict": "less",
    "filter_greater_equal_dict": "greater_equal",
    "filter_less_equal_dict": "less_equal",
    "filter_spatial_dict": "spatial",
    "filter_regex_dict": "regex",
}
"""Filters that have an effect. ``filter_notin_dict`` is accepted and ignored."""

_INT64 = np.iinfo(np.int64)
_TRUE = ("t", "true", "y", "yes", "on", "1")
_FALSE = ("f", "false", "n", "no", "off", "0")


@dataclass(frozen=True, slots=True)
class Condition:
    """One column compared with one value."""

    column: str
    operator: Operator
    value: object


def conditions(body: Mapping[str, object]) -> dict[str, list[Condition]]:
    """Read the filters of a request body, by table, in the server's order."""
    found: dict[str, list[Condition]] = {}
    for key, operator in BODY_KEYS.items():
        tables = cast("Mapping[str, Mapping[str, object]]", body.get(key) or {})
        for table, columns in tables.items():
            wanted = found.setdefault(table, [])
            wanted += [Condition(c, operator, v) for c, v in columns.items()]
    return found


def matching(rows: Rows, wanted: Sequence[Condition]) -> Bools:
    """Tell which rows fulfil all conditions."""
    keep = np.ones(len(rows), dtype=np.bool_)
    for condition in wanted:
        if condition.column not in rows.columns:
            name = condition.column
            raise unhandled(name if condition.operator == "spatial" else repr(name))
        vector = rows[condition.column]
        keep &= _holds(vector, condition)
    return keep


def _holds(vector: Vector, condition: Condition) -> Bools:
    operator, value = condition.operator, condition.value
    if operator == "spatial":
        return ~vector.null & _in_box(vector, value)
    if operator == "regex":
        return ~vector.null & _regex(vector, value)
    if operator == "in":
        return ~vector.null & _is_in(vector, value)
    if value is None and operator == "equal":
        return vector.null.copy()
    if value is None or (isinstance(value, bool) and operator != "equal"):
        raise unhandled(
            "Only '=', '!=', 'is_()', 'isnot()', 'is_distinct_from()', "
            "'isnot_distinct_from()' operators can be used with None/True/False"
        )
    return ~vector.null & _compare(vector, operator, value)


def _is_in(vector: Vector, value: object) -> Bools:
    items = [item for item in cast("Sequence[object]", value) if item is not None]
    if not items:
        return np.zeros(len(vector), dtype=np.bool_)
    literals = [_literal(vector.kind, item) for item in items]
    if vector.kind in WHOLE_KINDS:
        exact = [_whole(literal) for literal in literals]
        inside = [n for n in exact if n is not None and _INT64.min <= n <= _INT64.max]
        return np.isin(vector.data, np.array(inside, dtype=np.int64))
    if vector.kind == "character varying":
        return np.fromiter((v in literals for v in vector.data), np.bool_, len(vector))
    return np.isin(vector.data, np.array(literals, dtype=vector.data.dtype))


def _compare(vector: Vector, operator: Operator, value: object) -> Bools:
    literal = _literal(vector.kind, value)
    if vector.kind in WHOLE_KINDS:
        return _compare_whole(vector.data, operator, cast("int | float", literal))
    if vector.kind in FLOAT_KINDS:
        return _compare_float(
            vector.data.astype(np.float64), operator, float(cast("float", literal))
        )
    if vector.kind == "character varying":
        test = _PYTHON[operator]
        texts = cast("list[str]", ["" if v is None else v for v in vector.data])
        text = cast("str", literal)
        return np.fromiter((test(v, text) for v in texts), np.bool_, len(vector))
    return _NUMPY[operator](vector.data, literal)


def _compare_whole(values: Array, operator: Operator, number: float) -> Bools:
    """Compare exactly, though the number may be fractional or beyond 64 bits."""
    if operator == "equal":
        exact = _whole(number)
        if exact is None or not _INT64.min <= exact <= _INT64.max:
            return np.zeros(len(values), dtype=np.bool_)
        return values == exact
    if operator in ("greater", "less_equal"):
        bound = math.floor(number)
    else:
        bound = math.ceil(number)
    if not _INT64.min <= bound <= _INT64.max:
        below = bound < _INT64.min
        answer = below == (operator in ("greater", "greater_equal"))
        return np.full(len(values), answer)
    return _NUMPY[operator](values, bound)


def _compare_float(values: Floats, operator: Operator, number: float) -> Bools:
    """Compare as PostgreSQL does: NaN equals NaN and exceeds everything else."""
    nan = np.isnan(values)
    if math.isnan(number):
        return (
            nan
            if operator in ("equal", "greater_equal")
            else (
                ~nan
                if operator == "less"
                else np.full(len(values), operator == "less_equal")
            )
        )
    with np.errstate(invalid="ignore"):
        plain = _NUMPY[operator](values, number)
    return plain | nan if operator in ("greater", "greater_equal") else plain & ~nan


_NUMPY: Mapping[Operator, Callable[[Array, object], Bools]] = {
    "equal": lambda a, b: np.asarray(a == b),
    "greater": lambda a, b: np.asarray(a > b),  # pyright: ignore[reportOperatorIssue, reportUnknownArgumentType]  a number
    "less": lambda a, b: np.asarray(a < b),  # pyright: ignore[reportOperatorIssue, reportUnknownArgumentType]  a number
    "greater_equal": lambda a, b: np.asarray(a >= b),  # pyright: ignore[reportOperatorIssue, reportUnknownArgumentType]  a number
    "less_equal": lambda a, b: np.asarray(a <= b),  # pyright: ignore[reportOperatorIssue, reportUnknownArgumentType]  a number
}
_PYTHON: Mapping[Operator, Callable[[str, str], bool]] = {
    "equal": lambda a, b: a == b,
    "greater": lambda a, b: a > b,
    "less": lambda a, b: a < b,
    "greater_equal": lambda a, b: a >= b,
    "less_equal": lambda a, b: a <= b,
}


def _whole(number: object) -> int | None:
    if isinstance(number, float):
        return int(number) if number.is_integer() else None
    return cast("int", number)


def _literal(kind: Kind, value: object) -> object:
    """Turn a JSON value into what PostgreSQL makes of its literal, or fail."""
    if isinstance(value, list | dict):
        if kind == "geometry":
            raise unhandled(f"Don't know how to literal-quote value {value}")
        raise sql_failure('syntax error at or near "["')
    if kind in WHOLE_KINDS or kind in FLOAT_KINDS:
        return _number(kind, value)
    if kind == "boolean":
        return _boolean(value)
    if kind == "character varying":
        if not isinstance(value, str):
            raise _mismatch(kind, value)
        # The server's driver doubles percent signs, so they never match.
        return value.replace("%", "%%")
    if kind == "timestamp without time zone":
        return _moment(kind, value)
    raise sql_failure("parse error - invalid geometry")


def _number(kind: Kind, value: object) -> int | float:
    if isinstance(value, bool):
        raise _mismatch(kind, value)
    if isinstance(value, int | float):
        if isinstance(value, float) and not math.isfinite(value):
            raise sql_failure(f'column "{value}" does not exist')
        return value
    try:
        if kind in WHOLE_KINDS:
            return int(cast("str", value))
        return float(cast("str", value))
    except ValueError:
        raise sql_failure(f'invalid input syntax for type {kind}: "{value}"') from None


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in _TRUE + _FALSE:
        return value.strip().lower() in _TRUE
    if isinstance(value, str):
        raise sql_failure(f'invalid input syntax for type boolean: "{value}"')
    raise _mismatch("boolean", value)


def _moment(kind: Kind, value: object) -> np.datetime64:
    if not isinstance(value, str):
        raise _mismatch(kind, value)
    try:
        text = value.removesuffix("Z").removesuffix("+00:00")
        return np.datetime64(text.replace(" ", "T"), "us")
    except ValueError:
        raise sql_failure(
            f'invalid input syntax for type timestamp: "{value}"'
        ) from None


def _mismatch(kind: Kind, value: object) -> Exception:
    names: dict[type, str] = {
        bool: "boolean",
        int: "integer",
        float: "numeric",
        str: "text",
    }
    given = names.get(type(value), "unknown")
    return sql_failure(f"operator does not exist: {kind} = {given}")


def _regex(vector: Vector, value: object) -> Bools:
    if vector.kind != "character varying":
        raise unhandled("Regex filter is only supported on string columns")
    if not isinstance(value, str):
        raise _mismatch(vector.kind, value)
    source = re.sub(r"\\[mMy]", r"\\b", value.replace("%", "%%"))
    try:
        pattern = re.compile(source)
    except re.error as error:
        raise sql_failure(f"invalid regular expression: {error}") from None
    found = (v is not None and pattern.search(str(v)) is not None for v in vector.data)
    return np.fromiter(found, np.bool_, len(vector))


def _in_box(vector: Vector, value: object) -> Bools:
    if vector.kind != "geometry":
        raise sql_failure(f"operator does not exist: {vector.kind} &&& geometry")
    corners = np.array(value)
    if corners.shape != (2, 3):
        raise unhandled("Bounding box must be a 2x3 list")
    low, high = corners
    if not (low < high).all():
        raise unhandled(f"min bounds: {low} must be less than max bounds: {high}")
    # The box goes through text with numpy's default precision, then PostGIS keeps it,
    # and the point, as float32 rounded outwards.
    low, high = _retyped(low), _retyped(high)
    point = vector.xyz()
    inside = (_up(point) >= _down(low)) & (_down(point) <= _up(high))
    return np.asarray(inside.all(axis=1))


def _retyped(corner: Array) -> Floats:
    printed = np.array2string(corner, max_line_width=10_000)
    return np.array([float(part) for part in printed.strip("[]").split()])


def _down(values: Floats) -> Floats:
    single = values.astype(np.float32)
    low = np.where(single > values, np.nextafter(single, np.float32(-np.inf)), single)
    return low.astype(np.float64)


def _up(values: Floats) -> Floats:
    single = values.astype(np.float32)
    high = np.where(single < values, np.nextafter(single, np.float32(np.inf)), single)
    return high.astype(np.float64)
