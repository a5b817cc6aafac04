"""A chunked graph: supervoxels, level-2 nodes and roots, and how edits change them.

A node's children never change; what changes with time is a node's parent. Times are
whole milliseconds since 1970, as precise as the real graph keeps them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cortical_cache.demo.rows import Bools, Floats, Ints

NEVER = np.iinfo(np.int64).max
"""The retirement time of a node that is still current."""

LAYER_SHIFT = 56
"""Bits below the layer number in a node id."""

CHUNK_BITS = 10
"""Bits of each chunk coordinate in the ids of layers 1 and 2."""


def layer(node_id: int) -> int:
    """Return the layer of a node id."""
    return node_id >> LAYER_SHIFT


def chunk_coordinates(nodes: Ints) -> Ints:
    """Return the chunk coordinates of layer 1 and 2 ids, shape (n, 3)."""
    mask = (1 << CHUNK_BITS) - 1
    shifts = [LAYER_SHIFT - CHUNK_BITS * axis for axis in (1, 2, 3)]
    return np.stack([(nodes >> shift) & mask for shift in shifts], axis=1)


@dataclass(frozen=True, slots=True)
class History:
    """Parents over time, sorted by child and then by `since`."""

    child: Ints
    since: Ints
    parent: Ints

    @classmethod
    def of(cls, child: Ints, since: Ints, parent: Ints) -> "History":
        """Sort loose entries into a history."""
        order = np.lexsort((since, child))
        return cls(child[order], since[order], parent[order])

    def at(self, nodes: Ints, when: int) -> Ints:
        """Return the parent of each node at a time, 0 where there was none."""
        first = np.searchsorted(self.child, nodes, "left")
        stop = np.searchsorted(self.child, nodes, "right")
        found = np.zeros(len(nodes), dtype=np.int64)
        for step in range(int((stop - first).max(initial=0))):
            entry = np.minimum(first + step, len(self.child) - 1)
            known = (first + step < stop) & (self.since[entry] <= when)
            found[known] = self.parent[entry[known]]
        return found


@dataclass(frozen=True, slots=True)
class Family:
    """Children by parent: `parent` is sorted, `child` grouped in its order."""

    parent: Ints
    offset: Ints
    child: Ints

    @classmethod
    def of(cls, parent: Ints, child: Ints) -> "Family":
        """Group loose pairs."""
        order = np.argsort(parent, kind="stable")
        names, first = np.unique(parent[order], return_index=True)
        return cls(names, np.append(first, len(parent)), child[order])

    def of_one(self, node: int) -> Ints:
        """Return the children of one node; empty if it has none."""
        place = int(np.searchsorted(self.parent, node))
        if place == len(self.parent) or self.parent[place] != node:
            return np.zeros(0, dtype=np.int64)
        return self.child[self.offset[place] : self.offset[place + 1]]

    def of_many(self, nodes: Ints) -> Ints:
        """Return the children of all nodes, one after another."""
        groups = [self.of_one(int(node)) for node in nodes]
        return np.concatenate([np.zeros(0, dtype=np.int64), *groups])


@dataclass(frozen=True, slots=True)
class Edit:
    """One proofreading operation: a merge of two roots or a split of one."""

    operation_id: int
    time: int
    kind: Literal["merge", "split"]
    before: tuple[int, ...]
    after: tuple[int, ...]
    user_id: int


@dataclass(frozen=True, slots=True)
class Nodes:
    """Life times of level-2 nodes and roots, sorted by id.

    A node is current from `created` until just before `retired`.
    """

    node: Ints
    created: Ints
    retired: Ints

    def find(self, nodes: Ints) -> tuple[Ints, Bools]:
        """Return the place of each node and whether it exists at all."""
        place = np.searchsorted(self.node, nodes)
        place = np.minimum(place, len(self.node) - 1)
        return place, self.node[place] == nodes


@dataclass(frozen=True, slots=True)
class ChunkedGraph:
    """The whole history of one segmentation."""

    name: str
    layers: int
    resolution: tuple[float, float, float]
    chunk_size: tuple[int, int, int]
    volume_voxels: tuple[int, int, int]
    oldest: int
    supervoxels: Ints
    supervoxel_nm: Floats
    level2_of: History
    root_of: History
    level2_children: Family
    root_children: Family
    nodes: Nodes
    edges: Ints
    edits: tuple[Edit, ...]
    voxel_offset: tuple[int, int, int] = (0, 0, 0)

    def parents(self, nodes: Ints, when: int, stop_layer: int | None = None) -> Ints:
        """Climb from nodes to their roots, or to `stop_layer`, at a time.

        Returns
        -------
        numpy.ndarray of int64
            As long as `nodes`; 0 where nothing is found. Layers between 2 and the
            roots do not exist here, so a stop there ends at layer 2.
        """
        top = self.layers if stop_layer is None else stop_layer
        layers = nodes >> LAYER_SHIFT
        climbed = np.where(self._exist(nodes, when), nodes, 0)
        if top > 1:
            low = layers == 1
            climbed[low] = self.level2_of.at(nodes[low], when)
        if top >= self.layers:
            middle = (climbed >> LAYER_SHIFT) == 2  # noqa: PLR2004 - layer 2
            climbed[middle] = self.root_of.at(climbed[middle], when)
        return climbed

    def _exist(self, nodes: Ints, when: int) -> Bools:
        place, known = self.nodes.find(nodes)
        low = (nodes >> LAYER_SHIFT) == 1
        atom = np.searchsorted(self.supervoxels, nodes)
        atom = np.minimum(atom, len(self.supervoxels) - 1)
        return np.where(
            low,
            (self.supervoxels[atom] == nodes) & (when >= self.oldest),
            known & (self.nodes.created[place] <= when),
        )

    def exist(self, nodes: Ints, when: int) -> Bools:
        """Tell which nodes of any layer exist (or existed) by a time."""
        return self._exist(nodes, when)

    def current(self, nodes: Ints, when: int) -> Bools:
        """Tell which nodes exist and are not replaced at a time.

        Only roots are ever called replaced, so level-2 nodes are always current.
        """
        place, _ = self.nodes.find(nodes)
        is_root = (nodes >> LAYER_SHIFT) == self.layers
        replaced = is_root & (self.nodes.retired[place] <= when)
        return self._exist(nodes, when) & ~replaced

    def leaves(self, node: int, stop_layer: int = 1) -> Ints:
        """Return the supervoxels of a node, or its level-2 nodes."""
        found = np.array([node], dtype=np.int64)
        if layer(node) > 2 and stop_layer < self.layers:  # noqa: PLR2004 - layer 2
            found = self.root_children.of_one(node)
        if stop_layer == 1 and layer(node) > 1:
            found = self.level2_children.of_many(found)
        return found

    def level2_edges(self, root: int) -> Ints:
        """Return the pairs of touching level-2 nodes of a root, shape (n, 2)."""
        inside = np.isin(self.edges, self.root_children.of_one(root)).all(axis=1)
        return self.edges[inside]

    def edits_around(
        self, roots: Sequence[int], past: int | None, future: int | None
    ) -> list[Edit]:
        """Return the edits that made or ended the roots' relatives.

        Ancestors are followed back to `past` and descendants on to `future`.
        """
        made = {root: edit for edit in self.edits for root in edit.after}
        ended = {root: edit for edit in self.edits for root in edit.before}
        found: dict[int, Edit] = {}
        backward, forward = list(roots), list(roots)
        while backward:
            edit = made.get(backward.pop())
            if edit is None or edit.operation_id in found:
                continue
            if past is None or edit.time > past:
                found[edit.operation_id] = edit
                backward.extend(edit.before)
        seen: set[int] = set()
        while forward:
            edit = ended.get(forward.pop())
            if edit is None or edit.operation_id in seen:
                continue
            if future is None or edit.time <= future:
                seen.add(edit.operation_id)
                found[edit.operation_id] = edit
                forward.extend(edit.after)
        return sorted(found.values(), key=lambda edit: edit.time)
