"""What the L2 cache computes of level-2 nodes, from the supervoxels in them."""

from collections.abc import Mapping

import numpy as np

from cortical_cache.demo.graph import ChunkedGraph, Family, chunk_coordinates
from cortical_cache.demo.rows import Floats, Ints
from cortical_cache.demo.world import L2Cache, LazyMapping

_FEWEST_FOR_AXES = 3
_MOST_VOXELS = 5_000


def l2_cache(graph: ChunkedGraph) -> L2Cache:
    """Describe every level-2 node of a graph, each when first asked for."""
    nodes = graph.nodes.node
    level2 = nodes[nodes >> 56 == 2]  # noqa: PLR2004 - layer 2
    both = np.concatenate([graph.edges, graph.edges[:, ::-1]])
    touching = Family.of(both[:, 0], both[:, 1])

    def make(node: int) -> Mapping[str, object]:
        return _record(graph, touching.of_one(node), node)

    return L2Cache(f"{graph.name}_l2", LazyMapping(level2.tolist(), make))


def _record(graph: ChunkedGraph, touching: Ints, node: int) -> dict[str, object]:
    inside = graph.level2_children.of_one(node)
    points = graph.supervoxel_nm[np.searchsorted(graph.supervoxels, inside)]
    voxels = int((1 + inside % _MOST_VOXELS).sum())
    size = voxels * np.prod(graph.resolution)
    deepest = int(size ** (1 / 3) / 2)
    record: dict[str, object] = {
        "area_nm2": int(6 * size ** (2 / 3)),
        "chunk_intersect_count": _crossings(node, touching).tolist(),
        "max_dt_nm": deepest,
        "mean_dt_nm": float(np.float16(deepest / 2.3)),
    }
    if len(inside) >= _FEWEST_FOR_AXES:
        _, values, axes = np.linalg.svd(points - points.mean(axis=0))
        record["pca"] = axes.astype(np.float16).astype(float).tolist()
        record["pca_val"] = (values**2).astype(np.float32).astype(float).tolist()
    record["rep_coord_nm"] = _point_inside(graph, points).tolist()
    record["size_nm3"] = int(size)
    return record


def _point_inside(graph: ChunkedGraph, points: Floats) -> Floats:
    """Return the voxel of a supervoxel that is nearest to the middle of all."""
    away = np.linalg.norm(points - points.mean(axis=0), axis=1)
    voxel = np.array(graph.resolution)
    return np.floor(points[np.argmin(away)] / voxel) * voxel


def _crossings(node: int, touching: Ints) -> Ints:
    """Count voxels on the faces of the chunk where a node goes on beyond."""
    found = np.zeros((2, 3), dtype=np.int64)
    if len(touching):
        steps = chunk_coordinates(touching) - chunk_coordinates(np.array([node]))
        for step, other in zip(steps, touching.tolist(), strict=True):
            if np.abs(step).sum() == 1:
                axis = int(np.argmax(np.abs(step)))
                found[int(step[axis] > 0), axis] += 1 + (node ^ other) % 400
    return found
