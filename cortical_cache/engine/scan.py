"""Held rows of one table as a DuckDB relation, with its conditions applied."""

from collections.abc import Collection, Sequence
from functools import reduce

import duckdb
import pyarrow as pa
from duckdb import ColumnExpression, ConstantExpression, DuckDBPyRelation

from cortical_cache.engine.connection import require_apart, running
from cortical_cache.engine.expressions import Reading, all_of, is_rounded, reading
from cortical_cache.engine.keysets import FEW, among
from cortical_cache.model.conditions import Condition
from cortical_cache.model.coverage import Piece
from cortical_cache.model.held import HeldRows
from cortical_cache.model.shape import ColumnType

__all__ = ["ROW", "ambiguous", "every", "matching"]

# Where a row stands in its file: breaks ties between rows of a view with the same id.
ROW = "file_row_number"

_NUMBERS = (ColumnType.BIGINT, ColumnType.INTEGER)

_HELD: dict[ColumnType, pa.DataType] = {
    ColumnType.BIGINT: pa.int64(),
    ColumnType.INTEGER: pa.int32(),
    ColumnType.DOUBLE: pa.float32(),
    ColumnType.BOOLEAN: pa.bool_(),
    ColumnType.VARCHAR: pa.string(),
    ColumnType.TIMESTAMP: pa.timestamp("us", "UTC"),
    ColumnType.POINT: pa.int32(),
}


def matching(
    cursor: duckdb.DuckDBPyConnection,
    held: HeldRows,
    conditions: Sequence[Condition],
    decided: Collection[int] | None,
    *,
    placed: bool = False,
) -> DuckDBPyRelation:
    """Return the rows that the server would return, in stored form.

    Parameters
    ----------
    cursor : duckdb.DuckDBPyConnection
    held : HeldRows
    conditions : sequence of Condition
        All on this table.
    decided : collection of int or None
        Ids of the rows, among those that rounding leaves open, that do match. None:
        rounded values are taken at face value.
    placed : bool
        Add two columns: the file of each row (`FILE`), and which row of it (`ROW`).
    """
    rows, readings = _certain(cursor, held, conditions, placed=placed)
    if not readings:
        return rows
    if decided is None:
        return rows.filter(all_of([one.face for one in readings]))
    surely = all_of([one.surely for one in readings])
    if not decided:
        return rows.filter(surely)
    ids = ColumnExpression("id").isin(
        *(ConstantExpression(int(one)) for one in decided)
    )
    possibly = all_of([one.possibly for one in readings])
    return rows.filter(surely | (possibly & ids))


def ambiguous(
    cursor: duckdb.DuckDBPyConnection, held: HeldRows, conditions: Sequence[Condition]
) -> DuckDBPyRelation | None:
    """Return the rows that rounding leaves open, or None if it cannot leave any."""
    if not any(is_rounded(one, held) for one in conditions):
        return None  # before any file is bound: most questions end here
    rows, readings = _certain(cursor, held, conditions)
    surely = all_of([one.surely for one in readings])
    possibly = all_of([one.possibly for one in readings])
    # Of NULL a comparison is unknown: not sure.
    return rows.filter(possibly & (~surely | surely.isnull()))


def _certain(
    cursor: duckdb.DuckDBPyConnection,
    held: HeldRows,
    conditions: Sequence[Condition],
    *,
    placed: bool = False,
) -> tuple[DuckDBPyRelation, list[Reading]]:
    """Apply what rounding cannot touch; return the readings of the rest."""
    exact = [one for one in conditions if not is_rounded(one, held)]
    sets = [one for one in exact if _is_long(one)]
    tests = [reading(one, held).face for one in exact if not _is_long(one)]
    if held.shape.kind == "table" and held.shape.column("valid") is not None:
        tests.append(ColumnExpression("valid"))
    rows = every(cursor, held, placed=placed)
    if tests:
        rows = rows.filter(all_of(tests))
    for one in sets:
        how = "semi" if one.kind == "in" else "anti"
        rows = among(cursor, rows, one.column.name, one.values, how)
        if one.null:
            rows = rows.filter(ColumnExpression(one.column.name).isnotnull())
    return rows, [reading(one, held) for one in conditions if is_rounded(one, held)]


def _is_long(condition: Condition) -> bool:
    """Tell whether a list of values is better joined than written out."""
    return (
        condition.kind in ("in", "out")
        and len(condition.values) > FEW
        and condition.column.type in _NUMBERS
    )


def every(
    cursor: duckdb.DuckDBPyConnection, held: HeldRows, *, placed: bool = False
) -> DuckDBPyRelation:
    """Return all rows of the pieces, those that queries do not show included.

    `placed` is for rows of one piece.
    """
    require_apart(held.shape.stored_columns)
    is_view = held.shape.kind == "view"
    pieces = [
        _piece(cursor, piece, row_number=is_view or placed, file=placed)
        for piece in held.pieces
    ]
    if not pieces:  # all that was asked for is held, and it is nothing
        return _no_rows(cursor, held)
    if len(pieces) == 1:
        return pieces[0]
    # UNION goes by position, and files may differ in the order of their columns.
    names = [*held.shape.stored_columns, *([ROW] if is_view else [])]
    columns = [ColumnExpression(name) for name in names]
    return reduce(DuckDBPyRelation.union, [piece.select(*columns) for piece in pieces])


def _no_rows(cursor: duckdb.DuckDBPyConnection, held: HeldRows) -> DuckDBPyRelation:
    """Return a relation with the columns of the shape, as a reply would type them."""
    fields = [
        (name, _HELD[column.type])
        for column in held.shape.columns
        for name in column.stored
    ]
    if held.shape.kind == "view":
        fields.append((ROW, pa.int64()))
    return cursor.from_arrow(pa.schema(fields).empty_table())


def _piece(
    cursor: duckdb.DuckDBPyConnection, piece: Piece, *, row_number: bool, file: bool
) -> DuckDBPyRelation:
    with running(cursor):
        rows = cursor.read_parquet(
            list(piece.files),
            file_row_number=row_number,
            filename=file,
            hive_partitioning=False,  # a folder such as session=3 is no column
        )
    if piece.key_column is None:
        return rows
    return among(cursor, rows, piece.key_column, sorted(piece.keys))
