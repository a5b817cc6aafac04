"""Skeletons of roots, as the skeleton service makes them from the level-2 graph."""

from collections.abc import Mapping
from typing import cast

import numpy as np

from cortical_cache.demo.graph import ChunkedGraph
from cortical_cache.demo.rows import Floats, Ints
from cortical_cache.demo.world import L2Cache, LazyMapping

_SOMA, _AXON, _DENDRITE = 1, 2, 3


def skeletons(
    graph: ChunkedGraph, cache: L2Cache
) -> Mapping[int, Mapping[str, object]]:
    """Describe the skeleton of every root, each when first asked for."""
    nodes = graph.nodes.node
    roots = nodes[(nodes >> 56) == graph.layers]
    return LazyMapping(roots.tolist(), lambda root: _skeleton(graph, cache, root))


def _skeleton(graph: ChunkedGraph, cache: L2Cache, root: int) -> dict[str, object]:
    """Grow a tree from the largest node; what touches it and ends becomes the soma."""
    nodes = np.sort(graph.root_children.of_one(root))
    records = [cache.records[one] for one in nodes.tolist()]
    points = np.array([record["rep_coord_nm"] for record in records], dtype=np.float64)
    sizes = [cast("int", record["size_nm3"]) for record in records]
    soma = int(np.argmax(sizes))
    parent, order = _tree(np.searchsorted(nodes, graph.level2_edges(root)), soma)
    has_child = np.bincount(parent[order[1:]], minlength=len(nodes)) > 0
    in_soma = (parent == soma) & ~has_child
    in_soma[soma] = True
    kept = [place for place in order[::-1] if place == soma or not in_soma[place]]
    vertex = np.full(len(nodes), len(kept) - 1)
    vertex[kept] = np.arange(len(kept))
    compartment = _compartments(parent, order, soma)
    x, y, z = points[soma]
    radius = [float(cast("int", record["max_dt_nm"])) for record in records]
    return {
        "meta": {
            "root_id": root,
            "soma_pt_x": x,
            "soma_pt_y": y,
            "soma_pt_z": z,
            "soma_radius": 7500,
            "collapse_soma": True,
            "skeleton_type": "pcg_skel",
            "meta": {"space": "l2cache"},
            "sk_dict_structure_version": 4,
            "skeleton_version": 4,
        },
        "edges": [[int(vertex[p]), int(vertex[parent[p]])] for p in kept[:-1]],
        "mesh_to_skel_map": vertex.tolist(),
        "root": len(kept) - 1,
        "vertices": points[kept].tolist(),
        "compartment": [int(compartment[place]) for place in kept],
        "radius": [radius[place] for place in kept],
        "lvl2_ids": nodes.tolist(),
    }


def _tree(edges: Ints, start: int) -> tuple[Ints, list[int]]:
    """Return each node's parent, and the nodes from the start outwards."""
    touching: dict[int, list[int]] = {}
    for a, b in edges.tolist():
        touching.setdefault(a, []).append(b)
        touching.setdefault(b, []).append(a)
    count = int(edges.max(initial=start)) + 1
    parent = np.full(count, -1)
    order = [start]
    seen = {start}
    for place in order:
        for other in sorted(set(touching.get(place, ())) - seen):
            seen.add(other)
            parent[other] = place
            order.append(other)
    return parent, order


def _compartments(parent: Ints, order: list[int], soma: int) -> Floats:
    """Call the first branch axon and the others dendrites."""
    found = np.full(len(parent), float(_DENDRITE))
    found[soma] = _SOMA
    axon = next((place for place in order[1:] if parent[place] == soma), soma)
    for place in order[1:]:
        if place == axon or found[parent[place]] == _AXON:
            found[place] = _AXON
    return found
