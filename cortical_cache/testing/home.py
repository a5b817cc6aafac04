"""Give the real caveclient a home of its own: a token, no memories."""

import json
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast
from urllib.parse import urlsplit

from cortical_cache.demo import (
    LoopbackCave,
    ServerSettings,
    World,
    WorldSettings,
    build_world,
)

_SECRETS = Path(".cloudvolume") / "secrets"
_DECORATED = (
    "get_table_metadata",
    "get_versions_metadata",
    "get_tables_metadata",
)
_TABLE_CACHES = ("_schema_cache", "_table_cache", "_metadata_cache")


class _Cache(Protocol):
    def clear(self) -> None: ...


def write_token(home: Path, cave: LoopbackCave) -> Path:
    """Save the server's token where caveclient looks for it.

    Parameters
    ----------
    home : Path
        The directory that ``HOME`` points to.
    cave : LoopbackCave
        A running server.

    Returns
    -------
    Path
        The file, named after the server's address.
    """
    folder = home / _SECRETS
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{urlsplit(cave.url).netloc}-cave-secret.json"
    path.write_text(json.dumps({"token": cave.token}), encoding="utf-8")
    return path


def forget_client_caches() -> None:
    """Empty the caches that all clients of this process share.

    caveclient remembers version and table metadata for hours and mixes up servers
    and datastacks; a test that changes either must start afresh.
    """
    engine = import_module("caveclient.materializationengine")
    for name in _DECORATED:
        method = getattr(engine.MaterializationClient, name)
        while not hasattr(method, "cache"):
            method = method.__wrapped__
        cast("_Cache", method.cache).clear()
    manager = import_module("caveclient.tools.table_manager")
    for name in _TABLE_CACHES:
        cast("_Cache", getattr(manager, name)).clear()
    memory = import_module("caveclient.tools.caching")
    cast("_Cache", memory.info_cache_cache).clear()
    import_module("cortical_cache.sources.cave.breaker").forget_outages()


@contextmanager
def loopback_cave(
    world: World | WorldSettings | None = None,
    settings: ServerSettings | None = None,
) -> Generator[LoopbackCave]:
    """Run a loopback CAVE, with ``HOME`` set up so that caveclient trusts it.

    Parameters
    ----------
    world : World or WorldSettings, optional
        What to serve, or how to make it; the default is the small demo world.
    settings : ServerSettings, optional
        How the server behaves.

    Yields
    ------
    LoopbackCave
        The running server. ``HOME`` is a temporary directory meanwhile.

    Examples
    --------
    >>> with loopback_cave() as cave:  # doctest: +SKIP
    ...     client = CAVEclient("demo", server_address=cave.url)
    """
    served = world if isinstance(world, World) else build_world(world)
    before = os.environ.get("HOME")
    with (
        tempfile.TemporaryDirectory() as home,
        LoopbackCave(served, settings) as cave,
    ):
        write_token(Path(home), cave)
        forget_client_caches()
        os.environ["HOME"] = home
        try:
            yield cave
        finally:
            if before is None:
                del os.environ["HOME"]
            else:
                os.environ["HOME"] = before
            forget_client_caches()
