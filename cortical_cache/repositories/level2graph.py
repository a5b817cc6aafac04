"""Level-2 nodes: which touch, which hold a supervoxel when, which lie in a box.

A root's nodes and edges never change; nor does the node of a supervoxel at a moment
past for good.
"""

from datetime import datetime

import numpy as np
import numpy.typing as npt

from cortical_cache.cache.facts import Facts
from cortical_cache.cache.keyed import Keyed
from cortical_cache.cache.numbered import each_once
from cortical_cache.cache.origin import Origin
from cortical_cache.errors import InvalidQueryError
from cortical_cache.model.chunks import ChunkGrid
from cortical_cache.model.ids import MISSING
from cortical_cache.model.json import JsonObject, as_object
from cortical_cache.model.moments import to_micros
from cortical_cache.policy.freshness import Fact, is_past
from cortical_cache.repositories.missing import by_asking, require
from cortical_cache.repositories.places import spanned
from cortical_cache.repositories.versions import Versions
from cortical_cache.store import DatasetStore

__all__ = ["Level2Graph"]

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

_NONE = -1  # the place of a row that says: this root has no edges


class Level2Graph:
    """The level-2 graph of one dataset.

    Parameters
    ----------
    store, origin, versions, facts
        Collaborators.
    """

    def __init__(
        self, store: DatasetStore, origin: Origin, versions: Versions, facts: Facts
    ) -> None:
        self._origin = origin
        self._versions = versions
        self._facts = facts
        server = origin.dataset.server_address
        self._edges = Keyed(
            store.rows("graph", "l2_edges", 0), "root_id", ("place", "a", "b"), server
        )
        self._places = Keyed(
            store.rows("graph", "supervoxel_l2", 0),
            "supervoxel_id",
            ("l2_id", "observed_at"),
            server,
        )

    def segmentation(self) -> JsonObject:
        """Return the segmentation's metadata: chunks, layers, scales. Freshness: a day.

        Raises
        ------
        NotCachedError
            Offline, and never asked.
        """
        document = self._facts.get(
            Fact.SEGMENTATION,
            lambda: self._origin.graph.segmentation(),  # noqa: PLW0108  offline: none
            missing=by_asking(self._origin, "the segmentation's metadata"),
        )
        return as_object(document.value)

    def grid(self) -> ChunkGrid:
        """Return where its chunks lie. Freshness: a day.

        Raises
        ------
        NotCachedError
            Offline, and never asked.
        """
        return ChunkGrid.parse(self.segmentation())

    def edges(self, root: int) -> Ints:
        """Return the pairs of touching level-2 ids of a root, in the server's order.

        Freshness: for ever.

        Returns
        -------
        numpy.ndarray of int64, shape (n, 2)

        Raises
        ------
        NotCachedError
            Offline, and not held.
        """
        found = self.held_edges(root)
        if found is None:
            require(self._origin, f"the level-2 graph of {root} is", [root])
            with self._edges.asking(np.array([root], np.int64), "edges"):
                found = self.held_edges(root)
                if found is None:
                    found = self._origin.graph.level2_edges(root)
                    self._keep_edges(root, found)
        return found

    def held_edges(self, root: int) -> Ints | None:
        """Return what is held of `edges`, or None. No network."""
        rows = self._edges.get(np.array([root], np.int64))
        places = rows.columns["place"]
        if not len(places):
            return None
        a, b = rows.columns["a"], rows.columns["b"]
        pairs = np.stack([a, b], axis=1)[each_once(rows.asked, places, a, b)]
        return pairs[pairs[:, 0] != MISSING]

    def _keep_edges(self, root: int, edges: Ints) -> None:
        if len(edges):
            places, a, b = np.arange(len(edges)), edges[:, 0], edges[:, 1]
        else:
            places = np.array([_NONE])
            a = b = np.array([MISSING])
        self._edges.add([np.full(len(places), root, np.int64), places, a, b])

    def level2_at(self, supervoxels: Ints, moment: datetime) -> Ints:
        """Return the level-2 id of each supervoxel at a moment; 0 where it has none.

        Freshness: kept for ever if the moment is past for good.

        Parameters
        ----------
        supervoxels : numpy.ndarray of int64
            Repeats are kept.
        moment : datetime

        Raises
        ------
        NotCachedError
            Offline, and not all is held.
        """
        moment = self._versions.graph_moment(moment)
        unique, back = np.unique(supervoxels, return_inverse=True)
        found = self._held_at(unique, moment)
        found[unique <= 0] = 0
        left = unique[found == MISSING]
        if len(left):
            text = f"the level-2 ids at {moment.isoformat()} of {len(left):,} ids are"
            require(self._origin, text)
            with self._places.asking(left, f"level 2 at {to_micros(moment)}"):
                again = self._held_at(left, moment)
                still = again == MISSING
                if still.any():
                    again[still] = self._ask_at(left[still], moment)
            found[found == MISSING] = again
        return found[back]

    def _held_at(self, supervoxels: Ints, moment: datetime) -> Ints:
        at = to_micros(moment)
        rows = self._places.get(supervoxels)
        nodes, observed = rows.columns["l2_id"], rows.columns["observed_at"]
        # Between two sightings in one node a supervoxel never left it.
        sure = (observed == at) | spanned(rows.asked, nodes, observed, at)
        found = np.full(len(supervoxels), MISSING, np.int64)
        found[rows.asked[sure]] = nodes[sure]
        return found

    def _ask_at(self, supervoxels: Ints, moment: datetime) -> Ints:
        found = self._origin.graph.level2_at(supervoxels, moment)
        end = self._versions.graph_end()
        if is_past(moment, self._origin.session.server_time(), end):
            observed = np.full(len(found), to_micros(moment), np.int64)
            self._places.add([supervoxels, found, observed])
        return found

    def within(self, nodes: Ints, bounds: object) -> Bools:
        """Tell which level-2 nodes lie in chunks that touch a box.

        Parameters
        ----------
        nodes : numpy.ndarray of int64
        bounds : array-like, shape (3, 2)
            In voxels of the segmentation's first scale.

        Raises
        ------
        InvalidQueryError
            If the bounds are none.
        """
        try:
            box = np.asarray(bounds, np.float64)
        except (TypeError, ValueError):
            box = np.empty(0)
        if box.shape != (3, 2) or not np.isfinite(box).all():
            raise InvalidQueryError(
                "bounds are three pairs of coordinates, the first and the last of "
                f"each axis; {bounds!r} are none"
            )
        grid = self.grid()
        start, size = np.array(grid.voxel_origin), np.array(grid.voxel_size)
        first = np.floor((box[:, 0] - start) / size)
        stop = np.ceil((box[:, 1] - start) / size)
        chunks = grid.of_ids(nodes)
        inside: Bools = (chunks >= first) & (chunks < stop)
        return np.logical_and.reduce(inside, axis=1)
