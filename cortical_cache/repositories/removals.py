"""What to remove of the store: planned first, then carried out. No network."""

from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from cortical_cache.cache.facts import Clock
from cortical_cache.errors import (
    InvalidQueryError,
    StoreError,
    UnknownNameError,
)
from cortical_cache.model.room import Taken, distinct_bytes
from cortical_cache.policy.pruning import (
    Criteria,
    Going,
    Pruning,
    Staying,
    choose,
    protection,
)
from cortical_cache.repositories.expiry import may_be_gone
from cortical_cache.repositories.removalplan import (
    Removal,
    RemovalPlan,
    Removed,
    refusal,
)
from cortical_cache.store import DatasetStore, RowKind, Store, SweepReport

__all__ = ["NOTHING_NAMED", "Removals"]

NOTHING_NAMED = (
    "say what is to go: --keep VERSIONS, --older-than 30d, --max-size 20GB, or set "
    "CORTICAL_CACHE_MAX_SIZE"
)
"""What is told to whoever prunes without a word of what."""


class Removals:
    """Removes what is held of some datasets.

    Parameters
    ----------
    root : Store
    stores : sequence of DatasetStore
        The ones that are looked at.
    clock : callable
        Tells the time.
    """

    def __init__(
        self, root: Store, stores: Sequence[DatasetStore], clock: Clock
    ) -> None:
        self._root = root
        self._stores = {one.name: one for one in stores}
        self._clock = clock

    def things(self) -> list[Taken]:
        """Return what there is, with what the server is last known to have dropped."""
        found: list[Taken] = []
        for store in self._stores.values():
            now = self._clock()
            gone = {one for one in store.versions() if may_be_gone(store, one, now)}
            found += [
                replace(one, is_expired=one.version in gone) for one in store.taken()
            ]
        return found

    def named(
        self,
        version: int | None = None,
        names: Collection[str] = (),
        *,
        expired: bool = False,
        pinned: bool = False,
    ) -> RemovalPlan:
        """Plan to remove a version, some of its tables, or all that is held.

        Superseded files and leftovers go first.

        Parameters
        ----------
        version : int or None
            None: every version, and what belongs to none.
        names : collection of str
            Tables, views, exports; graph facts and objects if there is no version.
            Empty: all, kept replies included.
        expired, pinned : bool
            Also what the server has dropped; what is pinned.

        Raises
        ------
        UnknownNameError
            If one of them, or the version, is not held.
        InvalidQueryError
            If what is named needs a word to go that was not given.
        """
        where = ", ".join(self._stores)
        everything, litter = self._apart()
        things = [one for one in everything if one.kind != "records"]
        of = [one for one in things if version is None or one.version == version]
        if not of and version is not None:
            held = sorted({one.version for one in things if one.version})
            raise UnknownNameError("held version", version, where, held)
        known = {one.name for one in of if one.kind != "query"}
        for name in names:
            if name not in known:
                place = f"what is held of {where}"
                place += "" if version is None else f" v{version}"
                raise UnknownNameError("table", name, place, sorted(known))
        chosen = [one for one in of if not names or one.name in names]
        going: list[Going] = []
        staying: list[Staying] = []
        for one in chosen:
            word = protection(one, expired=expired, pinned=pinned)
            if word is None:
                going.append(Going(one, "named"))
            else:
                staying.append(Staying(one, word))
        if staying and (names or version is not None):
            raise InvalidQueryError(refusal(staying[0]))
        before, after = _sizes(things, [one.thing for one in going])
        pruning = Pruning(tuple(going), tuple(staying), before, after, 0)
        return self._plan(pruning, litter, pinned=pinned)

    def pruned(self, criteria: Criteria) -> RemovalPlan:
        """Plan to make room; superseded files and leftovers go first.

        Raises
        ------
        InvalidQueryError
            If `criteria` names nothing, or keeps fewer versions than none.
        """
        if criteria.name_nothing:
            raise InvalidQueryError(NOTHING_NAMED)
        if criteria.keep is not None and criteria.keep < 0:
            raise InvalidQueryError(f"{criteria.keep} versions cannot be kept")
        things, litter = self._apart()
        pruning = choose(things, criteria, self._clock())
        return self._plan(pruning, litter, pinned=criteria.pinned)

    def carry_out(self, plan: RemovalPlan) -> Removed:
        """Remove what was planned, but for what was pinned meanwhile."""
        freed = self._sweep().nbytes if plan.litter else 0
        count = 0
        for one in plan.removals:
            store = self._stores[one.thing.folder]
            if plan.pinned or not store.is_pinned(one.thing):
                freed += store.remove(one.thing)
                count += 1
        return Removed(count, freed)

    def _plan(self, pruning: Pruning, litter: int, *, pinned: bool) -> RemovalPlan:
        return RemovalPlan(
            tuple(
                Removal(one.thing, one.why, self._again(one.thing))
                for one in pruning.going
            ),
            pruning.staying,
            litter,
            pruning.before + litter,
            pruning.after,
            pruning.over,
            pinned,
            self._clock(),
        )

    def _apart(self) -> tuple[list[Taken], int]:
        """Return what there is but for what a sweep takes, and the room that makes."""
        litter = self._litter()
        things = [
            replace(
                one, files={id_: n for id_, n in one.files.items() if id_ not in litter}
            )
            for one in self.things()
        ]
        return things, sum(litter.values())

    def _litter(self) -> dict[tuple[int, int], int]:
        """Return the files that a sweep would make room of."""
        found: Counter[tuple[int, int]] = Counter()
        links: dict[tuple[int, int], tuple[int, int]] = {}
        for path in self._sweep(dry=True).removed:
            with suppress(FileNotFoundError):
                stat = path.stat()
                found[stat.st_dev, stat.st_ino] += 1
                links[stat.st_dev, stat.st_ino] = stat.st_nlink, stat.st_size
        return {id_: links[id_][1] for id_, n in found.items() if n >= links[id_][0]}

    def _sweep(self, *, dry: bool = False) -> SweepReport:
        return self._root.sweep(self._clock(), datasets=self._stores, dry=dry)

    def _again(self, thing: Taken) -> str:
        """Tell whether and where something can be had again."""
        if thing.version == 0:
            return "asked again"
        store = self._stores[thing.folder]
        row_set = store.rows(cast("RowKind", thing.kind), thing.name, thing.version)
        try:
            commits = row_set.state().commits
        except StoreError:
            return "damaged"
        exports = [one.provenance for one in commits if one.provenance.source != "cave"]
        if exports:
            place = exports[-1].server
            return f"from {place}" if _is_remote(place) else "if its file is kept"
        return "no" if thing.is_expired else "from the server"


def _sizes(things: Sequence[Taken], going: Sequence[Taken]) -> tuple[int, int]:
    """Return the bytes before and after."""
    gone = {id(one) for one in going}
    rest = [one for one in things if id(one) not in gone]
    return distinct_bytes(things), distinct_bytes(rest)


def _is_remote(place: str) -> bool:
    parts = urlsplit(place)
    return parts.scheme not in {"", "file"} and not Path(place).exists()
