"""Turn a reply into canonical rows: what the store keeps, whatever the server shows.

NULL root and supervoxel ids, which split versions show as 1, become NULL again (1 is
never an id). Types come from the schema, so an empty or all-NULL column has the type
it would have with values in it.
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias, cast

import pyarrow as pa
import pyarrow.compute as pc

from cortical_cache.errors import ServerError
from cortical_cache.model.shape import AXES, Column, ColumnType, TableShape
from cortical_cache.model.subject import Subject

__all__ = ["canonical", "shape_of"]

_Values: TypeAlias = "pa.ChunkedArray[Any]"

# A table's Float32 is all that the wire gives; a view's doubles arrive whole.
_STORED: Mapping[ColumnType, pa.DataType] = {
    ColumnType.BIGINT: pa.int64(),
    ColumnType.INTEGER: pa.int32(),
    ColumnType.BOOLEAN: pa.bool_(),
    ColumnType.VARCHAR: pa.string(),
    ColumnType.TIMESTAMP: pa.timestamp("us", "UTC"),
    ColumnType.POINT: pa.int32(),
}


def shape_of(subject: Subject, sent: pa.Schema, names: Iterable[str]) -> TableShape:
    """Derive the shape of a table or view from a reply that selected every column.

    Parameters
    ----------
    subject : Subject
        The table or view.
    sent : pyarrow.Schema
        Of the reply, positions split.
    names : iterable of str
        Model column names, from the ``column_names`` header; when empty, they are
        read off the reply.

    Returns
    -------
    TableShape
        `is_merged` is read off the columns: only split versions have ``created``.
        (The version record cannot be trusted for it on public datastacks, whose rows
        come from another version's database.)

    Raises
    ------
    ServerError
        If the reply has other columns than its own header says.
    """
    present = set(sent.names)
    described = {column.name: column for column in subject.view_columns}
    columns: list[Column] = []
    for column in names or _unsplit(sent.names):
        if column in described:
            columns.append(described[column])
        elif column in present:
            columns.append(Column(column, _sent_type(_type(sent, column))))
        elif f"{column}_x" in present:
            columns.append(Column(column, ColumnType.POINT))
    shape = TableShape(
        name=subject.name,
        kind=subject.kind,
        columns=tuple(columns),
        is_merged=subject.kind == "view" or "created" not in present,
        voxel_resolution=subject.voxel_resolution,
        reference_table=subject.reference_table,
    )
    if set(shape.stored_columns) != present:
        odd = sorted(present ^ set(shape.stored_columns))
        message = f"{subject}: the reply's columns do not fit its schema: {odd}"
        raise ServerError(message)
    return shape


def canonical(table: pa.Table, shape: TableShape) -> pa.Table:
    """Return the rows of a reply as the store keeps them.

    Parameters
    ----------
    table : pyarrow.Table
        A reply with every column of the shape, in any order.
    shape : TableShape

    Returns
    -------
    pyarrow.Table
        Columns in the shape's order, stored types, NULL where the database has NULL.

    Raises
    ------
    ServerError
        If a column cannot be cast without loss.
    """
    arrays: list[_Values] = []
    fields: list[tuple[str, pa.DataType]] = []
    for column in shape.columns:
        for stored in column.stored:
            target = _stored_type(column, shape, _type(table.schema, stored))
            values = _cast(table.column(stored), target, f"{shape.name}.{stored}")
            if shape.coalesced(column.name):
                if target != pa.int64():
                    message = f"{shape.name}.{stored}: the server sent {target} for ids"
                    raise ServerError(message)
                values = _restore_nulls(values)
            arrays.append(values)
            fields.append((stored, target))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def _stored_type(column: Column, shape: TableShape, sent: pa.DataType) -> pa.DataType:
    if column.type is ColumnType.DOUBLE:
        wide = pa.types.is_float64(sent) or shape.kind == "view"
        return pa.float64() if wide else pa.float32()
    return _STORED[column.type]


def _type(schema: pa.Schema, name: str) -> pa.DataType:
    return cast("pa.DataType", schema.field(name).type)


def _restore_nulls(ids: _Values) -> _Values:
    missing = pc.equal(ids, pa.scalar(1, pa.int64()))
    return cast("_Values", pc.if_else(missing, pa.scalar(None, pa.int64()), ids))


def _cast(values: _Values, target: pa.DataType, name: str) -> _Values:
    sent: pa.DataType = values.type
    if sent == target:
        return values
    try:
        if pa.types.is_timestamp(sent) and sent == pa.timestamp("ns"):
            values = cast("_Values", pc.assume_timezone(cast("Any", values), "UTC"))
        elif pa.types.is_string(sent) and values.null_count == len(values):
            # an all-NULL column of a view, which the server shows as strings
            return pa.chunked_array([pa.array([None] * len(values), target)])
        # nanoseconds on the wire are the database's microseconds, padded
        return values.cast(target, safe=True)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        message = f"{name}: the server sent {sent} that is no {target}: {error}"
        raise ServerError(message) from error


def _sent_type(sent: pa.DataType) -> ColumnType:
    if pa.types.is_int64(sent):
        return ColumnType.BIGINT
    if pa.types.is_integer(sent):
        return ColumnType.INTEGER
    if pa.types.is_floating(sent):
        return ColumnType.DOUBLE
    if pa.types.is_boolean(sent):
        return ColumnType.BOOLEAN
    if pa.types.is_timestamp(sent):
        return ColumnType.TIMESTAMP
    # strings; and of an empty table, the untyped columns, which are strings too
    return ColumnType.VARCHAR


def _unsplit(sent: Iterable[str]) -> list[str]:
    """Guess model names from a reply: three int columns ``p_x, p_y, p_z`` are ``p``."""
    names = list(sent)
    found: list[str] = []
    for index, name in enumerate(names):
        base = name[:-2]
        if names[index : index + 3] == [f"{base}_{axis}" for axis in AXES]:
            found.append(base)
        elif not (name[-2:] in {"_y", "_z"} and base in found):
            found.append(name)
    return found
