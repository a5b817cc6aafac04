"""Fill a database with views on held rows, key sets, and macros for units."""

from collections.abc import Mapping, Sequence

import duckdb

from cortical_cache.engine.connection import open_database, running
from cortical_cache.engine.keysets import key_table
from cortical_cache.engine.sources import rows_of
from cortical_cache.model.shape import AXES
from cortical_cache.model.sql import KEYS, Source, TableName
from cortical_cache.queries import macros

__all__ = [
    "add_keys",
    "add_macros",
    "add_views",
    "depth_macro",
    "drop_keys",
    "open_views",
    "set_resolutions",
]

_DEPTHS = {
    "minnie_ds": "CREATE MACRO soma_depth(p) AS minnie_depth(p)",
    "v1dd_ds": "CREATE MACRO soma_depth(p) AS v1dd_depth(p)",
}
_SET_RESOLUTIONS = "SET VARIABLE resolutions = map($names, $voxels)"
_RESOLUTION = (
    "CREATE MACRO resolution(named) AS getvariable('resolutions')[lower(named)]"
)


def add_views(
    connection: duckdb.DuckDBPyConnection, sources: Mapping[TableName, Source]
) -> None:
    """Make a view for each name, in the schema and catalog that it gives.

    Raises
    ------
    StoreChangedError
        If a file is gone.
    """
    for name, source in sources.items():
        _enter(connection, name.catalog, name.schema)
        rows_of(connection, source).create_view(name.name)
    connection.execute("USE memory.main")


def add_keys(
    connection: duckdb.DuckDBPyConnection, keys: Mapping[str, Sequence[int]]
) -> None:
    """Make the tables ``keys.NAME``, with the column ``id``."""
    if not keys:
        return
    for name, ids in keys.items():
        _enter(connection, "", KEYS)
        key_table(connection, ids, "id").create(name)
    connection.execute("USE memory.main")


def drop_keys(
    connection: duckdb.DuckDBPyConnection, keys: Mapping[str, Sequence[int]]
) -> None:
    """Drop the tables that `add_keys` made."""
    for name in keys:
        connection.execute(f"DROP TABLE {KEYS}.{_quoted(name)}")


def add_macros(connection: duckdb.DuckDBPyConnection, transform: str | None) -> None:
    """Make the macros for positions and units; `set_resolutions` goes with them."""
    connection.execute(macros())
    depth = depth_macro(transform)
    if depth:
        connection.execute(depth)
    connection.execute(_RESOLUTION)


def set_resolutions(
    connection: duckdb.DuckDBPyConnection, sources: Mapping[TableName, Source]
) -> None:
    """Tell the macro ``resolution`` of a connection the voxels of each table."""
    if not sources:
        return
    voxels = {
        str(name).casefold(): dict(zip(AXES, one.voxel_resolution, strict=True))
        for name, one in sources.items()
    }
    given = {"names": [*voxels], "voxels": [*voxels.values()]}
    connection.execute(_SET_RESOLUTIONS, given)


def depth_macro(transform: str | None) -> str | None:
    """Return the statement that makes ``soma_depth``, if the transform is known."""
    return _DEPTHS.get(transform or "")


def open_views(
    sources: Mapping[TableName, Source], transform: str | None
) -> duckdb.DuckDBPyConnection:
    """Return an in-memory database of one's own with a view for each name, not shut.

    Raises
    ------
    StoreChangedError
        If a file is gone.
    """
    connection = open_database()
    try:
        with running(connection):
            add_views(connection, sources)
            add_macros(connection, transform)
            set_resolutions(connection, sources)
    except BaseException:
        connection.close()
        raise
    return connection


def _enter(connection: duckdb.DuckDBPyConnection, catalog: str, schema: str) -> None:
    """Make a schema the current one, and be it first."""
    if catalog:
        connection.execute(f"ATTACH IF NOT EXISTS ':memory:' AS {_quoted(catalog)}")
    path = f"{_quoted(catalog or 'memory')}.{_quoted(schema or 'main')}"
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {path}")
    connection.execute(f"USE {path}")


def _quoted(name: str) -> str:
    """Write an identifier so that it is one whatever it says.

    DuckDB takes names of schemas and catalogs in no other way.
    """
    return '"' + name.replace('"', '""') + '"'
