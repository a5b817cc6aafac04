"""Rows as text and files: ids keep every digit, NULL is no empty text."""

import json
import math
import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, Literal

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

__all__ = ["Format", "lines", "write", "write_file"]

Format = Literal["csv", "json", "parquet", "arrow"]


def write(rows: pa.Table, form: Format, to: IO[bytes]) -> None:
    """Write rows.

    Parameters
    ----------
    rows : pyarrow.Table
    form : {"csv", "json", "parquet", "arrow"}
        CSV: NULL is nothing, the empty text ``""``; lists and structs are JSON.
        JSON: an array of objects; what JSON has no word for (NaN) is null. Arrow:
        the file format, which feather readers read, too.
    to : binary file
    """
    match form:
        case "csv":
            pacsv.write_csv(_flat(rows), to)
        case "json":
            to.write(b"[")
            for number, row in enumerate(_records(rows)):
                to.write(b",\n" if number else b"\n")
                to.write(json.dumps(row, default=str).encode())
            to.write(b"\n]\n")
        case "parquet":
            pq.write_table(rows, to, compression="zstd")
        case "arrow":
            with pa.ipc.new_file(to, rows.schema) as writer:  # pyright: ignore[reportArgumentType]  stub: a path is fine
                writer.write_table(rows)


def write_file(rows: pa.Table, form: Format, path: Path) -> None:
    """Write rows to a file, which is there whole or as it was before."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            write(rows, form, file)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def lines(rows: pa.Table) -> Iterator[tuple[str, ...]]:
    """Yield a heading and each row as text; NULL is the empty text."""
    yield tuple(rows.column_names)
    for record in _records(rows):
        yield tuple(_text(value) for value in record.values())


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, list | dict):
        return json.dumps(value, default=str)
    return str(value)


def _records(rows: pa.Table) -> Iterator[dict[str, object]]:
    # By position: two columns may have one name.
    names = [
        name if rows.column_names.index(name) == place else f"{name}_{place}"
        for place, name in enumerate(rows.column_names)
    ]
    for batch in rows.rename_columns(names).to_batches():
        for record in batch.to_pylist():
            yield {name: _plain(value) for name, value in record.items()}


def _plain(value: Any) -> object:  # noqa: ANN401  whatever a column has
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list):
        return [_plain(one) for one in value]  # pyright: ignore[reportUnknownVariableType]  JSON-like, of any shape
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]  JSON-like, of any shape
    return value


def _flat(rows: pa.Table) -> pa.Table:
    """Return the rows with lists and structs as JSON text: CSV has no form for them."""
    for place, name in enumerate(rows.column_names):
        if pa.types.is_nested(rows.schema.types[place]):
            texts = [
                None if one is None else json.dumps(_plain(one), default=str)
                for one in rows.column(place).to_pylist()
            ]
            rows = rows.set_column(place, name, pa.array(texts, pa.string()))
    return rows
