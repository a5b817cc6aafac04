"""Write held rows, or views of them, for others: a DuckDB file, or Parquet."""

import os
import time
from collections.abc import Mapping
from glob import escape
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from cortical_cache.engine.connection import open_database, running
from cortical_cache.engine.sort import MEMORY_LIMIT
from cortical_cache.engine.sources import rows_of
from cortical_cache.engine.views import depth_macro
from cortical_cache.errors import ConfigurationError, StoreError
from cortical_cache.model.sql import Source
from cortical_cache.queries import macros

__all__ = ["write_database", "write_folder"]

RESOLUTIONS = "resolutions"
"""The table of nanometres per voxel, by table."""

_RESOLUTION = """
    CREATE MACRO resolution(named) AS (
        SELECT {'x': x, 'y': y, 'z': z} FROM resolutions
        WHERE table_name = lower(named)
    )
"""


def write_database(
    sources: Mapping[str, Source], transform: str | None, path: Path, *, views: bool
) -> dict[str, int]:
    """Write rows and macros to a DuckDB file, which is there whole or not at all.

    Parameters
    ----------
    sources : mapping of str to Source
        By the table's name.
    transform : str or None
        That ``soma_depth`` means.
    path : Path
    views : bool
        Views of the files where they lie, instead of the rows.

    Returns
    -------
    dict of str to int
        Rows by table.

    Raises
    ------
    ConfigurationError
        If there is such a file already.
    StoreError
        If it cannot be written, or a file of the store is gone.
    """
    _refuse_taken(path)
    with _scratch(path) as folder:
        file = Path(folder) / "made.duckdb"
        try:
            with (
                duckdb.connect(str(file), config={**_CONFIG}) as connection,
                running(connection),
            ):
                connection.execute("SET TimeZone = 'UTC'")
                counts: dict[str, int] = {}
                for name, source in sources.items():
                    rows = rows_of(connection, source)
                    counts[name] = len(rows)
                    if views:
                        rows.create_view(name)
                    else:
                        rows.create(name)
                connection.from_arrow(_resolutions(sources)).create(RESOLUTIONS)
                connection.execute(macros())
                connection.execute(_RESOLUTION)
                depth = depth_macro(transform)
                if depth:
                    connection.execute(depth)
        except (duckdb.Error, OSError) as error:
            raise StoreError(f"{path} cannot be written: {error}") from error
        _put(file, path)
    return counts


def write_folder(sources: Mapping[str, Source], path: Path) -> dict[str, int]:
    """Write a Parquet file for each table, with the macros, to a new folder.

    Returns
    -------
    dict of str to int
        Rows by table.

    Raises
    ------
    ConfigurationError, StoreError
        As `write_database`.
    """
    _refuse_taken(path)
    with _scratch(path) as folder:
        made = Path(folder) / "made"
        made.mkdir()
        try:
            with open_database(**_CONFIG) as connection, running(connection):
                for name, source in sources.items():
                    rows = rows_of(connection, source)
                    rows.write_parquet(
                        str(made / f"{name}.parquet"), compression="zstd"
                    )
                rows = connection.from_arrow(_resolutions(sources))
                rows.write_parquet(str(made / f"{RESOLUTIONS}.parquet"))
            (made / "units.sql").write_text(macros(), "utf-8")
        except (duckdb.Error, OSError) as error:
            raise StoreError(f"{path} cannot be written: {error}") from error
        _put(made, path)
    return {
        name: pq.read_metadata(path / f"{name}.parquet").num_rows for name in sources
    }


_DAY = 24 * 3600.0

_CONFIG: dict[str, str | bool] = {"memory_limit": MEMORY_LIMIT}


def _refuse_taken(path: Path) -> None:
    if path.exists():
        raise ConfigurationError(f"{path} is there already; name a new one")
    if not path.parent.is_dir():
        raise ConfigurationError(f"{path.parent} is no folder")


def _scratch(path: Path) -> "TemporaryDirectory[str]":
    """Return a folder beside the path, so that a rename is all that is left to do.

    Those of killed writers go once they are a day old.
    """
    prefix = f".{path.name}.cortical-cache-"
    for left in path.parent.glob(f"{escape(prefix)}*"):
        if left.is_dir() and time.time() - left.stat().st_mtime > _DAY:
            rmtree(left, ignore_errors=True)
    return TemporaryDirectory(prefix=prefix, dir=path.parent)


def _put(made: Path, path: Path) -> None:
    """Give what was made its name, once it would survive a power cut."""
    try:
        for one in [*made.iterdir()] if made.is_dir() else [made]:
            with one.open("r+b") as file:
                os.fsync(file.fileno())
        made.replace(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error


def _resolutions(sources: Mapping[str, Source]) -> pa.Table:
    voxels = [one.voxel_resolution for one in sources.values()]
    return pa.table(
        {
            "table_name": pa.array([name.casefold() for name in sources], pa.string()),
            **{
                axis: pa.array([one[place] for one in voxels], pa.float64())
                for place, axis in enumerate("xyz")
            },
        }
    )
