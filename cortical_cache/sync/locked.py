"""Fetch what a lock names, and prove that it is the same."""

from dataclasses import dataclass

from cortical_cache.errors import CorticalCacheError
from cortical_cache.model.lock import Lock, LockedTable
from cortical_cache.repositories.dataset import Repositories

__all__ = ["Checked", "check_locked", "sync_locked"]


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of one table of a lock.

    Attributes
    ----------
    table : LockedTable
    problem : str or None
        What is other than the lock says, or why it is not held.
    is_new : bool
        It was fetched now.
    """

    table: LockedTable
    problem: str | None
    is_new: bool = False


def check_locked(repositories: Repositories, lock: Lock) -> list[Checked]:
    """Compare what is held with a lock. No network.

    Raises
    ------
    InvalidQueryError
        If the lock is of another dataset, or its version of another time.
    """
    repositories.locking.require_ours(lock)
    return [Checked(one, _problem(repositories, lock, one)) for one in lock.tables]


def sync_locked(repositories: Repositories, lock: Lock) -> list[Checked]:
    """Fetch what is not held, compare all of it with the lock, and pin what is right.

    What is held otherwise stays as it is, and is told.

    Raises
    ------
    InvalidQueryError
        As `check_locked`, before anything is fetched.
    """
    repositories.versions.ensure(lock.version)
    repositories.locking.require_ours(lock)
    return [_sync(repositories, lock, one) for one in lock.tables]


def _sync(repositories: Repositories, lock: Lock, table: LockedTable) -> Checked:
    row_set = repositories.store.rows(table.kind, table.name, lock.version)
    is_new = False
    try:
        if not row_set.state().is_whole:
            _fetch(repositories, lock, table)
            is_new = True
        problem = repositories.locking.problem(lock, table)
        if problem is None and row_set.own_state().exists:
            repositories.pins.pin(lock.version, [table.name])
    except CorticalCacheError as error:
        problem = str(error)
    except OSError as error:  # a full disk, most likely
        problem = f"it cannot be kept: {error}"
    return Checked(table, problem, is_new)


def _fetch(repositories: Repositories, lock: Lock, table: LockedTable) -> None:
    if table.export is not None:
        exports = repositories.exports
        exports.bring(exports.find(table.export, lock.version))
        return
    kind = "view" if table.kind == "view" else "table"
    subject = repositories.catalog.subject(table.name, lock.version, kind)
    if repositories.origin.offline:
        raise repositories.catalog.not_cached(subject)
    repositories.versions.require_stable(lock.version)
    repositories.rows.mirror(subject)


def _problem(repositories: Repositories, lock: Lock, table: LockedTable) -> str | None:
    try:
        return repositories.locking.problem(lock, table)
    except CorticalCacheError as error:
        return str(error)
