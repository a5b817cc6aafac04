"""The chunkedgraph: which root a supervoxel had when, and how long a root lived.

Bounded requests, whatever the number of ids. Times are microseconds since 1970, UTC;
CAVE keeps milliseconds.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from cortical_cache.errors import NotAuthorizedError, ServerError
from cortical_cache.model.json import JsonObject, as_object
from cortical_cache.model.moments import to_micros
from cortical_cache.sources.cave.faults import translated
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
            found: Any = self._client.get_roots(batch, timestamp=moment)
            return np.asarray(found).astype(np.int64)

        return self._batches(ask, supervoxels, SUPERVOXELS_AT_ONCE, "roots")

    def is_latest(self, roots: Ints, moment: datetime | None) -> Bools:
        """Tell which roots were current at a moment; unknown ones were not.

        Without a moment none is sent, and the server's own now counts.
        """

        def ask(batch: Ints) -> Ints:
            found: Any = self._client.is_latest_roots(batch, timestamp=moment)
            return np.asarray(found).astype(np.int64)

        latest = self._batches(ask, roots, ROOTS_AT_ONCE, "latest roots")
        return latest.astype(np.bool_)

    def level2_at(self, supervoxels: Ints, moment: datetime) -> Ints:
        """Return the level-2 id of each supervoxel at a moment; 0 where none."""

        def ask(batch: Ints) -> Ints:
            found: Any = self._client.get_roots(batch, timestamp=moment, stop_layer=2)
            return np.asarray(found).astype(np.int64)

        return self._batches(ask, supervoxels, SUPERVOXELS_AT_ONCE, "level-2 ids")

    def level2_edges(self, root: int) -> Ints:
        """Return the pairs of touching level-2 ids of a root, shape (n, 2)."""
        with translated(self._server, f"the level-2 graph of {root}"):
            found: Any = self._client.level2_chunk_graph(root)
        return np.asarray(found, np.int64).reshape(-1, 2)

    def segmentation(self) -> JsonObject:
        """Return the metadata of the segmentation."""
        with translated(self._server, "the segmentation's metadata"):
            return as_object(self._client.segmentation_info)

    def leaves(self, nodes: Sequence[int], layer: int | None) -> dict[int, Ints]:
        """Return the supervoxels of nodes, or their nodes of a layer, as they come."""
        if len(nodes) == 1:
            with translated(self._server, f"the leaves of {nodes[0]}"):
                found: Any = self._client.get_leaves(nodes[0], stop_layer=layer)
            return {nodes[0]: np.asarray(found, np.int64)}
        leaves: dict[int, Ints] = {}
        for start in range(0, len(nodes), NODES_AT_ONCE):
            batch = [*nodes[start : start + NODES_AT_ONCE]]
            with translated(self._server, f"the leaves of {len(batch)} nodes"):
                found = self._client.get_leaves_many(batch, stop_layer=layer)
            leaves |= {int(one): np.asarray(found[one], np.int64) for one in found}
        return leaves

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
            with translated(self._server, "root timestamps"):
                times: Sequence[datetime] = self._client.get_root_timestamps(
                    batch, latest=False
                )
        except (ServerError, NotAuthorizedError):
            # One unknown id spoils the request, on a public datastack also one that is
            # newer than its cap: ask which are known.
            with translated(self._server, "valid roots"):
                valid: Any = self._client.is_valid_nodes(batch)
            known = np.asarray(valid, np.bool_)
            if known.all():
                raise
            found = np.full(len(batch), UNKNOWN, np.int64)
            if known.any():
                found[known] = self._created(batch[known])
            return found
        if not len(times):
            return np.full(len(batch), UNKNOWN, np.int64)
        return np.array([to_micros(_utc(one)) for one in times], np.int64)

    def _batches(
        self, ask: Callable[[Ints], Ints], ids: Ints, size: int, what: str
    ) -> Ints:
        found = np.empty(len(ids), np.int64)
        for start in range(0, len(ids), size):
            with translated(self._server, what):
                found[start : start + size] = ask(ids[start : start + size])
        return found

    @property
    def _client(self) -> Any:  # noqa: ANN401  caveclient has no types
        return self._session.chunkedgraph


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC)
