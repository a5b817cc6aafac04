"""``cortical-cache doctor``: whether all that answers rest on is as it should be."""

from dataclasses import asdict

from cortical_cache.cli.output import as_json, say, table
from cortical_cache.registry import resolve
from cortical_cache.repositories.checkup import checkup
from cortical_cache.repositories.dataset import open_dataset
from cortical_cache.settings import read_settings

__all__ = ["doctor"]


def doctor(dataset: str, *, json: bool = False) -> int:
    """Look over disk, file system, locks, format, damage, token, server and clock.

    Exit code 1 if something is bad. Offline, the server is not asked.

    Parameters
    ----------
    dataset
        Name or alias.
    json
        Print as JSON.

    Examples
    --------
    cortical-cache doctor minnie_public
    """
    settings = read_settings()
    found = list(checkup(open_dataset(resolve(dataset, settings), settings)))
    if json:
        as_json([asdict(one) for one in found])
    else:
        lines = [(one.check, one.outcome, one.said) for one in found]
        table([("check", "outcome", "found"), *lines])
    bad = [one.check for one in found if one.outcome == "bad"]
    if bad:
        say(f"not as it should be: {', '.join(bad)}")
    return 1 if bad else 0
