"""Roots through time: when they lived, and which one a supervoxel had when.

A root id names one exact state, so its creation is final, and so is its end once it has
come; "still current" holds only as of the moment it was asked. Times are microseconds
since 1970, UTC.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

import numpy as np
import numpy.typing as npt

from cortical_cache.cache.keyed import MISSING, Keyed
from cortical_cache.cache.origin import Origin
from cortical_cache.errors import NotCachedError
from cortical_cache.model.moments import from_micros, to_micros
from cortical_cache.policy.freshness import is_past
from cortical_cache.repositories.cellmaps import Sightings
from cortical_cache.repositories.versions import Versions
from cortical_cache.store import DatasetStore

__all__ = ["Lives", "Roots"]

log = logging.getLogger(__name__)

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

SHOWN = 5
"""Ids that an error names."""


@dataclass(frozen=True, slots=True)
class Lives:
    """What is known of some roots' lives.

    Attributes
    ----------
    created, ended, seen : numpy.ndarray of int64, shape (n,)
        When each was made, when it ended, and the last moment at which it was known to
        be current; `MISSING` where that is not known.
    """

    created: Ints
    ended: Ints
    seen: Ints

    def alive_at(self, moment: int) -> Bools:
        """Tell which roots were current at a moment for sure."""
        born = (self.created != MISSING) & (self.created <= moment)
        still = (self.seen != MISSING) & (moment <= self.seen)
        return born & (still | ((self.ended != MISSING) & (moment < self.ended)))

    def dead_at(self, moment: int) -> Bools:
        """Tell which roots were not current at a moment for sure."""
        unborn = (self.created != MISSING) & (moment < self.created)
        return unborn | ((self.ended != MISSING) & (self.ended <= moment))


class Roots:
    """The root history of one dataset.

    Freshness: creation, an end that has come, and a supervoxel's root at a moment past
    for good are kept for ever; "still current" is kept as of the moment asked.

    Parameters
    ----------
    store : DatasetStore
    origin : Origin
    versions : Versions
    clock : callable
        Tells the time.
    """

    def __init__(
        self,
        store: DatasetStore,
        origin: Origin,
        versions: Versions,
        clock: Callable[[], datetime],
    ) -> None:
        self._origin = origin
        self._versions = versions
        self._clock = clock
        server = origin.dataset.server_address
        self._lives = Keyed(
            store.rows("graph", "root_lives", 0),
            "root_id",
            ("created_at", "ended_at", "seen_at"),
            server,
        )
        self._places = Keyed(
            store.rows("graph", "supervoxel_roots", 0),
            "supervoxel_id",
            ("root_id", "observed_at"),
            server,
        )

    def known(self, roots: Ints) -> Lives:
        """Return what is held of the roots' lives. No network."""
        found = self._lives.get(roots)

        def reduced(name: str, pick: "np.ufunc", start: int) -> Ints:
            values, asked = found.columns[name], found.asked
            there = values != MISSING
            result = np.full(len(roots), start, np.int64)
            pick.at(result, asked[there], values[there])
            result[result == start] = MISSING
            return result

        return Lives(
            reduced("created_at", np.minimum, _LATEST),
            reduced("ended_at", np.minimum, _LATEST),
            reduced("seen_at", np.maximum, MISSING),
        )

    def learn(self, roots: Ints) -> Lives:
        """Return the lives of roots up to now, asking the server for what is not final.

        Parameters
        ----------
        roots : numpy.ndarray of int64
            Unique.

        Returns
        -------
        Lives
            Offline, what is held.
        """
        known = self.known(roots)
        open_ones = known.ended == MISSING
        if self._origin.offline or not open_ones.any():
            return known
        self._ask(roots[open_ones], None)
        return self.known(roots)

    def last_current(self, roots: Ints, moment: datetime | None = None) -> Ints:
        """Return when each root ended, or the moment looked at if it had not by then.

        Freshness: an end is kept for ever; that a root has not ended by now is asked
        each time, or, offline, answered as of the last time known, saying so.

        Parameters
        ----------
        roots : numpy.ndarray of int64
            Repeats are kept.
        moment : datetime, optional
            Otherwise now. A public datastack looks at its cap instead of a later one.

        Returns
        -------
        numpy.ndarray of int64
            `MISSING` for what is no root.

        Raises
        ------
        NotCachedError
            Offline, and not all is known.
        """
        unique, back = np.unique(roots, return_inverse=True)
        known = self.known(unique)
        if moment is None:
            last, left = known.ended.copy(), known.ended == MISSING
        else:
            at = to_micros(moment) // _MILLI * _MILLI  # as precise as the graph is
            early = (known.created != MISSING) & (at < known.created)
            current = known.alive_at(at) | early
            last = np.where(current, at, np.where(known.dead_at(at), known.ended, 0))
            left = ~(known.alive_at(at) | known.dead_at(at))
        if not left.any():
            return last[back]
        if self._origin.offline:
            unseen = left & (known.seen == MISSING)
            if moment is not None:
                self._require(unique[left], f"the ends by {moment.isoformat()} of")
            self._require(unique[unseen], "the ends of")
            last[left] = known.seen[left]
            _say_as_of(known.seen[left])
        else:
            last[left] = self._ask(unique[left], moment)[1]
        return last[back]

    def created(self, roots: Ints) -> Ints:
        """Return when each root was made; `MISSING` for what is no root.

        Freshness: for ever.

        Raises
        ------
        NotCachedError
            Offline, and not all are held.
        """
        created = self.known(roots).created
        missing = created == MISSING
        if missing.any():
            asked = np.unique(roots[missing])
            self._require(asked, "the creation times of")
            found = self._learn_created(asked)
            created[missing] = found[np.searchsorted(asked, roots[missing])]
        return created

    def _learn_created(self, roots: Ints) -> Ints:
        """Ask when roots were made, unless another one has done so meanwhile."""
        with self._lives.asking(roots, "created"):
            created = self.known(roots).created
            left = created == MISSING
            if left.any():
                created[left] = self._origin.graph.created(roots[left])
                there = left & (created != MISSING)
                nothing = np.full(int(there.sum()), MISSING, np.int64)
                self._lives.add([roots[there], created[there], nothing, nothing])
        return created

    def is_latest(self, roots: Ints, moment: datetime | None = None) -> Bools:
        """Tell which roots were current at a moment, or are now.

        Freshness: that a root has ended is kept for ever; that one is current now is
        asked each time, or, offline, answered as of the last time known, saying so.

        Raises
        ------
        NotCachedError
            Offline, and not all is known.
        """
        unique, back = np.unique(roots, return_inverse=True)
        known = self.known(unique)
        if moment is None:
            return self._is_latest_now(unique, known)[back]
        at = to_micros(moment)
        alive = known.alive_at(at)
        left = ~(alive | known.dead_at(at))
        if left.any():
            self._require(unique[left], f"the state at {moment.isoformat()} of")
            with self._lives.asking(unique[left], f"latest at {at}"):
                known = self.known(unique)
                alive = known.alive_at(at)
                left = ~(alive | known.dead_at(at))
                if left.any():
                    alive[left] = self._ask(unique[left], moment)[0]
        return alive[back]

    def roots_at(
        self, supervoxels: Ints, moment: datetime, sightings: Sightings | None = None
    ) -> Ints:
        """Return the root of each supervoxel at a moment; 0 where it has none.

        Freshness: kept for ever, over the known life of the root, if the moment is
        past for good.

        Parameters
        ----------
        supervoxels : numpy.ndarray of int64
            Repeats are kept.
        moment : datetime
        sightings : Sightings, optional
            More that is known, of mirrored tables.

        Raises
        ------
        NotCachedError
            Offline, and not all is known.
        """
        unique, back = np.unique(supervoxels, return_inverse=True)
        found = self.places_at(unique, moment, sightings)
        left = (found == MISSING) & (unique > 0)
        found[unique <= 0] = 0
        if left.any():
            self._require(unique[left], f"the roots at {moment.isoformat()} of")
            found[left] = self._learn_places(unique[left], moment)
        return found[back]

    def _learn_places(self, supervoxels: Ints, moment: datetime) -> Ints:
        """Ask for roots, unless another one has done so meanwhile."""
        with self._places.asking(supervoxels, f"at {to_micros(moment)}"):
            found = self.places_at(supervoxels, moment)
            left = found == MISSING
            if left.any():
                found[left] = self._origin.graph.roots_at(supervoxels[left], moment)
                self.keep_places(supervoxels[left], found[left], moment)
        return found

    def places_at(
        self, supervoxels: Ints, moment: datetime, sightings: Sightings | None = None
    ) -> Ints:
        """Return what is held of `roots_at`; `MISSING` where that decides nothing.

        Parameters
        ----------
        supervoxels : numpy.ndarray of int64
            Unique, ascending.
        """
        at = to_micros(moment)
        rows = self._places.get(supervoxels)
        asked, roots = rows.asked, rows.columns["root_id"]
        observed = rows.columns["observed_at"]
        if sightings is not None and len(supervoxels):
            place = np.searchsorted(supervoxels, sightings.supervoxels)
            place[place == len(supervoxels)] = 0
            mine = supervoxels[place] == sightings.supervoxels
            asked = np.r_[asked, place[mine]]
            roots = np.r_[roots, sightings.roots[mine]]
            observed = np.r_[observed, sightings.times[mine]]
        unique, back = np.unique(roots, return_inverse=True)
        sure = self.known(unique).alive_at(at)[back] | (observed == at)
        # Between two sightings in one place a root never left it.
        sure |= _spanned(asked, roots, observed, at)
        found = np.full(len(supervoxels), MISSING, np.int64)
        found[asked[sure]] = roots[sure]
        return found

    def keep_places(self, supervoxels: Ints, roots: Ints, moment: datetime) -> None:
        """Keep which roots the server gave, if the moment is past for good."""
        session = self._origin.session
        end = self._versions.public_end()
        if end is not None:  # the chunkedgraph's own cap has whole seconds
            end = end.replace(microsecond=0)
        if is_past(moment, session.server_time(), end):
            observed = np.full(len(roots), to_micros(moment), np.int64)
            self._places.add([supervoxels, roots, observed])

    def _is_latest_now(self, roots: Ints, known: Lives) -> Bools:
        left = known.ended == MISSING
        latest = np.zeros(len(roots), np.bool_)
        if not left.any():
            return latest
        if self._origin.offline:
            unseen = left & (known.seen == MISSING)
            self._require(roots[unseen], "whether they are current:")
            latest[left] = True
            _say_as_of(known.seen[left])
            return latest
        latest[left] = self._ask(roots[left], None)[0]
        return latest

    def _ask(self, roots: Ints, moment: datetime | None) -> tuple[Bools, Ints]:
        """Ask whether roots were current at a moment, and keep all that was learnt.

        Parameters
        ----------
        roots : numpy.ndarray of int64
            Unique.
        moment : datetime or None
            None: now, by the server's clock; ours may be wrong.

        Returns
        -------
        latest : numpy.ndarray of bool
        last : numpy.ndarray of int64
            When they ended, or the moment that the server looked at.
        """
        graph, session = self._origin.graph, self._origin.session
        created = self._learn_created(roots)
        exist = created != MISSING
        born = exist if moment is None else exist & (created <= to_micros(moment))
        latest = np.zeros(len(roots), np.bool_)
        last = np.full(len(roots), MISSING, np.int64)
        began = monotonic()
        if born.any():
            latest[born] = graph.is_latest(roots[born], moment)
        # What is current when the server answers was so when it was asked, by its own
        # clock: a fast one of ours must not make it so at a moment yet to come.
        heard = session.server_time()
        took = timedelta(seconds=monotonic() - began)
        limit = MISSING if heard is None else to_micros(heard - took)
        if exist.any():
            # Later than now, for an end in this very second to be seen.
            beyond = max(self._clock(), heard or self._clock()) + timedelta(days=1)
            last[exist] = graph.last_seen(roots[exist], moment or beyond)
        if moment is not None:  # the graph knows but milliseconds, and says so
            at = to_micros(moment)
            last = np.where(latest & (last == at // _MILLI * _MILLI), at, last)
        seen = np.where(latest, np.minimum(last, limit), MISSING)
        ended = np.where(~latest & born, last, MISSING)
        self._lives.add([one[exist] for one in (roots, created, ended, seen)])
        if moment is None:
            last = np.where(latest & (limit != MISSING), np.minimum(last, limit), last)
        else:
            last = np.where(last == to_micros(moment), last // _MILLI * _MILLI, last)
        return latest, last

    def _require(self, ids: Ints, what: str) -> None:
        if len(ids) and self._origin.offline:
            name = self._origin.dataset.name
            first = ", ".join(map(str, ids[:SHOWN].tolist()))
            more = ", ..." if len(ids) > SHOWN else ""
            raise NotCachedError(
                f"{what} {len(ids):,} ids of {name} ({first}{more}) is",
                f"cortical-cache sync {name} latest --tables cells",
            )


_LATEST = 2**63 - 1

_MILLI = 1_000


def _say_as_of(seen: Ints) -> None:
    as_of = from_micros(int(seen.min()))
    log.warning("offline: current as of %s", as_of.isoformat(timespec="seconds"))


def _spanned(asked: Ints, roots: Ints, observed: Ints, at: int) -> Bools:
    """Tell which sightings lie in a pair, of one root in one place, around a moment."""
    if not len(asked):
        return np.zeros(0, np.bool_)
    order = np.lexsort((roots, asked))
    place, root, time = asked[order], roots[order], observed[order]
    starts = np.flatnonzero(
        np.r_[True, (place[1:] != place[:-1]) | (root[1:] != root[:-1])]
    )
    first = np.minimum.reduceat(time, starts)
    last = np.maximum.reduceat(time, starts)
    # A supervoxel that has no root twice may well have had one in between.
    around = (first <= at) & (at <= last) & (root[starts] != 0)
    sure = np.empty(len(asked), np.bool_)
    sure[order] = np.repeat(around, np.diff(np.r_[starts, len(asked)]))
    return sure
