"""Ids are 64-bit integers. A float is taken for one only where it lost nothing."""

from cortical_cache.errors import InvalidQueryError
from cortical_cache.model.values import listed, plain

__all__ = [
    "EXACT",
    "MISSING",
    "as_ids",
    "possible",
    "undamaged",
]

EXACT = 2**53
"""Below this every integer is a float of its own (IEEE 754 binary64)."""

MISSING = -(2**63)
"""Stands for NULL in arrays; no id or time has this value."""


def undamaged(number: float, name: str, *, whole: bool = True) -> int | float:
    """Return `number` unless, as a float, it may stand for another id.

    Parameters
    ----------
    number : int or float
    name : str
        Of the column or argument, for the message.
    whole : bool
        Refuse fractions.

    Raises
    ------
    InvalidQueryError
        If digits were lost, or a fraction is no id.
    """
    if isinstance(number, int):
        return number
    if abs(number) >= EXACT:
        spacing = int(abs(number)).bit_length() - 53
        raise InvalidQueryError(
            f"{name} is compared with the float {number!r}, which stands for "
            f"any of about {2**spacing} ids around {int(number)}: the last digits are "
            "lost; keep ids as integers"
        )
    if whole and not number.is_integer():
        raise InvalidQueryError(f"{name} holds whole numbers; {number!r} is none")
    return number


def possible(keys: frozenset[int]) -> frozenset[int]:
    """Return the keys that a column of 64-bit integers can have; the others find none.

    Of uint64 arrays -1 comes as 2**64 - 1.
    """
    if not keys or (min(keys) >= MISSING and max(keys) < -MISSING):
        return keys
    return frozenset(one for one in keys if MISSING <= one < -MISSING)


def as_ids(values: object, name: str) -> tuple[int, ...]:
    """Return one id or a list of them as integers, in order, repeats kept.

    Parameters
    ----------
    values : int, or list-like of int
        NumPy, pandas and Arrow are welcome; digits as text too.
    name : str
        Of the argument, for the message.

    Raises
    ------
    InvalidQueryError
        If one is missing, is no whole number, or is a float that lost digits.
    """
    is_one = isinstance(values, (int, float, str)) or getattr(values, "ndim", 1) == 0
    members = [values] if is_one else listed(values)
    if all(type(one) is int for one in members):  # by the million: no function calls
        return tuple(members)  # pyright: ignore[reportReturnType]  checked just above
    return tuple(_id(one, name) for one in members)


def _id(value: object, name: str) -> int:
    one = plain(value)
    if isinstance(one, str) and one.strip().lstrip("-").isdecimal():
        return int(one)
    if isinstance(one, bool) or not isinstance(one, (int, float)):
        raise InvalidQueryError(f"{name} must be whole numbers; {value!r} is none")
    return int(undamaged(one, name))
