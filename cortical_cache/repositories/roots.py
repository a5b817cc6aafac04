"""Roots through time: when they lived.

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

from cortical_cache.cache.keyed import Keyed
from cortical_cache.cache.origin import Origin
from cortical_cache.model.ids import MISSING
from cortical_cache.model.moments import from_micros, to_micros
from cortical_cache.repositories.missing import require_ids
from cortical_cache.repositories.versions import Versions
from cortical_cache.store import DatasetStore

__all__ = ["Lives", "Roots"]

log = logging.getLogger(__name__)

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


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

    Freshness: creation and an end that has come are kept for ever; "still current" is
    kept as of the moment asked.

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
                by = f"the ends by {moment.isoformat()} of {{}} are"
                require_ids(self._origin, by, unique[left])
            require_ids(self._origin, "the ends of {} are", unique[unseen])
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
            require_ids(self._origin, "the creation times of {} are", asked)
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
        moment = self._versions.graph_moment(moment)
        at = to_micros(moment)
        alive = known.alive_at(at)
        left = ~(alive | known.dead_at(at))
        if left.any():
            what = f"the state at {moment.isoformat()} of {{}} is"
            require_ids(self._origin, what, unique[left])
            with self._lives.asking(unique[left], f"latest at {at}"):
                known = self.known(unique)
                alive = known.alive_at(at)
                left = ~(alive | known.dead_at(at))
                if left.any():
                    alive[left] = self._ask(unique[left], moment)[0]
        return alive[back]

    def _is_latest_now(self, roots: Ints, known: Lives) -> Bools:
        left = known.ended == MISSING
        latest = np.zeros(len(roots), np.bool_)
        if not left.any():
            return latest
        if self._origin.offline:
            unseen = left & (known.seen == MISSING)
            require_ids(self._origin, "whether {} are current is", roots[unseen])
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


_LATEST = 2**63 - 1

_MILLI = 1_000


def _say_as_of(seen: Ints) -> None:
    as_of = from_micros(int(seen.min()))
    log.warning("offline: current as of %s", as_of.isoformat(timespec="seconds"))
