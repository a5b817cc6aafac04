"""What takes how much room, and the store's limit. No network."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from cortical_cache.cache.facts import utc_now
from cortical_cache.errors import StoreError
from cortical_cache.model.dataset import Home
from cortical_cache.model.room import Taken, distinct_bytes
from cortical_cache.repositories.removals import Removals
from cortical_cache.settings import Settings
from cortical_cache.store import DatasetStore, Store

__all__ = ["Usage", "removals_of", "summed"]


@dataclass(frozen=True, slots=True)
class Usage:
    """The room that one subject of a version takes.

    Attributes
    ----------
    dataset : str
        Its folder in the store.
    version : int
        0 for what belongs to none.
    subject : str
        ``tables``, ``views``, ``exports``, ``queries``, ``graph facts``, ``level 2``,
        ``skeletons``, ..., ``records``.
    count : int
        Tables, views, ... of it.
    nbytes : int
        Files that an earlier line shares are not counted again.
    used_at : datetime or None
        When any of it was last used, to within a day.
    pinned : int
        How many of them are pinned.
    """

    dataset: str
    version: int
    subject: str
    count: int
    nbytes: int
    used_at: datetime | None
    pinned: int


def removals_of(settings: Settings, home: Home | None = None) -> Removals:
    """Return what makes room in one dataset, or in all that the store holds.

    A folder whose owner cannot be told is left alone.
    """
    root = Store(settings.cache_dir, layers=settings.layers)
    if home is not None:
        of = home.dataset
        store = root.dataset(home.folder, datastack=of.datastack, server=home.source)
        return Removals(root, [store], utc_now)
    stores: list[DatasetStore] = []
    for folder in root.datasets():
        with suppress(StoreError):
            stores.append(root.existing(folder))
    return Removals(root, stores, utc_now)


def summed(things: Iterable[Taken]) -> list[Usage]:
    """Sum up by dataset, version and subject."""
    groups: dict[tuple[str, int, str], list[Taken]] = {}
    for one in sorted(things, key=lambda one: (one.folder, one.version)):
        groups.setdefault((one.folder, one.version, one.subject), []).append(one)
    seen: list[Taken] = []
    usages: list[Usage] = []
    before = 0
    for (folder, version, subject), group in groups.items():
        seen += group
        after = distinct_bytes(seen)
        usages.append(
            Usage(
                folder,
                version,
                subject,
                len(group),
                after - before,
                _latest(group),
                sum(one.is_pinned for one in group),
            )
        )
        before = after
    return usages


def _latest(group: Sequence[Taken]) -> datetime | None:
    return max((one.used_at for one in group if one.used_at), default=None)
