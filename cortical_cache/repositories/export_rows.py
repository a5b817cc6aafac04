"""Read a held export: some columns, some rows, as the dump has them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cortical_cache.errors import InvalidQueryError, NotCachedError, UnknownNameError
from cortical_cache.model.commands import sync_command
from cortical_cache.model.ids import as_ids
from cortical_cache.model.shape import ColumnType, TableShape
from cortical_cache.model.values import plain
from cortical_cache.store import RowSet, RowSetState

__all__ = ["Where", "export_rows"]

Where: TypeAlias = Mapping[str, object]

_INTEGERS = {ColumnType.BIGINT: 63, ColumnType.INTEGER: 31}
"""Bits of their values, besides the sign."""


def export_rows(
    row_set: RowSet,
    columns: Sequence[str] | None,
    where: Where | None,
    dataset: str,
) -> pa.Table:
    """Return rows of an export that is held, each once, the invalid ones included.

    Parameters
    ----------
    row_set : RowSet
        Of the export.
    columns : sequence of str, optional
        Names of the header, or of one axis of a point: ``pt_position_x``.
    where : mapping, optional
        By column, the value or the list of values that rows must have; None is NULL.
        Of a root column that the files are sorted by, only those files are read that
        can have it.
    dataset : str
        Our name of it, for a message.

    Returns
    -------
    pyarrow.Table
        A point is three float64 columns, in voxels of the table as in the database.

    Raises
    ------
    UnknownNameError
        If the export has no such column.
    InvalidQueryError
        For a value that no row can have, and for a float that may have lost digits of
        an id.
    NotCachedError
        If it is not held.
    """

    def read(state: RowSetState) -> pa.Table:
        if state.shape is None:
            raise NotCachedError(
                f"export {row_set.name} of v{row_set.version} is",
                sync_command(dataset, row_set.version, "export", row_set.name),
            )
        return _read(state, state.shape, columns, where or {})

    return row_set.read(read)


def _read(
    state: RowSetState,
    shape: TableShape,
    columns: Sequence[str] | None,
    where: Mapping[str, object],
) -> pa.Table:
    wanted = _stored(shape, shape.stored_columns if columns is None else columns)
    tests = {name: _values(shape, name, value) for name, value in where.items()}
    for name in tests:
        if _stored(shape, [name]) != [name]:
            raise InvalidQueryError(f"{name} is a point: give {name}_x, _y or _z")
    needed = list(dict.fromkeys([*wanted, *tests]))
    found = pq.read_table(
        _files(state, shape, tests),
        columns=needed,
        partitioning=None,  # a folder such as session=3 is no column
    )
    found = found.replace_schema_metadata(None)
    for name, values in tests.items():
        found = found.filter(_test(name, values))
    return found.select(wanted)


def _files(
    state: RowSetState, shape: TableShape, tests: Mapping[str, list[object]]
) -> list[str]:
    """Return the files of one copy, those only that can have the rows asked for."""
    for name, values in tests.items():
        column = shape.column(name)
        keys = [one for one in values if isinstance(one, int)]
        if column is None or column.type not in _INTEGERS or len(keys) < len(values):
            continue
        held = state.held_for(name, keys)
        if held is not None and held.pieces:
            return [file for piece in held.pieces for file in piece.files]
    whole = state.held_whole()
    pieces = () if whole is None else whole.pieces
    return [file for piece in pieces for file in piece.files]


def _stored(shape: TableShape, names: Iterable[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        column = shape.column(name)
        if column is not None:
            found += column.stored
        elif name in shape.stored_columns:
            found.append(name)
        else:
            known = [one.name for one in shape.columns]
            raise UnknownNameError("column", name, f"export {shape.name}", known)
    return found


def _values(shape: TableShape, name: str, value: object) -> list[object]:
    found = _listed(value)
    column = shape.column(name)
    if column is None or column.type not in _INTEGERS:
        return found
    members = [plain(one) for one in found]
    there = as_ids([one for one in members if one is not None], name)
    largest = 2 ** _INTEGERS[column.type]
    held: list[object] = [one for one in there if -largest <= one < largest]
    return [*held, None] if None in members else held


def _listed(value: object) -> list[object]:
    if value is None or isinstance(value, str | bytes):
        return [value]
    listed: Any = getattr(value, "tolist", lambda: value)()
    if isinstance(listed, Iterable):
        return list(cast("Iterable[object]", listed))
    return [listed]


def _test(name: str, values: list[object]) -> pc.Expression:
    field = pc.field(name)
    there = [one for one in values if one is not None]
    test = field.isin(there) if there else pc.scalar(False)  # noqa: FBT003  no row
    return test | field.is_null() if len(there) < len(values) else test
