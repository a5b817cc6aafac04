"""What the server does not do with a query, though caveclient documents it.

Such a query is never passed on as it is: its answer would be wrong, and kept. The
faults are MaterializationEngine 5.26's; docs/differences.md lists them.
"""

from cortical_cache.model.query import Filter, Query

__all__ = ["is_misread", "misread", "selects_one"]


def is_misread(one: Filter) -> bool:
    """Tell whether the server ignores a filter, or misses rows that meet it."""
    if one.kind == "out":
        return True
    if one.kind not in ("in", "equal", "regex"):
        return False
    values = one.value if isinstance(one.value, tuple) else (one.value,)
    return any(isinstance(value, str) and "%" in value for value in values)


def misread(query: Query) -> str | None:
    """Return what the server would get wrong, in words, or None."""
    if any(one.kind == "out" and one.value for one in query.filters):
        return "the server ignores filter_out_dict"
    if any(is_misread(one) for one in query.filters if one.kind != "out"):
        return "the server never finds text with a percent sign"
    if query.counts and query.kind == "join":
        return "the server does not count the rows of a join"
    return None


def selects_one(query: Query) -> bool:
    """Tell whether one column is selected, which the server can fail on."""
    by_table = [name for _, names in query.columns_of or () for name in names]
    return len(query.columns or by_table) == 1
