"""``client.cached.chunkedgraph``: caveclient's reading methods, remembered.

Names and signatures are those of caveclient's ``ChunkedGraphClient``. What caveclient
computes from other answers is computed by caveclient's own code, from answers of ours;
whatever is not here goes to the plain caveclient.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pytz
from caveclient.chunkedgraph import ChunkedGraphClient

from cortical_cache.client.cached.passthrough import PassThrough
from cortical_cache.errors import InvalidQueryError
from cortical_cache.model.commands import same_call
from cortical_cache.model.ids import MISSING, as_ids
from cortical_cache.model.json import Json
from cortical_cache.model.moments import from_micros
from cortical_cache.repositories.dataset import Repositories
from cortical_cache.repositories.live import utc
from cortical_cache.repositories.missing import require, require_ids

__all__ = ["CachedChunkedGraph"]

_theirs: Any = ChunkedGraphClient  # it has no types

_LATE = timedelta(milliseconds=1)

LEVEL_2 = 2
"""The layer of level-2 nodes."""


class CachedChunkedGraph(PassThrough):
    """The chunkedgraph service, answered from the store where it can be.

    Parameters
    ----------
    repositories : Repositories
    shell : object
        The ``client.cached`` it is part of; its timestamp counts where none is given.
    """

    _service = "chunkedgraph"

    def __init__(self, repositories: Repositories, shell: Any) -> None:  # noqa: ANN401  caveclient's own client
        super().__init__(repositories)
        self._shell = shell
        self._default: datetime | None = None

    def _connected(self) -> Any:  # noqa: ANN401  caveclient has no types
        return self._of.origin.session.chunkedgraph

    @property
    def timestamp(self) -> datetime | None:
        """The moment that is meant where none is given; None: now."""
        return self._shell.timestamp or self._default

    @timestamp.setter
    def timestamp(self, value: datetime | None) -> None:
        self._default = value

    @property
    def segmentation_info(self) -> dict[str, Json]:
        """The segmentation's metadata. Freshness: a day."""
        return self._of.level2graph.segmentation()

    def get_roots(
        self,
        supervoxel_ids: object,
        timestamp: datetime | None = None,
        stop_layer: int | None = None,
    ) -> npt.NDArray[np.uint64]:
        """Return the root of each supervoxel at a moment; 0 where there is none.

        Freshness: kept for ever over the root's known life, if the moment is past for
        good; now is asked each time.
        """
        moment = timestamp or self.timestamp
        if stop_layer == LEVEL_2 and moment is not None:
            ids = np.array(as_ids(supervoxel_ids, "supervoxel_ids"), np.int64)
            found = self._of.level2graph.level2_at(ids, utc(moment))
            return found.astype(np.uint64)
        if stop_layer is not None or moment is None:
            above = "roots" if stop_layer is None else f"layer-{stop_layer} ids"
            at = "now" if moment is None else f"at {utc(moment).isoformat()}"
            self._require(f"the {above} {at} of {{}} are", supervoxel_ids)
            return self._plain().get_roots(supervoxel_ids, moment, stop_layer)
        asked = np.array(as_ids(supervoxel_ids, "supervoxel_ids"), np.int64)
        sightings = self._of.cells.maps.sightings()
        found = self._of.places.at(asked, utc(moment), sightings)
        return found.astype(np.uint64)

    def get_root_id(
        self,
        supervoxel_id: int,
        timestamp: datetime | None = None,
        level2: bool = False,
    ) -> np.int64:
        """Return the root of one supervoxel. Freshness: as `get_roots`."""
        layer = 2 if level2 else None
        return np.int64(self.get_roots([supervoxel_id], timestamp, layer)[0])

    def is_latest_roots(
        self, root_ids: object, timestamp: datetime | None = None
    ) -> npt.NDArray[np.bool_]:
        """Tell which roots are current, now or at a moment.

        Freshness: that a root has ended is kept for ever; "current now" is asked each
        time, or, offline, answered as of the last time known, saying so.
        """
        moment = timestamp or self.timestamp
        asked = np.array(as_ids(root_ids, "root_ids"), np.int64)
        return self._of.roots.is_latest(asked, None if moment is None else utc(moment))

    def get_root_timestamps(
        self,
        root_ids: object,
        latest: bool = False,
        timestamp: datetime | None = None,
    ) -> npt.NDArray[np.object_]:
        """Return when roots were made, or with `latest` when they were last current.

        Freshness: both for ever, the latter once the root has ended; while it is
        current it is asked each time.
        """
        asked = np.array(as_ids(root_ids, "root_ids"), np.int64)
        roots = self._of.roots
        if not latest:
            created = roots.created(asked)
            if (created == MISSING).all():
                return np.array([])
            _require_roots(asked, created)
            return _times(created)
        moment = timestamp or self.timestamp
        last = roots.last_current(asked, None if moment is None else utc(moment))
        _require_roots(asked, last)
        return _times(last, _LATE)

    def get_latest_roots(
        self,
        root_id: object,
        timestamp: datetime | None = None,
        timestamp_future: datetime | None = None,
    ) -> npt.NDArray[np.int64]:
        """Return the roots that a root has become, or was made of, at a moment.

        Freshness: kept for ever if the moment is past for good; now is asked each
        time, or, offline, answered as of the last time known, saying so.
        """
        return _theirs.get_latest_roots(self, root_id, timestamp, timestamp_future)

    def get_original_roots(
        self, root_id: object, timestamp_past: datetime | None = None
    ) -> npt.NDArray[np.int64]:
        """Return the roots that a root was made of. Freshness: for ever."""
        return _theirs.get_original_roots(self, root_id, timestamp_past)

    def suggest_latest_roots(
        self,
        root_id: int,
        timestamp: datetime | None = None,
        stop_layer: int | None = None,
        return_all: bool = False,
        return_fraction_overlap: bool = False,
    ) -> Any:  # noqa: ANN401  one of four shapes, as caveclient has it
        """Return the root that holds most of what a root was made of.

        Freshness: its parts for ever, their roots as `get_roots`.
        """
        return _theirs.suggest_latest_roots(
            self, root_id, timestamp, stop_layer, return_all, return_fraction_overlap
        )

    def get_lineage_graph(
        self,
        root_id: object,
        timestamp_past: datetime | None = None,
        timestamp_future: datetime | None = None,
        as_nx_graph: bool = False,
        exclude_links_to_future: bool = False,
        exclude_links_to_past: bool = False,
    ) -> Any:  # noqa: ANN401  a dict or a graph, as caveclient has it
        """Return the history of roots as a graph.

        Freshness: kept for ever up to a moment past for good; up to now it is asked
        each time, or, offline, answered as of the last time known, saying so.
        """
        ids = sorted(set(as_ids(root_id, "root_id")))
        past = None if timestamp_past is None else utc(timestamp_past)
        until = timestamp_future or self.timestamp
        request: dict[str, Json] = {
            "root_ids": [*ids],
            "past": None if past is None else past.isoformat(),
            "links": [exclude_links_to_future, exclude_links_to_past],
        }

        def ask() -> Json:
            return self._plain().get_lineage_graph(
                ids,
                timestamp_past=timestamp_past,
                timestamp_future=until or datetime.now(UTC),
                exclude_links_to_future=exclude_links_to_future,
                exclude_links_to_past=exclude_links_to_past,
            )

        end = None if until is None or _is_now(until) else utc(until)
        graph = self._of.lineage.answer(
            "lineage", request, end, ask, ("nodes", "links")
        )
        if not as_nx_graph:
            return graph
        import networkx as nx

        theirs: Any = nx
        return theirs.node_link_graph(graph, edges="links")

    def get_past_ids(
        self,
        root_ids: object,
        timestamp_past: datetime | None = None,
        timestamp_future: datetime | None = None,
    ) -> dict[str, dict[int, Json]]:
        """Return what roots were made of at a moment, by root.

        Freshness: kept for ever where both moments are given and past for good.
        """
        ids = sorted(set(as_ids(root_ids, "root_ids")))
        request: dict[str, Json] = {
            "root_ids": [*ids],
            "past": None if timestamp_past is None else utc(timestamp_past).isoformat(),
        }

        def ask() -> Json:
            return self._plain().get_past_ids(ids, timestamp_past, timestamp_future)

        end = None if timestamp_future is None else utc(timestamp_future)
        found = self._of.lineage.answer(
            "past ids", request, end, ask, ("past_id_map", "future_id_map")
        )
        return {
            name: {int(root): ids for root, ids in _mapping(found[name]).items()}
            for name in ("past_id_map", "future_id_map")
        }

    def is_valid_nodes(
        self,
        node_ids: object,
        start_timestamp: datetime | None = None,
        end_timestamp: datetime | None = None,
    ) -> npt.NDArray[np.bool_]:
        """Tell which nodes exist.

        Freshness: for ever of roots that are known to; others are asked.
        """
        asked = np.array(as_ids(node_ids, "node_ids"), np.int64)
        known = self._of.roots.known(asked).created != MISSING
        if start_timestamp is None and end_timestamp is None and known.all():
            return known
        self._require("whether {} exist is", node_ids)
        return self._plain().is_valid_nodes(asked, start_timestamp, end_timestamp)

    def get_leaves(
        self, root_id: int, bounds: object = None, stop_layer: int | None = None
    ) -> npt.NDArray[np.int64]:
        """Return the supervoxels of a root, or its nodes of a layer.

        Freshness: for ever; with bounds, level-2 nodes are chosen from all of them if
        those are held, else it is asked each time.
        """
        if bounds is not None and stop_layer == LEVEL_2:
            (node,) = as_ids(root_id, "root_id")
            held = self._of.lineage.held_leaves([node], stop_layer)
            if node in held:
                return held[node][self._of.level2graph.within(held[node], bounds)]
        if bounds is not None:
            self._require("the leaves within bounds of {} are", root_id, stop_layer)
            return self._plain().get_leaves(root_id, bounds, stop_layer)
        (node,) = as_ids(root_id, "root_id")
        return self._of.lineage.leaves(node, stop_layer)

    def get_leaves_many(
        self,
        root_ids: object,
        bounds: object = None,
        stop_layer: int | None = None,
    ) -> dict[np.int64, npt.NDArray[np.int64]]:
        """Return the leaves of several roots, by root. Freshness: as `get_leaves`."""
        if bounds is not None:
            self._require("the leaves within bounds of {} are", root_ids)
            return self._plain().get_leaves_many(root_ids, bounds, stop_layer)
        asked = as_ids(root_ids, "root_ids")
        found = self._of.lineage.leaves_many(asked, stop_layer)
        return {np.int64(root): leaves for root, leaves in found.items()}

    def level2_chunk_graph(self, root_id: int, bounds: object = None) -> list[Any]:
        """Return the pairs of touching level-2 nodes of a root.

        Freshness: for ever; with bounds, those between nodes inside are chosen from all
        of them if those are held, else it is asked each time.
        """
        (node,) = as_ids(root_id, "root_id")
        graph = self._of.level2graph
        if bounds is None:
            return graph.edges(node).tolist()
        edges = graph.held_edges(node)
        if edges is None:
            require(self._of.origin, f"the level-2 graph of {node} is", [node])
            return self._plain().level2_chunk_graph(root_id, bounds)
        inside = graph.within(edges.ravel(), bounds).reshape(-1, 2)
        return edges[inside.all(axis=1)].tolist()

    def _require(self, what: str, ids: object, layer: int | None = None) -> None:
        """Make sure that ids may be asked about; of one layer a command fetches it."""
        if self._of.origin.offline:
            command = None if layer == LEVEL_2 else same_call(self._of.dataset.name)
            require_ids(self._of.origin, what, as_ids(ids, "ids"), command=command)

    def _process_timestamp(self, timestamp: datetime | None) -> datetime:
        """Do as caveclient's own methods expect of their object."""
        return timestamp or self.timestamp or datetime.now(UTC)


def _require_roots(asked: npt.NDArray[np.int64], times: npt.NDArray[np.int64]) -> None:
    unknown = asked[times == MISSING]
    if len(unknown):
        raise InvalidQueryError(
            f"{len(unknown):,} ids are no roots, {unknown[0]} for one"
        )


def _times(
    micros: Sequence[int] | npt.NDArray[np.int64], late: timedelta = timedelta(0)
) -> npt.NDArray[np.object_]:
    moments = [from_micros(int(one)).astimezone(pytz.UTC) - late for one in micros]
    return np.array(moments, dtype=object)


def _is_now(moment: datetime) -> bool:
    """Tell whether a moment was taken from the clock just now, by caveclient's code."""
    return abs(datetime.now(UTC) - utc(moment)) < timedelta(seconds=10)


def _mapping(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}
