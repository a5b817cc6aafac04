"""Sort rows, and decide where one file ends and the next begins."""

from bisect import bisect_right

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["cut", "sort"]


def sort(table: pa.Table, by: tuple[str, ...]) -> pa.Table:
    """Return the rows sorted ascending, NULL last, ties in the order they came."""
    if not by or _is_sorted(table, by):
        return table
    return table.sort_by([(name, "ascending") for name in by])


def cut(table: pa.Table, by: tuple[str, ...], limit: int, *, more: bool) -> int:
    """Return how many rows of the sorted table make the next file, at most `limit`.

    A file ends between two values of the first column, unless one value alone exceeds
    it. 0 and NULL, of which a root column can hold millions and which hardly anyone
    asks for, get files of their own.

    Parameters
    ----------
    more : bool
        Rows may follow, so the last value may go on.
    """
    limit = min(limit, table.num_rows)
    if not by or limit == 0:
        return limit
    column = table.column(by[0])
    values = table.num_rows - column.null_count
    if values == 0:
        return limit
    limit = min(limit, values)
    if pa.types.is_integer(column.type) and column[0].as_py() == 0:
        return bisect_right(range(limit), 0, key=lambda row: column[row].as_py())
    last = column[limit - 1]
    goes_on = more if limit == table.num_rows else column[limit] == last
    start = column.slice(0, limit).index(last).as_py() if goes_on else limit
    return start or limit


def _is_sorted(table: pa.Table, by: tuple[str, ...]) -> bool:
    """Tell whether the rows are in order already, as those of a sorted stream are.

    A comparison costs a tenth of a sort. NULL is looked for at the end of what the
    columns before it leave equal; elsewhere the answer is no.
    """
    rows = table.num_rows
    if not by or rows <= 1:
        return True
    missing = table.column(by[0]).null_count
    if missing:
        values, rest = table.slice(0, rows - missing), table.slice(rows - missing)
        is_last = rest.column(by[0]).null_count == missing
        return is_last and _is_sorted(values, by) and _is_sorted(rest, by[1:])
    if any(table.column(name).null_count for name in by):
        return False
    *first, final = by
    column = table.column(final)
    in_order = pc.less_equal(column.slice(0, rows - 1), column.slice(1))
    for name in reversed(first):
        one, after = table.column(name).slice(0, rows - 1), table.column(name).slice(1)
        tied = pc.and_(pc.equal(one, after), in_order)
        in_order = pc.or_(pc.less(one, after), tied)
    return pc.all(in_order).as_py() is True
