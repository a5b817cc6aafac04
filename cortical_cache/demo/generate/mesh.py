"""Meshes of level-2 nodes: tubes through their supervoxels, open where they go on."""

import zlib
from collections.abc import Mapping
from typing import cast

import numpy as np

from cortical_cache.demo.generate.surface import surface
from cortical_cache.demo.graph import ChunkedGraph, Family, chunk_coordinates
from cortical_cache.demo.rows import Floats, Ints
from cortical_cache.demo.world import Fragment, L2Cache, LazyMapping

MESH_STEP = 21.0
"""Distance of the points that vertices lie on, in nm."""

_CELLS = 16  # of a chunk, along each axis


def fragments(graph: ChunkedGraph, cache: L2Cache) -> Mapping[int, Fragment]:
    """Mesh every level-2 node of a graph, each when first asked for."""
    nodes = graph.nodes.node
    level2 = nodes[nodes >> 56 == 2]  # noqa: PLR2004 - layer 2
    both = np.concatenate([graph.edges, graph.edges[:, ::-1]])
    touching = Family.of(both[:, 0], both[:, 1])

    def make(node: int) -> Fragment:
        inside = cast("list[float]", cache.records[node]["rep_coord_nm"])
        return _fragment(graph, np.array(inside), touching.of_one(node), node)

    return LazyMapping(level2.tolist(), make)


def _fragment(
    graph: ChunkedGraph, inside: Floats, touching: Ints, node: int
) -> Fragment:
    voxel = np.array(graph.resolution)
    size = np.array(graph.chunk_size) * voxel
    chunk = chunk_coordinates(np.array([node]))[0]
    start = np.array(graph.voxel_offset) * voxel + chunk * size
    supervoxels = graph.level2_children.of_one(node)
    points = graph.supervoxel_nm[np.searchsorted(graph.supervoxels, supervoxels)]
    # The point stays inside when the surface moves to its grid.
    ends = np.vstack([inside, inside + MESH_STEP, points])
    ends = np.floor((ends - start) / (size / _CELLS))
    ends = np.clip(ends.astype(np.int64), 0, _CELLS - 1)
    middle = ends[0]
    windows = [_window(graph, node, other) for other in touching.tolist()]
    ends = np.vstack([ends, *(one for one in windows if one is not None)])
    cells = np.unique(np.concatenate([_path(middle, end) for end in ends]), axis=0)
    quads = surface(cells)
    plane = quads.corners[np.arange(len(quads.axis)), 0, quads.axis]
    lattice, faces = quads.only((plane > 0) & (plane < _CELLS)).triangles()
    nm = start + lattice * (size / _CELLS)
    return Fragment(np.floor(nm / MESH_STEP) * MESH_STEP, faces)


def _path(start: Ints, end: Ints) -> Ints:
    """Return the cells from one to another, first along x, then y, then z."""
    cells = [start[None]]
    for axis in range(3):
        last = cells[-1][-1]
        step = 1 if end[axis] >= last[axis] else -1
        way: Ints = np.arange(int(last[axis]), int(end[axis]) + step, step)
        part = np.repeat(last[None], len(way), axis=0)
        part[:, axis] = way
        cells.append(part)
    return np.concatenate(cells)


def _window(graph: ChunkedGraph, node: int, other: int) -> Ints | None:
    """Return the cell at the chunk's border through which a node goes on to another.

    Both nodes choose the same place: it follows from a supervoxel of each, which
    outlive the nodes when these are edited.
    """
    here, there = chunk_coordinates(np.array([node, other]))
    step = there - here
    if np.abs(step).sum() != 1:
        return None
    keys = sorted(int(graph.level2_children.of_one(one).min()) for one in (node, other))
    lane = zlib.crc32(repr(keys).encode())
    cell = 1 + np.array([lane, lane >> 8, lane >> 16], np.int64) % (_CELLS - 2)
    axis = int(np.argmax(np.abs(step)))
    cell[axis] = _CELLS - 1 if step[axis] > 0 else 0
    return cell
