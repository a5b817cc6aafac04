"""Which root a supervoxel had at a moment. Times are microseconds since 1970, UTC."""

from datetime import datetime

import numpy as np
import numpy.typing as npt

from cortical_cache.cache.keyed import Keyed
from cortical_cache.cache.origin import Origin
from cortical_cache.model.commands import same_call
from cortical_cache.model.ids import MISSING
from cortical_cache.model.moments import to_micros
from cortical_cache.policy.freshness import is_past
from cortical_cache.repositories.cellmaps import Sightings
from cortical_cache.repositories.missing import require_ids
from cortical_cache.repositories.roots import Roots
from cortical_cache.repositories.versions import Versions
from cortical_cache.store import DatasetStore

__all__ = ["Places", "spanned"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class Places:
    """The roots of one dataset's supervoxels.

    Freshness: a root at a moment past for good is kept for ever.

    Parameters
    ----------
    store : DatasetStore
    origin : Origin
    versions : Versions
    roots : Roots
    """

    def __init__(
        self, store: DatasetStore, origin: Origin, versions: Versions, roots: Roots
    ) -> None:
        self._origin = origin
        self._versions = versions
        self._roots = roots
        self._kept = Keyed(
            store.rows("graph", "supervoxel_roots", 0),
            "supervoxel_id",
            ("root_id", "observed_at"),
            origin.dataset.server_address,
        )

    def at(
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
        found = self.held(unique, moment, sightings)
        left = (found == MISSING) & (unique > 0)
        found[unique <= 0] = 0
        if left.any():
            require_ids(
                self._origin,
                f"the roots at {moment.isoformat()} of {{}} are",
                unique[left],
                noun="supervoxels",
                command=same_call(self._origin.dataset.name),
            )
            found[left] = self._learn(unique[left], moment)
        return found[back]

    def _learn(self, supervoxels: Ints, moment: datetime) -> Ints:
        """Ask for roots, unless another one has done so meanwhile."""
        with self._kept.asking(supervoxels, f"at {to_micros(moment)}"):
            found = self.held(supervoxels, moment)
            left = found == MISSING
            if left.any():
                found[left] = self._origin.graph.roots_at(supervoxels[left], moment)
                self.keep(supervoxels[left], found[left], moment)
        return found

    def held(
        self, supervoxels: Ints, moment: datetime, sightings: Sightings | None = None
    ) -> Ints:
        """Return what is held of `at`; `MISSING` where that decides nothing.

        Parameters
        ----------
        supervoxels : numpy.ndarray of int64
            Unique, ascending.
        """
        at = to_micros(moment)
        rows = self._kept.get(supervoxels)
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
        sure = self._roots.known(unique).alive_at(at)[back] | (observed == at)
        # Between two sightings in one place a root never left it.
        sure |= spanned(asked, roots, observed, at)
        found = np.full(len(supervoxels), MISSING, np.int64)
        found[asked[sure]] = roots[sure]
        return found

    def keep(self, supervoxels: Ints, roots: Ints, moment: datetime) -> None:
        """Keep which roots the server gave, if the moment is past for good."""
        heard = self._origin.session.server_time()
        if is_past(moment, heard, self._versions.graph_end()):
            observed = np.full(len(roots), to_micros(moment), np.int64)
            self._kept.add([supervoxels, roots, observed])


def spanned(asked: Ints, roots: Ints, observed: Ints, at: int) -> Bools:
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
