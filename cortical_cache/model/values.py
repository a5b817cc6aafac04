"""Plain Python values out of whatever a caller puts in a filter.

NumPy, pandas and Arrow are recognised by what they can do, not by their types, so
that nothing of them is imported here.
"""

import math
from collections.abc import Iterable, Mapping
from datetime import date

from cortical_cache.errors import InvalidQueryError

__all__ = ["Scalar", "as_given", "integer", "listed", "plain"]

Scalar = bool | int | float | str | None

_PLAIN = frozenset({bool, int, float, str, type(None)})
_MISSING = frozenset({"NAType", "NaTType"})


def plain(value: object) -> Scalar:
    """Return one value as None, bool, int, float or str.

    Missing values of pandas become None; dates and times become ISO 8601 text, which
    is what caveclient sends.

    Raises
    ------
    InvalidQueryError
        For NaN and infinity, which CAVE cannot compare with, and for anything that
        is not one value.
    """
    if type(value).__name__ in _MISSING:
        return None
    if isinstance(value, date):  # a datetime is a date
        return value.isoformat()
    dtype = getattr(value, "dtype", None)
    if dtype is not None and getattr(value, "ndim", 0) == 0:
        if getattr(dtype, "kind", "") == "M":
            return None if str(value) == "NaT" else str(value)
        item = getattr(value, "item", None)
        value = item() if callable(item) else value
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidQueryError(
            f"CAVE cannot compare with {value}; use None to find missing values"
        )
    if isinstance(value, (bool, int, float, str)) or value is None:
        return value
    raise InvalidQueryError(
        f"a filter compares with one value, not with {type(value).__name__}"
    )


def listed(values: object) -> list[object]:
    """Return the members of a list-like value: list, set, array, Series, range, ...

    Raises
    ------
    InvalidQueryError
        For one value, text or a dict, which are no lists.
    """
    if isinstance(values, (list, tuple)):
        return list(values)  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType]  an argument of any type
    if isinstance(values, (str, bytes, Mapping)):
        raise InvalidQueryError(
            f"a list of values is needed, not {type(values).__name__}: [value]"  # pyright: ignore[reportUnknownArgumentType]  an argument of any type
        )
    dtype = getattr(values, "dtype", None)
    if getattr(dtype, "kind", "") == "M":  # ``tolist`` would give nanosecond counts
        return list(values) if isinstance(values, Iterable) else [values]  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType]  an argument of any type
    for name in ("tolist", "to_pylist"):
        method = getattr(values, name, None)
        if callable(method):
            values = method()
            break
    if isinstance(values, Iterable) and not isinstance(values, (str, bytes)):
        return list(values)  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType]  an argument of any type
    raise InvalidQueryError(
        f"a list of values is needed, not {type(values).__name__}: [value]"
    )


def integer(value: object, name: str, *, least: int) -> int | None:
    """Return `value` as an int of at least `least`, or None.

    Raises
    ------
    InvalidQueryError
        If it is no whole number, or too small.
    """
    try:
        number = plain(value)
    except InvalidQueryError:  # in words that are for filters
        number = math.nan
    if number is None:
        return None
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if isinstance(number, bool) or not isinstance(number, int) or number < least:
        raise InvalidQueryError(
            f"{name} must be a whole number of at least {least}, not {value!r}"
        )
    return number


def as_given(value: object) -> object:
    """Return what caveclient's JSON round trip makes of an argument.

    Lists, sets, arrays and Series become lists; dates become text; keys become text.
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return plain(value)
    if isinstance(value, Mapping):
        return {str(key): as_given(one) for key, one in value.items()}  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType]  an argument of any type
    if getattr(value, "ndim", 1) == 0 or isinstance(value, date):
        return plain(value)
    if type(value).__name__ in _MISSING:
        return None
    members = listed(value)
    if _PLAIN.issuperset(map(type, members)):  # ids by the million: no Python loop
        return members
    return [as_given(member) for member in members]
