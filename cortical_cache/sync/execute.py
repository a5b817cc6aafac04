"""Carry out a plan, a few tables at a time; what is held already is passed over."""

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

from cortical_cache.errors import (
    CorticalCacheError,
    StoreError,
)
from cortical_cache.repositories.dataset import Repositories
from cortical_cache.sync.plan import Item, Plan

__all__ = ["Listener", "Outcome", "Report", "execute"]

log = logging.getLogger(__name__)


class Listener(Protocol):
    """Is told of the progress of a sync, from several threads."""

    def started(self, item: Item) -> None:
        """Hear that a table is being fetched."""

    def progressed(self, item: Item, come: int, there_are: int) -> None:
        """Hear how many of its rows have come."""

    def finished(self, outcome: "Outcome") -> None:
        """Hear that a table is held, or why it is not."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one table.

    Attributes
    ----------
    item : Item
    rows, nbytes : int
        Now held.
    error : CorticalCacheError or None
        Why it is not held.
    """

    item: Item
    rows: int
    nbytes: int
    error: CorticalCacheError | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a sync.

    Attributes
    ----------
    plan : Plan
    outcomes : tuple of Outcome
        Of the items that were to be fetched.
    seconds : float
    """

    plan: Plan
    outcomes: tuple[Outcome, ...]
    seconds: float

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """What is not held although it was planned."""
        return tuple(one for one in self.outcomes if one.error is not None)

    @property
    def rows(self) -> int:
        """Rows fetched."""
        return sum(one.rows for one in self.outcomes)

    @property
    def nbytes(self) -> int:
        """Bytes they take on this disk."""
        return sum(one.nbytes for one in self.outcomes)


def execute(
    repositories: Repositories, plan: Plan, listener: Listener, *, jobs: int = 2
) -> Report:
    """Fetch what a plan says.

    One table's failure does not stop the others. Interrupted, it leaves every table
    held or not held; run it again and it goes on with those that are not. Litter of a
    day ago is swept at the end.

    Parameters
    ----------
    repositories : Repositories
    plan : Plan
    listener : Listener
    jobs : int
        Tables at once.

    Raises
    ------
    StoreError
        If the plan does not fit on the disk; nothing was fetched then.
    """
    if not plan.fits:
        raise StoreError(
            f"{plan.folder} has {plan.free_bytes:,} bytes free, the plan needs about "
            f"{plan.nbytes:,}; --exclude tables, or set CORTICAL_CACHE_DIR"
        )
    start = monotonic()
    stop = threading.Event()
    with ThreadPoolExecutor(max(1, jobs)) as pool:
        futures = [
            pool.submit(_fetch, repositories, plan.version, item, listener, stop)
            for item in plan.to_fetch
        ]
        held = [
            pool.submit(_describe, repositories, plan.version, item)
            for item in plan.items
            if item.action == "held"
        ]
        try:
            outcomes = [future.result() for future in as_completed(futures)]
            for future in held:
                future.result()
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    repositories.upkeep.sweep()
    return Report(plan, _in_order(outcomes, plan.to_fetch), monotonic() - start)


class _StoppedError(CorticalCacheError):
    """The sync is being interrupted."""


def _fetch(
    repositories: Repositories,
    version: int,
    item: Item,
    listener: Listener,
    stop: threading.Event,
) -> Outcome:
    def progress(come: int, there_are: int) -> None:
        if stop.is_set():
            raise _StoppedError
        listener.progressed(item, come, there_are)

    listener.started(item)
    try:
        subject = repositories.catalog.subject(item.name, version, item.kind)
        repositories.rows.mirror(subject, progress)
        state = repositories.rows.row_set(subject).state()
        outcome = Outcome(item, state.rows, state.nbytes)
        _describe(repositories, version, item)
    except CorticalCacheError as error:
        outcome = Outcome(item, 0, 0, error)
    except OSError as error:  # a full disk, most likely
        outcome = Outcome(
            item, 0, 0, StoreError(f"{item.name} cannot be kept: {error}")
        )
    listener.finished(outcome)
    return outcome


def _describe(repositories: Repositories, version: int, item: Item) -> None:
    """Capture what the server says of a table beside its rows, unless it is fresh."""
    if item.kind == "view":
        return
    try:
        repositories.catalog.annotation_count(item.name, version)
        repositories.catalog.unique_strings(item.name, version)
    except (CorticalCacheError, OSError) as error:  # its rows are held all the same
        log.warning("%s: %s", item.name, error)


def _in_order(
    outcomes: Sequence[Outcome], items: Sequence[Item]
) -> tuple[Outcome, ...]:
    return tuple(sorted(outcomes, key=lambda one: items.index(one.item)))
