"""The chunked graph service: what edits made of roots."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from cortical_cache.demo.graph import Edit
from cortical_cache.demo.server.deployment import Deployment
from cortical_cache.demo.server.exchange import Reply, Request, json_reply
from cortical_cache.demo.server.graphcall import Call, error, ids_reply, nodes_of


def lineage(deployment: Deployment, request: Request, table: str) -> Reply:
    """Answer with the edits around roots as a graph."""
    call = Call(deployment, request, table)
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
            raise error(500, f"KeyError: {name}")
        created = float(call.graph.nodes.created[place[0]]) / 1000
        operation = {"operation_id": made[name]} if name in made else {}
        nodes.append({"id": name, "timestamp": created, **operation})
    links = [
        {"source": before, "target": after}
        for edit in edits
        for before in edit.before
        for after in edit.after
    ]
    return ids_reply(
        request,
        {
            "directed": True,
            "multigraph": False,
            "graph": {},
            "nodes": nodes,
            "links": links,
        },
    )


def change_log(
    deployment: Deployment, request: Request, table: str, root_id: str
) -> Reply:
    """Count the edits behind a root."""
    call = Call(deployment, request, table)
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
    return ids_reply(
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
    call = Call(deployment, request, table)
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
    call = Call(deployment, request, table)
    asked = json.loads(request.query["operation_ids"])
    known = {edit.operation_id: edit for edit in call.graph.edits}
    return ids_reply(
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


def _edits_behind(call: Call, root_id: int) -> list[Edit]:
    call.admit(nodes_of(root_id))
    _, known = call.graph.nodes.find(nodes_of(root_id))
    if not known[0]:
        raise error(400, f"{root_id} is not a root")
    edits = call.graph.edits_around([root_id], None, None)
    place, _ = call.graph.nodes.find(nodes_of(root_id))
    created = call.graph.nodes.created[place[0]]
    return [edit for edit in edits if edit.time <= created]


def _count(edits: Sequence[Edit], kind: str, user: str | None = None) -> int:
    return sum(
        edit.kind == kind and user in (None, str(edit.user_id)) for edit in edits
    )
