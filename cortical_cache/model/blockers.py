"""Why held rows, even all of them, cannot answer a query."""

from collections.abc import Mapping

from cortical_cache.model.conditions import Condition, conditions
from cortical_cache.model.output import outputs
from cortical_cache.model.query import Query
from cortical_cache.model.regex import translate
from cortical_cache.model.shape import ColumnType, TableShape

__all__ = ["blockers"]


def blockers(query: Query, shapes: Mapping[str, TableShape]) -> str | None:
    """Return why only the server can answer, or None if held rows can.

    Parameters
    ----------
    query : Query
    shapes : mapping of str to TableShape

    Returns
    -------
    str or None
        One reason, in words. Rounding is no blocker: see `Engine.ambiguous`.

    Raises
    ------
    InvalidQueryError, UnknownNameError, UnsupportedQueryError
        For a query that the server would refuse as well.
    """
    outputs(query, shapes)
    reasons = [_reason(one) for one in conditions(query, shapes)]
    if query.random_sample is not None:
        reasons.append("a random sample differs each time")
    return next((reason for reason in reasons if reason is not None), None)


def _reason(one: Condition) -> str | None:
    name = one.column.name
    if name == "deleted":
        return "no reply shows the column deleted, so it is not held"
    if one.kind == "regex" and translate(str(one.values[0])) is None:
        return (
            f"the pattern {one.values[0]!r} for {name} means something else, or "
            "nothing, outside PostgreSQL"
        )
    is_ordered = one.kind in ("greater", "greater_equal", "less", "less_equal")
    if is_ordered and one.column.type is ColumnType.VARCHAR:
        return f"the order of text in {name} depends on the server's collation"
    return None
