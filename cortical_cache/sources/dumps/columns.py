"""The columns of a dump: what its header says, and how its rows are held.

Types come from the header, or, where a header has names only, from what is known of
the table and from CAVE's fixed column names. They are never guessed from values.
"""

import csv
import io
from collections.abc import Mapping, Sequence

import pyarrow as pa

from cortical_cache.errors import SourceError
from cortical_cache.model.shape import Column, ColumnType

__all__ = ["read_header", "stored_schema"]

_TYPES = {
    "bigint": ColumnType.BIGINT,
    "int8": ColumnType.BIGINT,
    "integer": ColumnType.INTEGER,
    "int4": ColumnType.INTEGER,
    "smallint": ColumnType.INTEGER,
    "double precision": ColumnType.DOUBLE,
    "real": ColumnType.DOUBLE,
    "numeric": ColumnType.DOUBLE,
    "boolean": ColumnType.BOOLEAN,
    "character varying": ColumnType.VARCHAR,
    "text": ColumnType.VARCHAR,
    "character": ColumnType.VARCHAR,
    "timestamp without time zone": ColumnType.TIMESTAMP,
    "user-defined": ColumnType.POINT,
    "geometry": ColumnType.POINT,
}

_NAMED = {
    "id": ColumnType.BIGINT,
    "superceded_id": ColumnType.BIGINT,
    "target_id": ColumnType.BIGINT,
    "valid": ColumnType.BOOLEAN,
    "created": ColumnType.TIMESTAMP,
    "deleted": ColumnType.TIMESTAMP,
}

_SUFFIXED = {
    "_root_id": ColumnType.BIGINT,
    "_supervoxel_id": ColumnType.BIGINT,
    "_position": ColumnType.POINT,
}

_STORED = {
    ColumnType.BIGINT: pa.int64(),
    ColumnType.INTEGER: pa.int32(),
    ColumnType.DOUBLE: pa.float64(),
    ColumnType.BOOLEAN: pa.bool_(),
    ColumnType.VARCHAR: pa.string(),
    ColumnType.TIMESTAMP: pa.timestamp("us", "UTC"),
    ColumnType.POINT: pa.float64(),
}


def read_header(
    data: bytes, where: str, known: Mapping[str, ColumnType] | None = None
) -> tuple[Column, ...]:
    """Return the columns that a header file names.

    Parameters
    ----------
    data : bytes
        Lines of ``name,type`` as PostgreSQL's information schema has them, or of
        names alone, or one line of names.
    where : str
        The file, for messages.
    known : mapping of str to ColumnType, optional
        Types of columns for a header without types. Any other column is taken for
        what its name says in CAVE, else for text: text loses nothing.

    Raises
    ------
    SourceError
        If it is no text, is empty, has a name twice or one that cannot be shown, or
        has a type that is not understood.
    """
    try:
        text = io.StringIO(data.decode("utf-8-sig"), newline="")
        lines = [line for line in csv.reader(text) if line]
    except (UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{where} is not a header: {error}") from error
    if len(lines) == 1 and not _is_pair(lines[0]):
        lines = [[name] for name in lines[0]]
    columns: list[Column] = []
    for line in lines:
        name, *rest = (part.strip() for part in line)
        if len(rest) > 1 or not name or not name.isprintable():
            raise SourceError(f"{where} is not a header: a line reads {line!r}")
        if rest:
            kind = _TYPES.get(rest[0].lower().partition("(")[0].strip())
            if kind is None:
                raise SourceError(
                    f"{where}: column {name} has the type {rest[0]!r}, which is not "
                    "understood"
                )
        else:
            kind = (known or {}).get(name) or _named(name)
        columns.append(Column(name, kind))
    # a point ``p`` is held as ``p_x``, which may be a column of its own
    names = [column.name for column in columns]
    stored = [name for column in columns for name in column.stored]
    if not names or len({*names}) < len(names) or len({*stored}) < len(stored):
        raise SourceError(f"{where} is not a header: it names {names or 'nothing'}")
    return tuple(columns)


def stored_schema(columns: Sequence[Column]) -> pa.Schema:
    """Return how the columns are held: types as in the store, points as x, y, z."""
    return pa.schema(
        [(name, _STORED[column.type]) for column in columns for name in column.stored]
    )


def _is_pair(line: Sequence[str]) -> bool:
    return len(line) == 2 and line[1].strip().lower() in _TYPES  # noqa: PLR2004  name and type


def _named(name: str) -> ColumnType:
    if name in _NAMED:
        return _NAMED[name]
    return next(
        (kind for suffix, kind in _SUFFIXED.items() if name.endswith(suffix)),
        ColumnType.VARCHAR,
    )
