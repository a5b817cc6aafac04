"""Where roots went in another version, by the strongest fact that tells."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from cortical_cache.errors import NotCachedError
from cortical_cache.model.commands import same_call
from cortical_cache.model.ids import MISSING, as_ids
from cortical_cache.model.moments import to_micros
from cortical_cache.repositories.cellmaps import NONE
from cortical_cache.repositories.dataset import Repositories
from cortical_cache.repositories.missing import counted

if TYPE_CHECKING:
    from cortical_cache.client.cached.chunkedgraph import CachedChunkedGraph

__all__ = ["RULES", "map_roots"]

Ints = npt.NDArray[np.int64]

SAME, CELL, LINEAGE = "same root is alive there", "cell", "lineage"
OVERLAP, AMBIGUOUS, NOWHERE = "overlap", "ambiguous", "none"

RULES = (SAME, CELL, LINEAGE, OVERLAP, AMBIGUOUS, NOWHERE)
"""Strongest first."""

LEVEL2 = 2


def map_roots(
    repositories: Repositories,
    graph: "CachedChunkedGraph",
    root_ids: object,
    to_version: int | None,
) -> pd.DataFrame:
    """See `Client.map_roots`."""
    asked = np.array(as_ids(root_ids, "root_ids"), np.int64)
    unique, back = np.unique(asked, return_inverse=True)
    version = repositories.versions.resolve(to_version)
    repositories.versions.ensure(version)
    moves = _Moves(repositories, graph, unique, version)
    moves.same()
    moves.cells()
    moves.lineage()
    moves.check()
    found = {"root_id": moves.roots[back], "rule": moves.rules[back]}
    return pd.DataFrame(found, index=pd.Index(asked))


class _Moves:
    """Roots of which each rule settles what the ones before it left open."""

    def __init__(
        self,
        repositories: Repositories,
        graph: "CachedChunkedGraph",
        asked: Ints,
        version: int,
    ) -> None:
        self._of = repositories
        self._graph = graph
        self._asked = asked
        self._version = version
        self._moment = repositories.versions.record(version).timestamp
        self.roots = np.full(len(asked), NONE, np.int64)
        self.rules = np.full(len(asked), None, object)
        self._settle(np.flatnonzero(asked <= 0), NONE, NOWHERE)

    def _settle(self, places: Ints, roots: "Ints | int", rule: str) -> None:
        self.roots[places] = roots
        self.rules[places] = rule

    def _open(self) -> Ints:
        return np.flatnonzero([one is None for one in self.rules])

    def same(self) -> None:
        """Settle roots that were current then, and ids that are no roots."""
        seen = self._of.cells.maps.sightings()
        at = to_micros(self._moment)
        mirrored = np.isin(self._asked, seen.roots[seen.times == at])
        self._settle(np.flatnonzero(mirrored), self._asked[mirrored], SAME)
        left = self._open()
        lives = self._of.roots.known(self._asked[left])
        alive = lives.alive_at(at)
        unknown = ~(alive | lives.dead_at(at))
        if unknown.any() and not self._of.origin.offline:
            asked = self._asked[left[unknown]]
            alive[unknown] = self._of.roots.is_latest(asked, self._moment)
            made = self._of.roots.known(self._asked[left]).created
            self._settle(left[made == MISSING], NONE, NOWHERE)
        self._settle(left[alive], self._asked[left[alive]], SAME)

    def cells(self) -> None:
        """Settle roots whose cell has one root then."""
        left = self._open()
        if not len(left):
            return
        cells = self._of.cells.cells_of(self._asked[left])
        left, cells = left[cells > 0], cells[cells > 0]
        try:
            found, roots = self._of.cells.roots_of(np.unique(cells), self._version)
        except NotCachedError:  # it may be the lineage that is held
            return
        order = np.argsort(found, kind="stable")
        found, roots = found[order], roots[order]
        for place, cell in zip(left, cells, strict=True):
            first, last = np.searchsorted(found, (cell, cell + 1))
            there = np.unique(roots[first:last])
            if len(there) == 1 and there[0] > 0:
                self._settle(place, there[0], CELL)

    def lineage(self) -> None:
        """Settle the others by what they became, or were made of."""
        for place in self._open():
            try:
                self._settle(place, *self._related(int(self._asked[place])))
            except NotCachedError:
                continue

    def _related(self, root: int) -> tuple[int, str]:
        related = self._graph.get_latest_roots(root, timestamp=self._moment)
        if len(related) == 1:
            return int(related[0]), LINEAGE
        if not len(related):
            return NONE, NOWHERE
        parts = self._of.lineage.leaves(root, LEVEL2)
        homes = self._graph.get_roots(parts, timestamp=self._moment).astype(np.int64)
        names, counts = np.unique(homes[homes > 0], return_counts=True)
        if len(names) and 2 * counts.max() > len(parts):
            return int(names[counts.argmax()]), OVERLAP
        return NONE, AMBIGUOUS

    def check(self) -> None:
        """Raise if nothing held settles some of them."""
        left = self._asked[self._open()]
        if len(left):
            name = self._of.dataset.name
            command = f"cortical-cache sync {name} {self._version} --tables cells"
            if to_micros(self._moment) in self._of.cells.maps.index().moments:
                command = same_call(name)  # what those decide is settled
            raise NotCachedError(
                f"where {counted(name, left, 'roots')} are in v{self._version} is",
                command,
            )
