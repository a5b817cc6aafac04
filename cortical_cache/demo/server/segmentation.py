"""The chunked graph service: roots, leaves, times and lineage."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

import numpy as np

from cortical_cache.demo.graph import ChunkedGraph, Edit, chunk_coordinates, layer
from cortical_cache.demo.rows import Floats, Ints
from cortical_cache.demo.server.deployment import Deployment
from cortical_cache.demo.server.exchange import (
    Fault,
    Reply,
    Request,
    html_reply,
    json_reply,
)
from cortical_cache.demo.world import SegmentationTable


def api_versions(_deployment: Deployment, _request: Request) -> Reply:
    """List the API versions."""
    return json_reply([0, 1])


def service_version(_deployment: Deployment, _request: Request) -> Reply:
    """Answer with the service's version."""
    return json_reply("3.1.7")


class _Call:
    """One request to one segmentation table."""

    def __init__(self, deployment: Deployment, request: Request, table: str) -> None:
        found = deployment.world.segmentations.get(table)
        if found is None:
            raise _error(404, f"table {table} does not exist")
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
        return _nodes(*body[name])

    def admit(self, nodes: Ints) -> None:
        """Refuse nodes newer than the cap of a public table."""
        cap = self.segmentation.cap
        if cap is not None:
            place, known = self.graph.nodes.find(nodes)
            if (known & (self.graph.nodes.created[place] > cap)).any():
                raise _error(401, "root_id not valid at timestamp")


def _nodes(*ids: int | str) -> Ints:
    """Read ids as the 64 bits without sign that they are; no node is beyond 2**63."""
    return np.array([int(one) for one in ids], dtype=np.uint64).view(np.int64)


def _error(status: int, message: str) -> Fault:
    body = {
        "timestamp": datetime.now(UTC).isoformat(),
        "duration": 0.0,
        "code": status,
        "message": message,
    }
    return Fault(json_reply(body, status))


def _ids_reply(
    request: Request, value: object, headers: tuple[tuple[str, str], ...] = ()
) -> Reply:
    if request.flag("int64_as_str"):
        value = _stringified(value)
    return json_reply(value, headers=headers)


def _stringified(value: object) -> object:
    if isinstance(value, dict):
        return {k: _stringified(v) for k, v in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [_stringified(item) for item in cast("list[object]", value)]
    return str(value) if type(value) is int else value


def roots_binary(deployment: Deployment, request: Request, table: str) -> Reply:
    """Climb from many nodes at once; ids travel as raw 64-bit numbers."""
    call = _Call(deployment, request, table)
    nodes = np.frombuffer(request.body, dtype="<u8").astype(np.int64)
    stop = request.query.get("stop_layer")
    found = call.graph.parents(nodes, call.time(), int(stop) if stop else None)
    body = found.astype("<u8").tobytes()
    return Reply(200, (("Content-Type", "application/octet-stream"),), body)


def root(deployment: Deployment, request: Request, table: str, node: str) -> Reply:
    """Answer with the root of one node."""
    call = _Call(deployment, request, table)
    stop = request.query.get("stop_layer")
    nodes = _nodes(node)
    found = call.graph.parents(nodes, call.time(), int(stop) if stop else None)
    return _ids_reply(request, {"root_id": int(found[0])})


def leaves(deployment: Deployment, request: Request, table: str, node: str) -> Reply:
    """Answer with what lies below a node."""
    call = _Call(deployment, request, table)
    call.admit(_nodes(node))
    return _ids_reply(request, {"leaf_ids": _leaves(call, int(node))})


def leaves_many(deployment: Deployment, request: Request, table: str) -> Reply:
    """Answer with what lies below each of many nodes."""
    call = _Call(deployment, request, table)
    nodes = call.ids("node_ids")
    call.admit(nodes)
    return _ids_reply(request, {str(n): _leaves(call, n) for n in nodes.tolist()})


def _leaves(call: _Call, node: int) -> list[int]:
    stop = int(call.request.query.get("stop_layer", "1"))
    found = call.graph.leaves(node, stop)
    return _within(call, found).tolist()


def _within(call: _Call, nodes: Ints) -> Ints:
    """Keep the nodes whose chunks touch the bounds of the query string."""
    text = call.request.query.get("bounds")
    if text is None or not len(nodes):
        return nodes
    ranges = [[float(v) for v in part.split("-")] for part in text.split("_")]
    start: Floats = np.array(call.graph.voxel_offset)[:, None]
    bounds: Floats = (ranges - start) / np.array(call.graph.chunk_size)[:, None]
    chunks = chunk_coordinates(nodes)
    first, stop = np.floor(bounds[:, 0]), np.ceil(bounds[:, 1])
    return nodes[((chunks >= first) & (chunks < stop)).all(axis=1)]


def children(deployment: Deployment, request: Request, table: str, node: str) -> Reply:
    """Answer with the direct children of a node."""
    call = _Call(deployment, request, table)
    call.admit(_nodes(node))
    below = max(layer(int(node)) - 1, 1)
    found: list[int] = []
    if layer(int(node)) > 1:
        found = call.graph.leaves(int(node), below).tolist()
    return _ids_reply(request, {"children_ids": found})


def is_latest(deployment: Deployment, request: Request, table: str) -> Reply:
    """Tell which nodes have not been replaced."""
    call = _Call(deployment, request, table)
    found = call.graph.current(call.ids("node_ids"), call.time())
    return json_reply({"is_latest": found.tolist()})


def root_timestamps(deployment: Deployment, request: Request, table: str) -> Reply:
    """Answer with creation times, or with the last moment each root was current."""
    call = _Call(deployment, request, table)
    nodes = call.ids("node_ids")
    call.admit(nodes)
    place, known = call.graph.nodes.find(nodes)
    latest = request.flag("latest")
    if not known.any() and not latest:
        return json_reply({"timestamp": []})
    if not known.all():
        raise _error(500, f"KeyError: {int(nodes[~known][0])}")
    times = call.graph.nodes.created[place]
    if latest:
        times = np.minimum(call.graph.nodes.retired[place], call.time())
    return json_reply({"timestamp": (times / 1000).tolist()})


def lineage(deployment: Deployment, request: Request, table: str) -> Reply:
    """Answer with the edits around roots as a graph."""
    call = _Call(deployment, request, table)
    roots = call.ids("root_ids")
    call.admit(roots)
    past = call.optional_time("timestamp_past")
    future = call.time("timestamp_future")
    edits = call.graph.edits_around(roots.tolist(), past, future)
    names = dict.fromkeys(roots.tolist())
    names |= dict.fromkeys(n for edit in edits for n in (*edit.before, *edit.after))
    made = {n: edit.operation_id for edit in call.graph.edits for n in edit.after}
    nodes: list[dict[str, object]] = []
    for name in names:
        place, known = call.graph.nodes.find(np.array([name], dtype=np.int64))
        if not known[0]:
            raise _error(500, f"KeyError: {name}")
        created = float(call.graph.nodes.created[place[0]]) / 1000
        operation = {"operation_id": made[name]} if name in made else {}
        nodes.append({"id": name, "timestamp": created, **operation})
    links = [
        {"source": before, "target": after}
        for edit in edits
        for before in edit.before
        for after in edit.after
    ]
    return _ids_reply(
        request,
        {
            "directed": True,
            "multigraph": False,
            "graph": {},
            "nodes": nodes,
            "links": links,
        },
    )


def past_ids(deployment: Deployment, request: Request, table: str) -> Reply:
    """Answer with the roots of a past time that today's roots come from."""
    call = _Call(deployment, request, table)
    roots = call.ids("root_ids")
    call.admit(roots)
    past = call.optional_time("timestamp_past")
    mapping = {str(r): past_roots(call.graph, r, past) for r in roots.tolist()}
    return _ids_reply(request, {"past_id_map": mapping, "future_id_map": {}})


def past_roots(graph: ChunkedGraph, root_id: int, past: int | None) -> list[int]:
    """Return the roots at a past time that a root was made of."""
    supervoxels = graph.leaves(root_id)
    when = graph.oldest if past is None else max(past, graph.oldest)
    return np.unique(graph.parents(supervoxels, when)).tolist()


def valid_nodes(deployment: Deployment, request: Request, table: str) -> Reply:
    """Tell which nodes exist; the end of the period is not clamped."""
    call = _Call(deployment, request, table)
    end = call.optional_time("end_timestamp", clamp=False) or call.now
    nodes = call.ids("node_ids")
    return _ids_reply(
        request, {"valid_roots": nodes[call.graph.exist(nodes, end)].tolist()}
    )


def covering_nodes(deployment: Deployment, request: Request, table: str) -> Reply:
    """Answer with the fewest nodes that hold exactly the given ones' supervoxels."""
    call = _Call(deployment, request, table)
    asked = cast("Sequence[int]", _only_list(request.json()))
    graph, found = call.graph, []
    wanted: set[int] = set()
    for node in asked:
        wanted |= set(graph.leaves(int(node)).tolist())
    atoms = np.array(sorted(wanted), dtype=np.int64)
    for top in (graph.layers, 2):
        for candidate in np.unique(graph.parents(atoms, call.now, top)).tolist():
            below = set(graph.leaves(candidate).tolist())
            if candidate and below <= wanted:
                found.append(candidate)
                wanted -= below
        atoms = np.array(sorted(wanted), dtype=np.int64)
    body = np.array([*found, *sorted(wanted)], dtype="<u8").tobytes()
    return Reply(200, (("Content-Type", "application/octet-stream"),), body)


def _only_list(body: object) -> object:
    """Unwrap a body that may be a list or a dict with one list."""
    if isinstance(body, dict):
        return next(iter(cast("dict[str, object]", body).values()))
    return body


def level2_graph(
    deployment: Deployment, request: Request, table: str, node: str
) -> Reply:
    """Answer with the pairs of touching level-2 nodes of a root."""
    call = _Call(deployment, request, table)
    call.admit(_nodes(node))
    edges = call.graph.level2_edges(int(node))
    inside = np.isin(edges, _within(call, np.unique(edges))).all(axis=1)
    bounded = str("bounds" in request.query)
    headers = (("Used-Bounds", bounded),)
    return _ids_reply(request, {"edge_graph": edges[inside].tolist()}, headers)


def delta_roots(deployment: Deployment, request: Request, table: str) -> Reply:
    """Answer with the roots that ended and began in a period."""
    call = _Call(deployment, request, table)
    past = call.optional_time("timestamp_past") or call.graph.oldest
    future = call.time("timestamp_future")
    nodes = call.graph.nodes
    is_root = (nodes.node >> 56) == call.graph.layers
    ended = is_root & (nodes.created <= past) & (nodes.retired <= future)
    ended &= nodes.retired > past
    began = is_root & (nodes.created > past) & (nodes.created <= future)
    began &= nodes.retired > future
    return _ids_reply(
        request,
        {
            "old_roots": nodes.node[ended].tolist(),
            "new_roots": nodes.node[began].tolist(),
        },
    )


def oldest_timestamp(deployment: Deployment, request: Request, table: str) -> Reply:
    """Answer with the beginning of the graph's history."""
    call = _Call(deployment, request, table)
    oldest = datetime.fromtimestamp(call.graph.oldest / 1000, UTC)
    return json_reply({"iso": f"{oldest:%Y-%m-%d %H:%M:%S.%f}+00:00"})


def change_log(
    deployment: Deployment, request: Request, table: str, root_id: str
) -> Reply:
    """Count the edits behind a root."""
    call = _Call(deployment, request, table)
    edits = _edits_behind(call, int(root_id))
    users = sorted({str(edit.user_id) for edit in edits})
    per_user = {
        user: {
            "n_merges": _count(edits, "merge", user),
            "n_splits": _count(edits, "split", user),
        }
        for user in users
    }
    past = sorted({old for edit in edits for old in edit.before})
    return _ids_reply(
        request,
        {
            "n_merges": _count(edits, "merge"),
            "n_splits": _count(edits, "split"),
            "operations_ids": [edit.operation_id for edit in edits],
            "past_ids": past,
            "user_info": per_user,
        },
    )


def tabular_change_log(deployment: Deployment, request: Request, table: str) -> Reply:
    """List the edits behind each of many roots."""
    call = _Call(deployment, request, table)
    answer: dict[str, str] = {}
    for root_id in call.ids("root_ids").tolist():
        edits = _edits_behind(call, root_id)
        rows = {
            "operation_id": [edit.operation_id for edit in edits],
            "timestamp": [edit.time for edit in edits],
            "user_id": [str(edit.user_id) for edit in edits],
            "before_root_ids": [list(edit.before) for edit in edits],
            "after_root_ids": [list(edit.after) for edit in edits],
            "is_merge": [edit.kind == "merge" for edit in edits],
            "user_name": [f"User {edit.user_id}" for edit in edits],
            "user_affiliation": ["" for _ in edits],
        }
        answer[str(root_id)] = json.dumps(
            {
                name: {str(i): value for i, value in enumerate(values)}
                for name, values in rows.items()
            }
        )
    return json_reply(answer)


def operation_details(deployment: Deployment, request: Request, table: str) -> Reply:
    """Describe edits by number."""
    call = _Call(deployment, request, table)
    asked = json.loads(request.query["operation_ids"])
    known = {edit.operation_id: edit for edit in call.graph.edits}
    return _ids_reply(
        request,
        {str(number): _details(known[number]) for number in asked if number in known},
    )


def _details(edit: Edit) -> dict[str, object]:
    when = datetime.fromtimestamp(edit.time / 1000, UTC)
    edges: list[list[int]] = []
    return {
        "added_edges" if edit.kind == "merge" else "removed_edges": edges,
        "roots": list(edit.after),
        "timestamp": str(when),
        "user": str(edit.user_id),
        "operation_status": 0,
    }


def _edits_behind(call: _Call, root_id: int) -> list[Edit]:
    call.admit(_nodes(root_id))
    _, known = call.graph.nodes.find(_nodes(root_id))
    if not known[0]:
        raise _error(400, f"{root_id} is not a root")
    edits = call.graph.edits_around([root_id], None, None)
    place, _ = call.graph.nodes.find(_nodes(root_id))
    created = call.graph.nodes.created[place[0]]
    return [edit for edit in edits if edit.time <= created]


def _count(edits: Sequence[Edit], kind: str, user: str | None = None) -> int:
    return sum(
        edit.kind == kind and user in (None, str(edit.user_id)) for edit in edits
    )


def table_info(deployment: Deployment, request: Request, table: str) -> Reply:
    """Answer with the info of the segmentation volume."""
    call = _Call(deployment, request, table)
    graph = call.graph
    scale = {
        "key": "_".join(f"{part:g}" for part in graph.resolution),
        "encoding": "compressed_segmentation",
        "compressed_segmentation_block_size": [8, 8, 8],
        "resolution": list(graph.resolution),
        "size": list(graph.volume_voxels),
        "voxel_offset": list(graph.voxel_offset),
        "chunk_sizes": [list(graph.chunk_size)],
        "locked": True,
    }
    return json_reply(
        {
            "app": {"supported_api_versions": [0, 1]},
            "chunks_start_at_voxel_offset": True,
            "data_dir": f"{deployment.url}/volumes/{graph.name}",
            "data_type": "uint64",
            "graph": {
                "bounding_box": list(graph.volume_voxels),
                "chunk_size": list(graph.chunk_size),
                "cv_mip": 0,
                "n_bits_for_layer_id": 8,
                "n_layers": graph.layers,
                "spatial_bit_masks": {
                    str(n): max(10 - max(n - 2, 0), 1)
                    for n in range(1, graph.layers + 1)
                },
            },
            "mesh": "graphene_meshes",
            "num_channels": 1,
            "scales": [scale],
            "sharded_mesh": True,
            "skeletons": "skeleton",
            "type": "segmentation",
            "verify_mesh": False,
        }
    )


def no_volume(_deployment: Deployment, _request: Request, _path: str) -> Reply:
    """Answer for the files of the segmentation volume, of which there are none."""
    return html_reply(404)
