"""Cells and fragments as trees of level-2 nodes filled with supervoxels.

Objects come first the cells, then the fragments; the nodes and the supervoxels of an
object lie together, its soma first.
"""

from dataclasses import dataclass

import numpy as np

from cortical_cache.demo.graph import CHUNK_BITS, LAYER_SHIFT
from cortical_cache.demo.rows import Bools, Floats, Ints
from cortical_cache.demo.world import Resolution

CHUNK_SIZE = (256, 256, 512)
VOLUME_CHUNKS = (752, 512, 26)
_SEGMENT_BITS = LAYER_SHIFT - 3 * CHUNK_BITS


@dataclass(frozen=True, slots=True)
class Anatomy:
    """The true shapes, before any segmentation error.

    `node_parent` is the tree: the node that a node grew from, -1 for a soma.
    `node_first` and `supervoxel_first` tell where each object begins, with the total
    at the end; `supervoxel_node` gives the node that holds each supervoxel.
    """

    cells: int
    node_first: Ints
    node_parent: Ints
    node_ids: Ints
    supervoxel_first: Ints
    supervoxel_node: Ints
    supervoxel_ids: Ints
    supervoxel_nm: Floats

    @property
    def objects(self) -> int:
        """How many cells and fragments there are."""
        return len(self.node_first) - 1

    def soma(self, cells: Ints) -> Ints:
        """Return the supervoxel (its place) in the middle of each cell."""
        return self.supervoxel_first[cells]

    def random_supervoxel(self, objects: Ints, rng: np.random.Generator) -> Ints:
        """Return the place of some supervoxel of each object."""
        first = self.supervoxel_first[objects]
        count = self.supervoxel_first[objects + 1] - first
        return first + (rng.random(len(objects)) * count).astype(np.int64)


def grow(
    rng: np.random.Generator, cells: int, resolution: Resolution, *, lifelike: bool
) -> Anatomy:
    """Grow cells, every fourth large if `lifelike`, and half as many fragments."""
    sizes = np.concatenate(
        [
            10 + np.minimum(rng.geometric(0.06, cells), 60),
            1 + rng.integers(0, 3, cells // 2),
        ]
    )
    if lifelike:
        sizes[:cells:4] = rng.integers(120, 301, len(sizes[:cells:4]))
    node_first = np.append(0, np.cumsum(sizes))
    parent, chunks = _random_trees(rng, sizes, node_first)
    per_node = 1 + rng.binomial(3, 0.5, len(parent))
    supervoxel_node = np.repeat(np.arange(len(parent)), per_node)
    supervoxel_first = np.append(0, np.cumsum(per_node))[node_first]
    size_nm = np.array(CHUNK_SIZE) * np.array(resolution)
    inside = rng.random((len(supervoxel_node), 3))
    return Anatomy(
        cells=cells,
        node_first=node_first,
        node_parent=parent,
        node_ids=_ids(rng, 2, chunks),
        supervoxel_first=supervoxel_first,
        supervoxel_node=supervoxel_node,
        supervoxel_ids=_ids(rng, 1, chunks[supervoxel_node]),
        supervoxel_nm=(chunks[supervoxel_node] + inside) * size_nm,
    )


def _random_trees(
    rng: np.random.Generator, sizes: Ints, first: Ints
) -> tuple[Ints, Ints]:
    """Grow all objects at once, one node a step, from chunk to neighbouring chunk."""
    total = int(first[-1])
    parent = np.full(total, -1, dtype=np.int64)
    chunks = np.zeros((total, 3), dtype=np.int64)
    limit = np.array(VOLUME_CHUNKS)
    chunks[first[:-1]] = rng.integers(0, limit, (len(sizes), 3))
    for step in range(1, int(sizes.max())):
        growing = np.flatnonzero(sizes > step)
        onward = rng.random(len(growing)) < 0.8  # noqa: PLR2004 - few branches
        branch = (rng.random(len(growing)) * step).astype(np.int64)
        here = first[growing] + step
        parent[here] = first[growing] + np.where(onward, step - 1, branch)
        moves = np.zeros((len(growing), 3), dtype=np.int64)
        axis = rng.integers(0, 3, len(growing))
        moves[np.arange(len(growing)), axis] = rng.choice([-1, 1], len(growing))
        chunks[here] = np.clip(chunks[parent[here]] + moves, 0, limit - 1)
    return parent, chunks


def _ids(rng: np.random.Generator, layer: int, chunks: Ints) -> Ints:
    """Give each node an id with its layer and chunk in it, all different."""
    ids = np.zeros(len(chunks), dtype=np.int64)
    fresh: Bools = np.ones(len(chunks), dtype=np.bool_)
    base = np.full(len(chunks), layer << LAYER_SHIFT, dtype=np.int64)
    for axis in range(3):
        base |= chunks[:, axis] << (LAYER_SHIFT - CHUNK_BITS * (axis + 1))
    while fresh.any():
        ids[fresh] = base[fresh] | rng.integers(1, 1 << _SEGMENT_BITS, fresh.sum())
        _, once = np.unique(ids, return_index=True)
        fresh = np.ones(len(chunks), dtype=np.bool_)
        fresh[once] = False
    return ids


def sibling_id(rng: np.random.Generator, node_id: int, taken: set[int]) -> int:
    """Return an unused id in the same layer and chunk, and take it."""
    chunk = node_id >> _SEGMENT_BITS << _SEGMENT_BITS
    while True:
        candidate = chunk | int(rng.integers(1, 1 << _SEGMENT_BITS))
        if candidate not in taken:
            taken.add(candidate)
            return candidate
