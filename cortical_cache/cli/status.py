"""``cortical-cache status``: what is stale, expiring, missing, or new on the server."""

from dataclasses import asdict

from cortical_cache.cli.output import as_json, say, table
from cortical_cache.registry import available, resolve
from cortical_cache.repositories.dataset import open_dataset
from cortical_cache.repositories.standing import Finding, standing
from cortical_cache.settings import read_settings
from cortical_cache.sync.plan import PRESETS

__all__ = ["status"]


def status(dataset: str | None = None, *, json: bool = False) -> None:
    """Say of what is held what is stale, expiring, missing, or new on the server.

    Missing is what `sync --tables core` would fetch of the versions that are held.
    Asks the server for its list of versions; offline all is as last known. `ls` lists
    what is held.

    Parameters
    ----------
    dataset
        Only this one; otherwise all that something is held of.
    json
        Print as JSON.

    Examples
    --------
    cortical-cache status
    cortical-cache status minnie_public --json
    """
    settings = read_settings()
    found: list[tuple[str, Finding]] = []
    for name in [dataset] if dataset else sorted(available(settings)):
        repositories = open_dataset(resolve(name, settings), settings)
        if not repositories.versions.held():
            continue
        own = repositories.dataset
        wanted = PRESETS["core"](own)
        found += [(own.name, one) for one in standing(repositories, wanted)]
    if json:
        as_json([{"dataset": name, **asdict(one)} for name, one in found])
        return
    lines = [(name, one.state, one.what, one.told, one.command) for name, one in found]
    if lines:
        table([("dataset", "state", "what", "found", "command"), *lines])
    else:
        say("nothing is stale, expiring or missing, and nothing is new")
