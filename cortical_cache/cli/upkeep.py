"""``cortical-cache verify`` and ``repair``: damage on the disk."""

from dataclasses import asdict

from cortical_cache.cli.codes import Exit
from cortical_cache.cli.output import as_json, say, table
from cortical_cache.registry import available, resolve
from cortical_cache.repositories.dataset import Repositories, open_dataset
from cortical_cache.settings import read_settings

__all__ = ["repair", "verify"]


def verify(
    dataset: str | None = None,
    *,
    deep: bool = False,
    lock: str | None = None,
    json: bool = False,
) -> int:
    """Compare every file held with what its commit says. Changes nothing, no network.

    Exit code 5 if anything is damaged.

    Parameters
    ----------
    dataset
        Only this one.
    deep
        Read every file and compare its checksum, not only its size.
    lock
        Instead compare what is held with this lock file.
    json
        Print as JSON.

    Examples
    --------
    cortical-cache verify
    cortical-cache verify minnie_public --deep
    """
    if lock is not None:
        from cortical_cache.cli.lock import verified_by_lock

        is_same = verified_by_lock(lock, dataset, json=json)
        return Exit.DONE if is_same else Exit.DAMAGED
    settings = read_settings()
    names = [dataset] if dataset else sorted(available(settings))
    found: list[tuple[str, str]] = []
    for name in names:
        upkeep = open_dataset(resolve(name, settings), settings).upkeep
        found += [(name, one.what) for one in upkeep.verify(deep=deep)]
    if json:
        as_json([{"dataset": name, "problem": what} for name, what in found])
    elif found:
        table([("dataset", "problem"), *found])
    how = "sizes and checksums" if deep else "sizes (--deep reads every file)"
    if not found:
        say(f"no damage: {how} are as they were written")
        return 0
    say(f"{len(found)} files are damaged: `cortical-cache repair DATASET` mends them")
    return Exit.DAMAGED


def repair(dataset: str, *, quick: bool = False, json: bool = False) -> int:
    """Set aside what is damaged, and fetch again what was in it, and only that.

    Exit code 5 if something could not be fetched again.

    Parameters
    ----------
    dataset
        Name or alias.
    quick
        Look at sizes only; otherwise every file is read.
    json
        Print as JSON.

    Examples
    --------
    cortical-cache repair minnie_public
    """
    settings = read_settings()
    repositories: Repositories = open_dataset(resolve(dataset, settings), settings)
    done = list(repositories.upkeep.repair(deep=not quick))
    if json:
        as_json([asdict(one) for one in done])
    elif done:
        lines = [(one.subject, str(len(one.problems)), one.action) for one in done]
        table([("what", "problems", "done"), *lines], numbers=(1,))
    left = [one for one in done if not one.is_whole]
    if not done:
        say("no damage")
    elif left:
        say(f"{len(left)} of {len(done)} are not as before")
    return Exit.DAMAGED if left else Exit.DONE
