"""The chunked graph service: roots, leaves and times."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast

import numpy as np

from cortical_cache.demo.graph import ChunkedGraph, layer
from cortical_cache.demo.server.deployment import Deployment
from cortical_cache.demo.server.exchange import (
    Reply,
    Request,
    json_reply,
)
from cortical_cache.demo.server.graphcall import Call, error, ids_reply, nodes_of


def api_versions(_deployment: Deployment, _request: Request) -> Reply:
    """List the API versions."""
    return json_reply([0, 1])


def service_version(_deployment: Deployment, _request: Request) -> Reply:
    """Answer with the service's version."""
    return json_reply("3.1.7")


def roots_binary(deployment: Deployment, request: Request, table: str) -> Reply:
    """Climb from many nodes at once; ids travel as raw 64-bit numbers."""
    call = Call(deployment, request, table)
    nodes = np.frombuffer(request.body, dtype="<u8").astype(np.int64)
    stop = request.query.get("stop_layer")
    found = call.graph.parents(nodes, call.time(), int(stop) if stop else None)
    body = found.astype("<u8").tobytes()
    return Reply(200, (("Content-Type", "application/octet-stream"),), body)


def root(deployment: Deployment, request: Request, table: str, node: str) -> Reply:
    """Answer with the root of one node."""
    call = Call(deployment, request, table)
    stop = request.query.get("stop_layer")
    nodes = nodes_of(node)
    found = call.graph.parents(nodes, call.time(), int(stop) if stop else None)
    return ids_reply(request, {"root_id": int(found[0])})


def leaves(deployment: Deployment, request: Request, table: str, node: str) -> Reply:
    """Answer with what lies below a node."""
    call = Call(deployment, request, table)
    call.admit(nodes_of(node))
    return ids_reply(request, {"leaf_ids": _leaves(call, int(node))})


def leaves_many(deployment: Deployment, request: Request, table: str) -> Reply:
    """Answer with what lies below each of many nodes."""
    call = Call(deployment, request, table)
    nodes = call.ids("node_ids")
    call.admit(nodes)
    return ids_reply(request, {str(n): _leaves(call, n) for n in nodes.tolist()})


def _leaves(call: Call, node: int) -> list[int]:
    stop = int(call.request.query.get("stop_layer", "1"))
    found = call.graph.leaves(node, stop)
    return call.within(found).tolist()


def children(deployment: Deployment, request: Request, table: str, node: str) -> Reply:
    """Answer with the direct children of a node."""
    call = Call(deployment, request, table)
    call.admit(nodes_of(node))
    below = max(layer(int(node)) - 1, 1)
    found: list[int] = []
    if layer(int(node)) > 1:
        found = call.graph.leaves(int(node), below).tolist()
    return ids_reply(request, {"children_ids": found})


def is_latest(deployment: Deployment, request: Request, table: str) -> Reply:
    """Tell which nodes have not been replaced."""
    call = Call(deployment, request, table)
    found = call.graph.current(call.ids("node_ids"), call.time())
    return json_reply({"is_latest": found.tolist()})


def root_timestamps(deployment: Deployment, request: Request, table: str) -> Reply:
    """Answer with creation times, or with the last moment each root was current."""
    call = Call(deployment, request, table)
    nodes = call.ids("node_ids")
    call.admit(nodes)
    place, known = call.graph.nodes.find(nodes)
    latest = request.flag("latest")
    if not known.any() and not latest:
        return json_reply({"timestamp": []})
    if not known.all():
        raise error(500, f"KeyError: {int(nodes[~known][0])}")
    times = call.graph.nodes.created[place]
    if latest:
        times = np.minimum(call.graph.nodes.retired[place], call.time())
    return json_reply({"timestamp": (times / 1000).tolist()})


def past_ids(deployment: Deployment, request: Request, table: str) -> Reply:
    """Answer with the roots of a past time that today's roots come from."""
    call = Call(deployment, request, table)
    roots = call.ids("root_ids")
    call.admit(roots)
    past = call.optional_time("timestamp_past")
    mapping = {str(r): past_roots(call.graph, r, past) for r in roots.tolist()}
    return ids_reply(request, {"past_id_map": mapping, "future_id_map": {}})


def past_roots(graph: ChunkedGraph, root_id: int, past: int | None) -> list[int]:
    """Return the roots at a past time that a root was made of."""
    supervoxels = graph.leaves(root_id)
    when = graph.oldest if past is None else max(past, graph.oldest)
    return np.unique(graph.parents(supervoxels, when)).tolist()


def valid_nodes(deployment: Deployment, request: Request, table: str) -> Reply:
    """Tell which nodes exist; the end of the period is not clamped."""
    call = Call(deployment, request, table)
    end = call.optional_time("end_timestamp", clamp=False) or call.now
    nodes = call.ids("node_ids")
    return ids_reply(
        request, {"valid_roots": nodes[call.graph.exist(nodes, end)].tolist()}
    )


def covering_nodes(deployment: Deployment, request: Request, table: str) -> Reply:
    """Answer with the fewest nodes that hold exactly the given ones' supervoxels."""
    call = Call(deployment, request, table)
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
    call = Call(deployment, request, table)
    call.admit(nodes_of(node))
    edges = call.graph.level2_edges(int(node))
    inside = np.isin(edges, call.within(np.unique(edges))).all(axis=1)
    bounded = str("bounds" in request.query)
    headers = (("Used-Bounds", bounded),)
    return ids_reply(request, {"edge_graph": edges[inside].tolist()}, headers)


def delta_roots(deployment: Deployment, request: Request, table: str) -> Reply:
    """Answer with the roots that ended and began in a period."""
    call = Call(deployment, request, table)
    past = call.optional_time("timestamp_past") or call.graph.oldest
    future = call.time("timestamp_future")
    nodes = call.graph.nodes
    is_root = (nodes.node >> 56) == call.graph.layers
    ended = is_root & (nodes.created <= past) & (nodes.retired <= future)
    ended &= nodes.retired > past
    began = is_root & (nodes.created > past) & (nodes.created <= future)
    began &= nodes.retired > future
    return ids_reply(
        request,
        {
            "old_roots": nodes.node[ended].tolist(),
            "new_roots": nodes.node[began].tolist(),
        },
    )


def oldest_timestamp(deployment: Deployment, request: Request, table: str) -> Reply:
    """Answer with the beginning of the graph's history."""
    call = Call(deployment, request, table)
    oldest = datetime.fromtimestamp(call.graph.oldest / 1000, UTC)
    return json_reply({"iso": f"{oldest:%Y-%m-%d %H:%M:%S.%f}+00:00"})
