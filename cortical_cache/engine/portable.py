"""Write held rows, or views of them, for others: a DuckDB file, or Parquet."""

import errno
import os
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
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
    with (
        _made(path) as made,
        open_database(str(made), **_CONFIG) as connection,
        running(connection),
    ):
        connection.begin()  # a table of its own transaction can fail without an error
        counts: dict[str, int] = {}
        for name, source in sources.items():
            rows = rows_of(connection, source)
            if views:
                rows.create_view(name)
            else:
                rows.create(name)
            counts[name] = len(connection.table(name) if not views else rows)
        connection.from_arrow(_resolutions(sources)).create(RESOLUTIONS)
        connection.execute(macros())
        connection.execute(_RESOLUTION)
        depth = depth_macro(transform)
        if depth:
            connection.execute(depth)
        connection.commit()
        connection.execute("CHECKPOINT")  # to end would be to try it, and not to tell
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
    counts: dict[str, int] = {}
    with _made(path) as made:
        made.mkdir()
        spill = str(made.parent / "spill")  # goes with it; else the working directory
        with (
            open_database(temp_directory=spill, **_CONFIG) as connection,
            running(connection),
        ):
            for name, source in sources.items():
                rows = rows_of(connection, source)
                rows.write_parquet(str(made / f"{name}.parquet"), compression="zstd")
            rows = connection.from_arrow(_resolutions(sources))
            rows.write_parquet(str(made / f"{RESOLUTIONS}.parquet"))
        (made / "units.sql").write_text(macros(), "utf-8")
        for name in sources:
            counts[name] = pq.read_metadata(made / f"{name}.parquet").num_rows
    return counts


_DAY = 24 * 3600.0
_CANNOT_SYNC_FOLDER = {errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES}

_CONFIG: dict[str, str | bool] = {"memory_limit": MEMORY_LIMIT}


def _refuse_taken(path: Path) -> None:
    if path.exists():
        raise ConfigurationError(f"{path} is there already; name a new one")
    if not path.parent.is_dir():
        raise ConfigurationError(f"{path.parent} is no folder")


@contextmanager
def _made(path: Path) -> Generator[Path]:
    """Yield a folder beside the path to make ``made`` in, which gets its name then.

    Only a rename is left to do at the end. What killed writers left goes once it is a
    day old.

    Raises
    ------
    ConfigurationError, StoreError
        As `write_database`.
    """
    prefix = f".{path.name}.cortical-cache-"
    for left in path.parent.glob(f"{escape(prefix)}*"):
        with suppress(FileNotFoundError):  # another process sweeps, too
            if time.time() - left.stat().st_mtime > _DAY:
                rmtree(left, ignore_errors=True)
    _refuse_taken(path)
    try:
        with TemporaryDirectory(
            prefix=prefix, dir=path.parent, ignore_cleanup_errors=True
        ) as folder:
            made = Path(folder) / "made"
            yield made
            for one in made.iterdir() if made.is_dir() else ():
                _sync(one)
            _sync(made)
            _refuse_taken(path)  # another may have been made meanwhile
            made.replace(path)
            _sync(path.parent)
    except (duckdb.Error, OSError) as error:
        said = (isinstance(error, OSError) and error.strerror) or error
        raise StoreError(f"{path} cannot be written: {said}") from error


def _sync(path: Path) -> None:
    """Return once a file's bytes, or a folder's entries, would survive a power cut.

    Windows, and some file systems, cannot do that for a folder.
    """
    is_folder = path.is_dir()
    try:
        descriptor = os.open(path, os.O_RDONLY if is_folder else os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if not is_folder or error.errno not in _CANNOT_SYNC_FOLDER:
            raise


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
