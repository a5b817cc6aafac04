"""A request to one segmentation table: its graph, its times and its ids."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

import numpy as np

from cortical_cache.demo.graph import ChunkedGraph, chunk_coordinates
from cortical_cache.demo.rows import Floats, Ints
from cortical_cache.demo.server.deployment import Deployment
from cortical_cache.demo.server.exchange import Fault, Reply, Request, json_reply
from cortical_cache.demo.world import SegmentationTable


class Call:
    """One request to one segmentation table."""

    def __init__(self, deployment: Deployment, request: Request, table: str) -> None:
        found = deployment.world.segmentations.get(table)
        if found is None:
            raise error(404, f"table {table} does not exist")
        for datastack in deployment.world.datastacks.values():
            if datastack.segmentation == table:
                deployment.permit(datastack)
        self._clock = deployment.settings.clock
        self.request = request
        self.segmentation: SegmentationTable = found
        self.graph: ChunkedGraph = found.graph

    @property
    def now(self) -> int:
        """The present, or the cap of a public table."""
        now = int(self._clock().timestamp() * 1000)
        cap = self.segmentation.cap
        return now if cap is None else min(now, cap)

    def time(self, name: str = "timestamp") -> int:
        """Read a time of the query string in ms; the present if absent."""
        return min(self.optional_time(name, clamp=False) or self.now, self.now)

    def optional_time(self, name: str, *, clamp: bool = True) -> int | None:
        """Read a time of the query string in ms."""
        text = self.request.query.get(name)
        if text is None:
            return None
        # Seconds come as doubles; the graph keeps whole milliseconds, cut off.
        when = int(float(text) * 1_000_000 + 0.5) // 1000
        return min(when, self.now) if clamp else when

    def ids(self, name: str) -> Ints:
        """Read ids of the JSON body."""
        body = cast("Mapping[str, Sequence[int]]", self.request.json())
        return nodes_of(*body[name])

    def admit(self, nodes: Ints) -> None:
        """Refuse nodes newer than the cap of a public table."""
        cap = self.segmentation.cap
        if cap is not None:
            place, known = self.graph.nodes.find(nodes)
            if (known & (self.graph.nodes.created[place] > cap)).any():
                raise error(401, "root_id not valid at timestamp")

    def within(self, nodes: Ints) -> Ints:
        """Keep the nodes whose chunks touch the bounds of the query string."""
        text = self.request.query.get("bounds")
        if text is None or not len(nodes):
            return nodes
        ranges = [[float(v) for v in part.split("-")] for part in text.split("_")]
        start: Floats = np.array(self.graph.voxel_offset)[:, None]
        bounds: Floats = (ranges - start) / np.array(self.graph.chunk_size)[:, None]
        chunks = chunk_coordinates(nodes)
        first, stop = np.floor(bounds[:, 0]), np.ceil(bounds[:, 1])
        return nodes[((chunks >= first) & (chunks < stop)).all(axis=1)]


def nodes_of(*ids: int | str) -> Ints:
    """Read ids as the 64 bits without sign that they are; no node is beyond 2**63."""
    return np.array([int(one) for one in ids], dtype=np.uint64).view(np.int64)


def error(status: int, message: str) -> Fault:
    """Refuse as the service does."""
    body = {
        "timestamp": datetime.now(UTC).isoformat(),
        "duration": 0.0,
        "code": status,
        "message": message,
    }
    return Fault(json_reply(body, status))


def ids_reply(
    request: Request, value: object, headers: tuple[tuple[str, str], ...] = ()
) -> Reply:
    """Answer with ids, as text if the query asks for it."""
    if request.flag("int64_as_str"):
        value = _stringified(value)
    return json_reply(value, headers=headers)


def _stringified(value: object) -> object:
    if isinstance(value, dict):
        return {k: _stringified(v) for k, v in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [_stringified(item) for item in cast("list[object]", value)]
    return str(value) if type(value) is int else value
