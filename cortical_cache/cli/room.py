"""``cortical-cache du``, ``pin`` and ``unpin``: what takes room, and what stays."""

from dataclasses import asdict
from datetime import UTC, datetime

from cortical_cache.cli.output import as_json, say, table
from cortical_cache.model.quantities import age, size
from cortical_cache.registry import resolve
from cortical_cache.repositories.dataset import open_dataset
from cortical_cache.repositories.room import removals_of, summed
from cortical_cache.settings import read_settings

__all__ = ["pin", "space", "unpin"]


def space(dataset: str | None = None, *, json: bool = False) -> None:
    """Show what takes how much room, by dataset, version and subject. No network.

    Everything on the disk counts, superseded files and leftovers included; files that
    two tables share count once.

    Parameters
    ----------
    dataset
        Only this one.
    json
        Print as JSON.

    Examples
    --------
    cortical-cache du
    cortical-cache du minnie_public --json
    """
    settings = read_settings()
    home = resolve(dataset, settings) if dataset else None
    usages = summed(removals_of(settings, home).things())
    if json:
        as_json([asdict(one) for one in usages])
        return
    now = datetime.now(UTC)
    heading = ("dataset", "version", "subject", "things", "size", "used", "pinned")
    lines = [
        (
            one.dataset,
            str(one.version or ""),
            one.subject,
            str(one.count),
            size(one.nbytes),
            "" if one.used_at is None else age(now - one.used_at),
            str(one.pinned or ""),
        )
        for one in usages
    ]
    table([heading, *lines] if lines else [], numbers=(1, 3, 4, 6))
    limit = "" if settings.max_size is None else f" of {size(settings.max_size)}"
    total = size(sum(one.nbytes for one in usages))
    say(f"{total}{limit} taken in {settings.cache_dir}")


def pin(dataset: str, version: int | None = None, *names: str) -> None:
    """Pin a dataset, a version or some of its tables: `prune` and `rm` leave them.

    Parameters
    ----------
    dataset
        Name or alias.
    version
        Only this materialization version; 0 for graph facts and skeletons.
    names
        Only these tables, views, exports or graph facts.

    Examples
    --------
    cortical-cache pin minnie_public 1300
    """
    _set(dataset, version, names, pinned=True)


def unpin(dataset: str, version: int | None = None, *names: str) -> None:
    """Take back a pin on exactly this.

    Parameters
    ----------
    dataset
        Name or alias.
    version
        As it was pinned.
    names
        As they were pinned.

    Examples
    --------
    cortical-cache unpin minnie_public 1300
    # a table that `lock` pinned
    cortical-cache unpin minnie_public 1300 nucleus_detection_v0
    """
    _set(dataset, version, names, pinned=False)


def _set(
    dataset: str, version: int | None, names: tuple[str, ...], *, pinned: bool
) -> None:
    settings = read_settings()
    pins = open_dataset(resolve(dataset, settings), settings).pins
    done = pins.pin(version, names) if pinned else pins.unpin(version, names)
    verb = "pinned" if pinned else "unpinned"
    say(f"{verb}: {', '.join(done)}" if done else f"nothing {verb} that was not before")
