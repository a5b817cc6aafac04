"""``cortical-cache rm`` and ``prune``: make room. No network."""

from collections.abc import Sequence
from dataclasses import asdict

from cortical_cache.cli.output import as_json, say, table
from cortical_cache.client.status import size
from cortical_cache.registry import resolve
from cortical_cache.repositories.dataset import open_dataset
from cortical_cache.repositories.holdings import Holding
from cortical_cache.repositories.removals import Removals
from cortical_cache.settings import read_settings

__all__ = ["prune", "remove"]


def remove(
    dataset: str,
    version: int,
    *names: str,
    yes: bool = False,
    expired: bool = False,
    json: bool = False,
) -> None:
    """Remove a version from this disk, or some of its tables, views and exports.

    Without --yes it only shows what would go.

    Parameters
    ----------
    dataset
        Name or alias.
    version
        Materialization version.
    names
        Only these; otherwise all of it, kept replies included.
    yes
        Remove it.
    expired
        Also if the server has dropped the version, so that it is gone for ever.
    json
        Print the plan as JSON.

    Examples
    --------
    # what would go
    cortical-cache rm minnie_public 1300 nucleus_detection_v0
    # and away with it
    cortical-cache rm minnie_public 1300 nucleus_detection_v0 --yes
    """
    removals = _removals(dataset)
    plan = removals.of_version(version, names, expired=expired)
    _carry_out(removals, plan, yes=yes, json=json)


def prune(
    dataset: str,
    *,
    keep: int,
    yes: bool = False,
    expired: bool = False,
    json: bool = False,
) -> None:
    """Remove all versions from this disk but the newest ones.

    Without --yes it only shows what would go. Versions that the server has dropped
    stay, and do not count, unless --expired is given.

    Parameters
    ----------
    dataset
        Name or alias.
    keep
        How many versions stay.
    yes
        Remove them.
    expired
        Also versions that the server has dropped: they are gone for ever.
    json
        Print the plan as JSON.

    Examples
    --------
    cortical-cache prune minnie_public --keep 2
    cortical-cache prune minnie_public --keep 1 --yes
    """
    removals = _removals(dataset)
    plan = removals.of_old_versions(keep, expired=expired)
    _carry_out(removals, plan, yes=yes, json=json)


def _removals(dataset: str) -> Removals:
    settings = read_settings()
    home = resolve(dataset, settings)
    return Removals(open_dataset(home, settings).store, home.dataset.name)


def _carry_out(
    removals: Removals, plan: Sequence[Holding], *, yes: bool, json: bool
) -> None:
    if json:
        as_json([asdict(one) for one in plan])
    elif plan:
        lines = [
            (str(one.version), one.kind, one.name, f"{one.rows:,}", size(one.nbytes))
            for one in plan
        ]
        heading = ("version", "kind", "name", "rows", "size")
        table([heading, *lines], numbers=(0, 3, 4))
    if not plan:
        say("nothing to remove")
    elif yes:
        done = removals.carry_out(plan)
        say(f"removed {done.row_sets} row sets, {size(done.nbytes)}")
    else:
        total = size(sum(one.nbytes for one in plan))
        say(f"{len(plan)} row sets, {total}, would go: add --yes to remove them")
