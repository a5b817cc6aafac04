"""Read PostgreSQL's ``COPY ... CSV`` without a header row, typed, as it streams."""

import io
from collections.abc import Generator, Sequence
from typing import Any, TypeAlias, cast

import pyarrow as pa
from pyarrow import csv

from cortical_cache.errors import SourceError
from cortical_cache.model.shape import Column, ColumnType
from cortical_cache.sources.dumps.columns import stored_schema
from cortical_cache.sources.dumps.ewkb import points
from cortical_cache.sources.dumps.inflate import Inflated
from cortical_cache.sources.limits import check_rows

__all__ = ["csv_batches"]

Values: TypeAlias = "pa.Array[Any]"

_BLOCK = 8 << 20

# What the parser makes of the text; geometry and time zones are finished afterwards.
_PARSED = {
    ColumnType.BIGINT: pa.int64(),
    ColumnType.INTEGER: pa.int32(),
    ColumnType.DOUBLE: pa.float64(),
    ColumnType.BOOLEAN: pa.bool_(),
    ColumnType.VARCHAR: pa.string(),
    ColumnType.TIMESTAMP: pa.timestamp("us"),
    ColumnType.POINT: pa.binary(),
}


def csv_batches(
    file: io.RawIOBase, columns: Sequence[Column], where: str
) -> Generator[pa.RecordBatch]:
    """Yield the rows of a gzipped dump, every one of them.

    PostgreSQL writes NULL as nothing and an empty text as ``""``, booleans as ``t``
    and ``f``, times without a zone (they are UTC), geometry as hexadecimal EWKB.

    Parameters
    ----------
    file : binary file
        Gzipped, read once.
    columns : sequence of Column
        As the header has them, in order.
    where : str
        The file's name, for messages.

    Yields
    ------
    pyarrow.RecordBatch
        As `stored_schema` has it; points in the units of the dump.

    Raises
    ------
    SourceError
        If the stream is cut or damaged, a row has another number of columns than the
        header, a value is not of its column's type, or a row or the whole is larger
        than `cortical_cache.sources.limits` has it.
    """
    schema = stored_schema(columns)
    source = Inflated(file, where)
    try:
        first = source.read(1)
        if not first:
            source.finish()
            return
        for batch in _parsed(_Joined(first, source), source, columns, where):
            check_rows(batch, where)
            yield _finished(batch, columns, schema, where)
    finally:
        source.close()


def _parsed(
    file: io.RawIOBase, source: Inflated, columns: Sequence[Column], where: str
) -> Generator[pa.RecordBatch]:
    names = [column.name for column in columns]
    has_text = any(column.type is ColumnType.VARCHAR for column in columns)
    try:
        reader = csv.open_csv(
            cast("Any", file),
            read_options=csv.ReadOptions(column_names=names, block_size=_BLOCK),
            parse_options=csv.ParseOptions(
                newlines_in_values=has_text, ignore_empty_lines=False
            ),
            convert_options=csv.ConvertOptions(
                column_types={one.name: _PARSED[one.type] for one in columns},
                null_values=[""],
                true_values=["t", "true"],
                false_values=["f", "false"],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                timestamp_parsers=cast("Any", [csv.ISO8601]),
            ),
        )
        yield from reader
    except pa.ArrowInvalid as error:
        source.finish()
        raise SourceError(
            f"{where} is not what its header says: {_first_line(error)}"
        ) from error
    source.finish()


def _finished(
    batch: pa.RecordBatch, columns: Sequence[Column], schema: pa.Schema, where: str
) -> pa.RecordBatch:
    arrays: list[Values] = []
    parsed = cast("list[Values]", batch.columns)
    for column, values in zip(columns, parsed, strict=True):
        match column.type:
            case ColumnType.POINT:
                arrays += points(values, f"{where}, column {column.name}")
            case ColumnType.TIMESTAMP:
                zoned = values.cast(pa.timestamp("us", "UTC"))  # it is UTC
                arrays.append(zoned)
            case _:
                arrays.append(values)
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].removeprefix("CSV parse error: ")


class _Joined(io.RawIOBase):
    """A file with its first bytes put back."""

    def __init__(self, first: bytes, rest: Inflated) -> None:
        self._first = first
        self._rest = rest

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        first, self._first = self._first, b""
        return first + self._rest.read(size) if first else self._rest.read(size)
