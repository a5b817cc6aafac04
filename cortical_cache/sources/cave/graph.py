"""The chunkedgraph: which root a supervoxel had when, and how long a root lived.

Bounded requests, whatever the number of ids. Times are microseconds since 1970, UTC;
CAVE keeps milliseconds.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
from caveclient.endpoints import chunkedgraph_endpoints_v1

from cortical_cache.errors import NotAuthorizedError, ServerError
from cortical_cache.model.json import JsonObject, as_list, as_object
from cortical_cache.model.moments import to_micros
from cortical_cache.sources.cave.session import CaveSession

__all__ = ["UNKNOWN", "CaveGraph"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

UNKNOWN = -(2**63)
"""Stands for what the server does not know."""

SUPERVOXELS_AT_ONCE = 50_000
"""Of ``roots_binary``: 400 kB a request."""

ROOTS_AT_ONCE = 1_000
"""Of the JSON endpoints: 20 kB a request."""

NODES_AT_ONCE = 20
"""Of ``leaves_many``: a neuron has some 100,000 supervoxels, a reply of 2 MB each, and
larger replies than `limits.JSON_BYTES` are refused."""


class CaveGraph:
    """Ask the chunkedgraph service. Remembers nothing.

    Parameters
    ----------
    session : CaveSession
    """

    def __init__(self, session: CaveSession) -> None:
        self._session = session
        self._server = session.server_address

    def roots_at(self, supervoxels: Ints, moment: datetime) -> Ints:
        """Return the root of each supervoxel at a moment; 0 where there is none."""

        def ask(batch: Ints) -> Ints:
            return _whole(self._client.get_roots(batch, timestamp=moment))

        return self._batches(ask, supervoxels, SUPERVOXELS_AT_ONCE, "roots")

    def is_latest(self, roots: Ints, moment: datetime | None) -> Bools:
        """Tell which roots were current at a moment; unknown ones were not.

        Without a moment none is sent, and the server's own now counts.
        """

        def ask(batch: Ints) -> Ints:
            found = np.asarray(self._client.is_latest_roots(batch, timestamp=moment))
            if found.dtype != np.bool_:
                raise TypeError(f"{found.dtype} is neither true nor false")
            return found.astype(np.int64)

        latest = self._batches(ask, roots, ROOTS_AT_ONCE, "latest roots")
        return latest.astype(np.bool_)

    def level2_at(self, supervoxels: Ints, moment: datetime) -> Ints:
        """Return the level-2 id of each supervoxel at a moment; 0 where none."""

        def ask(batch: Ints) -> Ints:
            return _whole(self._client.get_roots(batch, timestamp=moment, stop_layer=2))

        return self._batches(ask, supervoxels, SUPERVOXELS_AT_ONCE, "level-2 ids")

    def level2_edges(self, root: int) -> Ints:
        """Return the pairs of touching level-2 ids of a root, shape (n, 2)."""
        with self._session.asking(f"the level-2 graph of {root}"):
            return _whole(self._client.level2_chunk_graph(root)).reshape(-1, 2)

    def segmentation(self) -> JsonObject:
        """Return the metadata of the segmentation."""
        with self._session.asking("the segmentation's metadata"):
            return as_object(self._client.segmentation_info)

    def leaves(self, nodes: Sequence[int], layer: int | None) -> dict[int, Ints]:
        """Return the supervoxels of nodes, or their nodes of a layer, as they come."""
        if len(nodes) == 1:
            with self._session.asking(f"the leaves of {nodes[0]}"):
                return {nodes[0]: self._leaves(nodes[0], layer)}
        leaves: dict[int, Ints] = {}
        for start in range(0, len(nodes), NODES_AT_ONCE):
            batch = [*nodes[start : start + NODES_AT_ONCE]]
            with self._session.asking(f"the leaves of {len(batch)} nodes"):
                found = self._client.get_leaves_many(batch, stop_layer=layer)
                told = {int(one): _whole(found[one]) for one in found}
            if set(told) != set(batch):
                raise ServerError(
                    f"{self._server} was asked for the leaves of {len(batch):,} nodes "
                    f"and told of {len(told):,}"
                )
            leaves |= told
        return leaves

    def _leaves(self, node: int, layer: int | None) -> Ints:
        # Not by caveclient's method, which takes floats for ids.
        fields = {**self._client.default_url_mapping, "root_id": node}
        url = chunkedgraph_endpoints_v1["leaves_from_root"].format_map(fields)
        if layer is not None:
            url += f"?stop_layer={layer}"
        told = self._session.get_json(url, f"the leaves of {node}")
        return _whole(as_list(as_object(told)["leaf_ids"]))

    def created(self, roots: Ints) -> Ints:
        """Return when each root was made, or `UNKNOWN` where there is no such root."""
        return self._batches(self._created, roots, ROOTS_AT_ONCE, "root timestamps")

    def last_seen(self, roots: Ints, moment: datetime) -> Ints:
        """Return when each root ended, or the moment looked at if it had not.

        A public datastack looks at its cap instead of a later moment, and says so.

        Parameters
        ----------
        roots : numpy.ndarray of int64
            That exist.
        moment : datetime
        """

        def ask(batch: Ints) -> Ints:
            times: Sequence[datetime] = self._client.get_root_timestamps(
                batch, latest=True, timestamp=moment
            )
            # caveclient shows the millisecond before
            late = timedelta(milliseconds=1)
            return np.array([to_micros(_utc(one) + late) for one in times], np.int64)

        return self._batches(ask, roots, ROOTS_AT_ONCE, "root ends")

    def _created(self, batch: Ints) -> Ints:
        try:
            with self._session.asking("root timestamps"):
                times: Sequence[datetime] = self._client.get_root_timestamps(
                    batch, latest=False
                )
                made = [to_micros(_utc(one)) for one in times]
        except (ServerError, NotAuthorizedError):
            # One unknown id spoils the request, on a public datastack also one that is
            # newer than its cap: ask which are known.
            with self._session.asking("valid roots"):
                known: Bools = np.asarray(self._client.is_valid_nodes(batch), np.bool_)
            if known.all():
                raise
            found = np.full(len(batch), UNKNOWN, np.int64)
            if known.any():
                found[known] = self._created(batch[known])
            return found
        return np.array(made or [UNKNOWN] * len(batch), np.int64)

    def _batches(
        self, ask: Callable[[Ints], Ints], ids: Ints, size: int, what: str
    ) -> Ints:
        found = np.empty(len(ids), np.int64)
        for start in range(0, len(ids), size):
            batch = ids[start : start + size]
            with self._session.asking(what):
                told = ask(batch)
            if told.shape != batch.shape:  # numpy would repeat a single one
                raise ServerError(
                    f"{self._server} was asked for {batch.size:,} {what} and told "
                    f"{told.size:,}"
                )
            found[start : start + size] = told
        return found

    @property
    def _client(self) -> Any:  # noqa: ANN401  caveclient has no types
        return self._session.chunkedgraph


def _whole(found: Any) -> Ints:  # noqa: ANN401  what JSON or bytes give
    """Return ids as int64, of which not one has been a float: it could be another.

    Raises
    ------
    TypeError, ValueError
        If they are no whole numbers, or too large.
    """
    values: npt.NDArray[Any] = np.asarray(found)
    if values.size == 0:
        return values.astype(np.int64)
    if values.dtype.kind not in "iu":
        raise TypeError(f"{values.dtype} where ids are expected")
    if values.dtype.kind == "u" and values.max() > np.iinfo(np.int64).max:
        raise ValueError(f"an id is {values.max()}")
    return values.astype(np.int64)


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC)
