"""``cortical-cache ls`` and ``info``: what is held. No network."""

from dataclasses import asdict

from cortical_cache.cli.output import as_json, say, table
from cortical_cache.client.status import CacheStatus, cache_status
from cortical_cache.model.quantities import size
from cortical_cache.registry import available, resolve
from cortical_cache.repositories.dataset import open_dataset
from cortical_cache.repositories.holdings import (
    VersionHolding,
    holdings,
    version_holdings,
)
from cortical_cache.settings import read_settings

__all__ = ["info", "list_held"]


def list_held(dataset: str | None = None, *, json: bool = False) -> None:
    """List what is held: tables, views, rows, bytes, age, source, end on the server.

    Parameters
    ----------
    dataset
        Only this one.
    json
        Print as JSON.

    Examples
    --------
    cortical-cache ls
    cortical-cache ls minnie_public --json
    """
    settings = read_settings()
    names = [dataset] if dataset else sorted(available(settings))
    found: list[CacheStatus] = []
    for name in names:
        repositories = open_dataset(resolve(name, settings), settings)
        status = cache_status(repositories)
        if status.holdings or dataset:
            found.append(status)
    if json:
        as_json([{"dataset": s.dataset, **one} for s in found for one in s.records()])
        return
    lines = [("dataset", *status.lines()[0]) for status in found[:1]]
    for status in found:
        lines += [(status.dataset, *line) for line in status.lines()[1:]]
    if len(lines) > 1:
        table(lines, numbers=(1, 5, 6))
    for status in found:
        for warning in status.warnings:
            say(f"{status.dataset} {warning}")
    total = sum(status.nbytes for status in found)
    say(f"{size(total)} held in {settings.cache_dir}")


def info(dataset: str, *, json: bool = False) -> None:
    """Describe a dataset: where it is served, where it is held, which versions.

    Parameters
    ----------
    dataset
        Name or alias.
    json
        Print as JSON.

    Examples
    --------
    cortical-cache info minnie_public
    """
    settings = read_settings()
    home = resolve(dataset, settings)
    store = open_dataset(home, settings).store
    versions = version_holdings(store, holdings(store))
    of = home.dataset
    described = {
        "name": of.name,
        "aliases": ", ".join(of.aliases),
        "datastack": of.datastack,
        "server_address": of.server_address,
        "folder": str(store.folder),
        "layers": ", ".join(str(one.folder) for one in store.below),
        "pinned": "" if home.pinned is None else str(home.pinned),
        "offline": "yes" if settings.offline else "no",
        "cell tables": ", ".join(of.cell_tables),
        "lookup view": of.lookup_view or "",
        "core tables": ", ".join(of.core_tables),
        "transform": of.transform or "",
        "exports": ", ".join(of.export_locations),
    }
    if json:
        as_json({**described, "versions": [asdict(one) for one in versions]})
        return
    table([(key, value) for key, value in described.items() if value])
    heading = ("version", "frozen", "row sets", "rows", "size", "expires", "as of")
    lines = [
        (
            str(one.version),
            f"{one.timestamp:%Y-%m-%d}",
            str(one.row_sets),
            f"{one.rows:,}",
            size(one.nbytes),
            _end(one),
            f"{one.as_of:%Y-%m-%d}",
        )
        for one in versions
    ]
    table([heading, *lines] if lines else [], numbers=(2, 3, 4))


def _end(version: VersionHolding) -> str:
    if not version.on_server:
        return "expired"
    return "never" if version.expires_on is None else f"{version.expires_on:%Y-%m-%d}"
