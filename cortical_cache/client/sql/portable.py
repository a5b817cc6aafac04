"""``client.export``: a portable copy of what is held of a version."""

import os
from collections.abc import Sequence
from pathlib import Path

from cortical_cache.client.explain import offline_twin
from cortical_cache.client.sql.heldviews import held_at
from cortical_cache.errors import ConfigurationError, NotCachedError
from cortical_cache.model.commands import sync_command
from cortical_cache.model.sql import Source
from cortical_cache.repositories.dataset import Repositories

__all__ = ["export"]


def export(
    repositories: Repositories,
    to: str | os.PathLike[str],
    tables: Sequence[str] | None,
    version: int | None,
    *,
    views: bool,
) -> dict[str, int]:
    """See `Client.export`."""
    from cortical_cache.engine.portable import write_database, write_folder

    twin = offline_twin(repositories)
    number = twin.versions.resolve(version)
    sources = _chosen(twin, number, tables)
    path = Path(to).expanduser().absolute()
    if path.suffix == ".duckdb":
        return write_database(sources, twin.dataset.transform, path, views=views)
    if views:
        raise ConfigurationError(f"views need a database; write {path.name}.duckdb")
    return write_folder(sources, path)


def _chosen(
    of: Repositories, version: int, tables: Sequence[str] | None
) -> dict[str, Source]:
    held = {
        asked.name: source
        for asked, source in held_at(of, version).items()
        if asked.kind != "export"
    }
    where, name = of.catalog.where(version), of.dataset.name
    if not held:
        raise NotCachedError(
            f"any whole table of {where} is", f"cortical-cache sync {name} {version}"
        )
    if tables is None:
        return held
    for one in tables:
        if one not in held:
            raise NotCachedError(
                f"the whole of {one} of {where} is",
                sync_command(name, version, "table", one),
            )
    return {one: held[one] for one in tables}
