"""Recognise an export that lies on this machine already."""

import re
from pathlib import Path

from cortical_cache.errors import ConfigurationError
from cortical_cache.model.export import SUFFIXES, Export
from cortical_cache.sources.buckets.bucket import Bucket
from cortical_cache.sources.dumps.listing import list_exports, of_version

__all__ = ["local_exports"]

_VERSION = re.compile(r"v(\d+)")


def local_exports(path: Path, version: int | None) -> list[Export]:
    """Return the export in a file, or all below a folder.

    Parameters
    ----------
    path : Path
        A dump (``NAME.csv.gz`` with ``NAME_header.csv`` beside it, ``.parquet``,
        ``.feather``), a Delta table's folder, or a folder with folders
        ``v{version}``.
    version : int or None
        Of what does not lie in a folder ``v{version}``.

    Raises
    ------
    ConfigurationError
        If there is no export, or its version is not known.
    """
    path = path.expanduser().absolute()
    if not path.exists():
        raise ConfigurationError(f"there is no {path}")
    is_delta = (path / "_delta_log").is_dir()
    if path.is_dir() and not is_delta:
        found = list_exports(Bucket(str(path)))
        if not found:
            raise ConfigurationError(f"{path} has no exports in folders v1, v2, ...")
        return found
    named = _VERSION.fullmatch(path.parent.name)
    number = int(named[1]) if named else version
    if number is None:
        raise ConfigurationError(
            f"the version of {path} is not known: give it, or put the file into a "
            "folder such as v1300"
        )
    if not is_delta and not path.name.endswith(tuple(SUFFIXES.values())):
        kinds = ", ".join(suffix for suffix in SUFFIXES.values() if suffix != "/")
        raise ConfigurationError(f"{path} is no export: none of {kinds}")
    bucket = Bucket(str(path.parent))
    found = of_version(bucket, "", number)
    chosen = [one for one in found if bucket.path(one.datapath) == path]
    if not chosen:
        raise ConfigurationError(f"{path} holds no table")
    return chosen
