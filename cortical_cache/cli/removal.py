"""``cortical-cache rm`` and ``prune``: make room. No network."""

from typing import Any

from cortical_cache.cli.codes import Exit
from cortical_cache.cli.output import as_json, misused, say, table
from cortical_cache.model.quantities import parse_size, parse_span, size
from cortical_cache.policy.pruning import Criteria
from cortical_cache.registry import resolve
from cortical_cache.repositories.removalplan import RemovalPlan
from cortical_cache.repositories.removals import NOTHING_NAMED, Removals
from cortical_cache.repositories.room import removals_of
from cortical_cache.settings import read_settings

__all__ = ["prune", "remove"]


def remove(  # noqa: PLR0913  one parameter for each option
    dataset: str,
    version: int,
    *names: str,
    yes: bool = False,
    expired: bool = False,
    pinned: bool = False,
    json: bool = False,
) -> None:
    """Remove a version from this disk, or some of its tables, views and exports.

    Without --yes it only shows what would go.

    Parameters
    ----------
    dataset
        Name or alias.
    version
        Materialization version; 0 for graph facts and skeletons, which belong to none.
    names
        Only these; otherwise all of it, kept replies included.
    yes
        Remove it.
    expired
        Also if the server has dropped the version, so that it is gone for ever.
    pinned
        Also what is pinned.
    json
        Print the plan as JSON.

    Examples
    --------
    # what would go
    cortical-cache rm minnie_public 1300 nucleus_detection_v0
    # and away with it
    cortical-cache rm minnie_public 1300 nucleus_detection_v0 --yes
    """
    settings = read_settings()
    removals = removals_of(settings, resolve(dataset, settings))
    plan = removals.named(version, names, expired=expired, pinned=pinned)
    _carry_out(removals, plan, yes=yes, json=json)


def prune(  # noqa: PLR0913  one parameter for each option
    dataset: str | None = None,
    *,
    keep: int | None = None,
    older_than: str | None = None,
    max_size: str | None = None,
    dry_run: bool = False,
    yes: bool = False,
    expired: bool = False,
    pinned: bool = False,
    json: bool = False,
) -> int:
    """Make room: what any option names goes, least recently used first.

    Without --yes it only shows what would go. Superseded files and leftovers of
    crashes that are over a day old go first. What is pinned, and versions that the
    server has dropped, stay.

    Parameters
    ----------
    dataset
        Name or alias; otherwise the whole store.
    keep
        So many versions of each dataset stay, the newest, whatever else is said.
    older_than
        What was not used for so long goes: 30d, 12h, 2w.
    max_size
        Until no more than this is taken: 500MB, 20GB. Where no option says what is to
        go it is CORTICAL_CACHE_MAX_SIZE.
    dry_run
        Only show what would go, whatever else is said.
    yes
        Remove it.
    expired
        Also versions that the server has dropped: they are gone for ever.
    pinned
        Also what is pinned.
    json
        Print the plan as JSON.

    Examples
    --------
    cortical-cache prune minnie_public --keep 2
    cortical-cache prune minnie_public --keep 1 --yes
    """
    settings = read_settings()
    removals = removals_of(settings, resolve(dataset, settings) if dataset else None)
    limit = None if max_size is None else parse_size(max_size, "--max-size")
    if (keep, older_than, max_size) == (None,) * 3:
        limit = settings.max_size
    span = None if older_than is None else parse_span(older_than, "--older-than")
    criteria = Criteria(keep, span, limit, expired, pinned)
    if criteria.name_nothing:
        return misused("prune", NOTHING_NAMED)
    plan = removals.pruned(criteria)
    _carry_out(removals, plan, yes=yes and not dry_run, json=json)
    return Exit.DONE


def _carry_out(removals: Removals, plan: RemovalPlan, *, yes: bool, json: bool) -> None:
    if json:
        as_json(_records(plan))
    elif plan.removals:
        table(plan.lines(), numbers=(0, 3))
    for note in plan.notes():
        say(note)
    if not plan.removals and not plan.litter:
        say(plan.total())
    elif yes:
        done = removals.carry_out(plan)
        say(f"removed {done.things} things, {size(done.nbytes)}")
    else:
        say(f"{plan.total()}: add --yes to remove them")


def _records(plan: RemovalPlan) -> dict[str, Any]:
    return {
        "nbytes": plan.nbytes,
        "before": plan.before,
        "after": plan.after,
        "over": plan.over,
        "litter": plan.litter,
        "going": [
            {**one.thing.record(), "why": one.why, "again": one.again}
            for one in plan.removals
        ],
        "staying": [{**one.thing.record(), "needs": one.word} for one in plan.staying],
    }
