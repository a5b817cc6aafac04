"""Which columns an answer has, under which names, in which order.

The server's order of a join's tables changes between its processes; here it is the
order of the query.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from cortical_cache.errors import (
    InvalidQueryError,
    UnknownNameError,
    UnsupportedQueryError,
)
from cortical_cache.model.query import Query
from cortical_cache.model.shape import AXES, Column, ColumnType, TableShape, names

__all__ = ["Output", "find_column", "output_names", "outputs", "resolution"]

# What the server falls back to: without an underscore.
_SUFFIXES = ("x", "y", "z", "xx", "yy", "zz", "xxx", "yyy", "zzz")

_DELETED = Column("deleted", ColumnType.TIMESTAMP)
_SIDES = 2


@dataclass(frozen=True, slots=True)
class Output:
    """One column of an answer.

    Attributes
    ----------
    table : str
    column : Column
        The model column it shows.
    name : str
        Its name in the answer, with a suffix where two tables have it.
    shown : bool
        False for what the server selects and then drops: ``deleted``, and
        ``superceded_id`` of a join.
    """

    table: str
    column: Column
    name: str
    shown: bool

    @property
    def names(self) -> tuple[str, ...]:
        """Names of its column, or of its three split columns, in the answer."""
        if self.column.type is ColumnType.POINT:
            return tuple(f"{self.name}_{axis}" for axis in AXES)
        return (self.name,)


def outputs(query: Query, shapes: Mapping[str, TableShape]) -> tuple[Output, ...]:
    """Return the columns of the answer, those that the server drops included.

    Parameters
    ----------
    query : Query
    shapes : mapping of str to TableShape
        By table name; of every side of the query.

    Returns
    -------
    tuple of Output

    Raises
    ------
    UnknownNameError
        For a selected or joined column that its table does not have.
    UnsupportedQueryError
        For a join of more than two tables.
    InvalidQueryError
        For suffixes that are the same.
    """
    if len(query.sides) > _SIDES:
        raise UnsupportedQueryError(
            "CAVE joins two tables, not more; join the third one with SQL"
        )
    for side in query.sides:
        if side.column is not None:
            find_column(shapes[side.table], side.column)
    selected = _selected(query, shapes)
    uses = Counter(column.name for columns in selected.values() for column in columns)
    suffixes = _suffixes(query)
    dropped = {"deleted", "superceded_id"} if query.kind == "join" else {"deleted"}
    return tuple(
        Output(
            table,
            column,
            column.name + (suffixes[table] if uses[column.name] > 1 else ""),
            column.name not in dropped or shapes[table].kind == "view",
        )
        for table, columns in selected.items()
        for column in columns
    )


def output_names(found: tuple[Output, ...]) -> dict[str, dict[str, str]]:
    """Return the server's ``column_names`` header: table to column to name."""
    tables: dict[str, dict[str, str]] = {}
    for one in found:
        tables.setdefault(one.table, {})[one.column.name] = one.name
    return tables


def find_column(shape: TableShape, name: str) -> Column:
    """Return the model column of that name.

    Raises
    ------
    UnknownNameError
        If the table has no such column.
    """
    column = next((one for one in _model(shape) if one.name == name), None)
    if column is None:
        where = f"{shape.kind} {shape.name}"
        raise UnknownNameError("column", name, where, names(shape.columns))
    return column


def resolution(
    query: Query, shapes: Mapping[str, TableShape]
) -> tuple[float, float, float]:
    """Return the nanometres per voxel of the answer's positions.

    Without a `desired_resolution` they are those of the last table of the query.
    """
    last = shapes[query.sides[-1].table]
    return query.desired_resolution or last.voxel_resolution


def _model(shape: TableShape) -> tuple[Column, ...]:
    """Return the server's own columns: split tables have ``deleted`` as well."""
    if shape.kind == "view" or shape.is_merged:
        return shape.columns
    at = names(shape.columns).index("created") + 1 if shape.column("created") else 0
    return (*shape.columns[:at], _DELETED, *shape.columns[at:])


def _selected(
    query: Query, shapes: Mapping[str, TableShape]
) -> dict[str, tuple[Column, ...]]:
    if query.columns_of is not None:
        wanted = dict(query.columns_of)
        for table in wanted:
            if table not in query.tables:
                raise UnknownNameError("table", table, "this query", query.tables)
        return {
            table: _columns(shapes[table], wanted[table])
            for table in query.tables
            if wanted.get(table)
        }
    if query.columns is None:
        return {table: _model(shapes[table]) for table in query.tables}
    by_table: dict[str, list[str]] = {}
    for name in query.columns:
        by_table.setdefault(_first_with(name, query, shapes), []).append(name)
    return {
        table: _columns(shapes[table], tuple(by_table[table]))
        for table in query.tables
        if table in by_table
    }


def _first_with(name: str, query: Query, shapes: Mapping[str, TableShape]) -> str:
    for table in query.tables:
        if any(one.name == name for one in _model(shapes[table])):
            return table
    known = [name for table in query.tables for name in names(shapes[table].columns)]
    raise UnknownNameError("column", name, " or ".join(query.tables), known)


def _columns(shape: TableShape, wanted: tuple[str, ...]) -> tuple[Column, ...]:
    found: dict[str, Column] = {}
    for name in wanted:
        column = find_column(shape, name)
        # The server puts the supervoxel of a selected root just before it.
        if name.endswith("_root_id"):
            supervoxel = shape.column(f"{name.removesuffix('root_id')}supervoxel_id")
            if supervoxel is not None:
                found.setdefault(supervoxel.name, supervoxel)
        found.setdefault(name, column)
    return tuple(found.values())


def _suffixes(query: Query) -> dict[str, str]:
    chosen = dict(zip(query.tables, query.suffixes or (), strict=False))
    chosen.update(query.suffix_of or ())
    if len(set(chosen.values())) < len(chosen):
        raise InvalidQueryError(f"suffixes must differ between tables, not {chosen}")
    return dict(zip(query.tables, _SUFFIXES, strict=False)) | chosen
