"""Join the pages of a mirrored table into its final files.

A table that fits into one file is sorted by id. A larger one is cut into range files,
one complete copy for each root column that it is asked by, so that a lookup reads one
file, at most two, whatever the table's size.
"""

from cortical_cache.errors import TruncatedResultError
from cortical_cache.model.coverage import Whole
from cortical_cache.model.shape import ColumnType, TableShape
from cortical_cache.model.subject import Subject
from cortical_cache.store import RowSet, RowSetState

__all__ = ["ROWS_PER_FILE", "join_pages", "sort_orders"]

ROWS_PER_FILE = 2_000_000
"""Rows of a range file: a lookup in one costs what it costs in a table of that size."""


def sort_orders(
    shape: TableShape, rows: int, rows_per_file: int
) -> list[tuple[str, ...]]:
    """Return the orders of a table's copies, the first one first.

    Parameters
    ----------
    shape : TableShape
    rows : int
    rows_per_file : int
        Up to this many rows, one copy by id serves every question.
    """
    names = [
        column.name
        for column in shape.columns
        if column.type is ColumnType.BIGINT
        and (column.name.endswith("_root_id") or column.name == "target_id")
    ]
    by_id = ("id",) if shape.column("id") is not None else ()
    if rows <= rows_per_file or not names:
        return [by_id]
    # Inputs are asked for more often than outputs, so post goes before pre.
    return [(name, *by_id) for name in sorted(names)]


def join_pages(
    row_set: RowSet, subject: Subject, column: str, total: int, rows_per_file: int
) -> None:
    """Write the pages as one commit that holds the whole table.

    Parameters
    ----------
    row_set : RowSet
        Holds every page.
    subject : Subject
    column : str
        That the pages are cut by.
    total : int
        The server's count.
    rows_per_file : int

    Raises
    ------
    TruncatedResultError
        If the pages do not add up to `total`.
    """
    row_set.read(
        lambda state: _join(row_set, state, subject, column, total, rows_per_file)
    )


def _join(  # noqa: PLR0913, PLR0917  as join_pages, and a reading of the row set
    row_set: RowSet,
    state: RowSetState,
    subject: Subject,
    column: str,
    total: int,
    rows_per_file: int,
) -> None:
    from cortical_cache.engine.sort import batches

    come = state.span_rows(column)
    shape = state.shape
    if come != total or shape is None:
        raise TruncatedResultError(
            f"{subject}: its pages hold {come:,} rows, the server counts {total:,}",
            come,
            total,
        )
    files = state.span_files(column)
    orders = sort_orders(shape, come, rows_per_file)
    newest = state.commits[-1].provenance
    with row_set.writer(
        shape=shape,
        coverage=Whole(),
        provenance=newest,
        supersedes=[one.id for one in state.commits if not one.exact],
        sort_by=orders[0],
        rows_per_file=rows_per_file,
    ) as writer:
        for number, order in enumerate(orders):
            if number:
                writer.start_copy(order)
            # pages follow each other, so by the page column they are sorted already
            sort_by = () if order == (column,) else order
            for batch in batches(files, shape.stored_columns, sort_by):
                writer.write(batch)
