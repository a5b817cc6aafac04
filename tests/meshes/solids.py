"""Meshes of synthetic neurons whose level-2 ids are known at every vertex.

A neuron is a set of cells of a lattice, `FINE` to a chunk along each axis; its level-2
nodes are the connected sets of cells within a chunk, and its mesh is their surface,
smoothed, cut at the borders of chunks and put on the points of a draco grid.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from cortical_cache.demo.generate.surface import code, surface
from cortical_cache.model.chunks import ChunkGrid

FINE = 16
COARSE = FINE // 2
STEP = 21.0
GRID = ChunkGrid(
    origin=(211_080.0, 242_464.0, 594_000.0),
    size=(2_048.0, 2_048.0, 20_480.0),
    voxel_origin=(26_385.0, 30_308.0, 14_850.0),
    voxel_size=(256.0, 256.0, 512.0),
    layer_bits=8,
    chunk_bits=10,
    mesh_step=STEP,
)
CELL = np.array(GRID.size) / FINE
NUMBER_BITS = 64 - 8 - 3 * 10

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Solid:
    """A mesh, its level-2 ids with a point in each, and what is true of it.

    `vertex` and `node` pair every vertex with the ids whose surface it is on: one, or
    several on the border of chunks.
    """

    vertices: npt.NDArray[np.float32]
    faces: npt.NDArray[np.uint32]
    ids: Ints
    points: npt.NDArray[np.float64]
    vertex: Ints
    node: Ints

    def right(self, labels: Ints) -> npt.NDArray[np.bool_]:
        """Tell which vertices have a label that is true."""
        found = np.zeros(len(self.vertices), np.bool_)
        found[self.vertex[labels[self.vertex] == self.node]] = True
        return found

    def in_shared_chunks(self) -> npt.NDArray[np.bool_]:
        """Tell which vertices are on the surface of an id that is not alone."""
        chunk = self.ids >> NUMBER_BITS
        _, back, count = np.unique(chunk, return_inverse=True, return_counts=True)
        shared = self.ids[count[back] > 1]
        found = np.zeros(len(self.vertices), np.bool_)
        found[self.vertex[np.isin(self.node, shared)]] = True
        return found


def neuron(
    rng: np.random.Generator,
    branches: int,
    steps: int,
    *,
    spread: float = 0.0,
    touching: bool = False,
    floating: int = 0,
    thick: int = 4,
) -> Solid:
    """Grow branches from a soma and mesh them.

    Parameters
    ----------
    branches, steps : int
        How many, and how long each, in coarse cells.
    spread : float
        How far from the soma branches begin, in chunks.
    touching : bool
        Nodes of two branches that share an edge or a point, not a face, stay two; their
        surfaces are one.
    floating : int
        Small pieces beside a node that belong to it without touching it.
    thick : int
        The thickest branch, in coarse cells.
    """
    coarse, branch = _walk(rng, branches, steps, spread, thick)
    cells = _fine(coarse)
    node = _nodes(cells, np.repeat(branch, 8) if touching else np.zeros(len(cells)))
    if floating:
        cells, node = _with_floats(rng, cells, node, floating)
    ids = _ids(rng, cells, node)
    quads = surface(cells)
    lattice, faces = quads.triangles()
    mine = np.repeat(node[quads.cell], 2)
    vertex = faces.ravel()
    pairs = np.unique(np.stack([vertex, np.repeat(mine, 3)], axis=1), axis=0)
    return Solid(
        vertices=_placed(lattice, faces),
        faces=faces.astype(np.uint32),
        ids=ids,
        points=_inside(rng, cells, node),
        vertex=pairs[:, 0],
        node=ids[pairs[:, 1]],
    )


def _walk(
    rng: np.random.Generator, branches: int, steps: int, spread: float, thick: int
) -> tuple[Ints, Ints]:
    """Return the coarse cells of all branches, each once, and the branch of each."""
    middle = np.full(3, 256 * COARSE)
    at = middle + rng.normal(0, spread * COARSE, (branches, 3))
    way = rng.normal(size=(branches, 3))
    width = 1 + rng.integers(0, thick, branches)
    found: list[Ints] = []
    branch: list[Ints] = []
    for _ in range(steps):
        way += 0.25 * rng.normal(size=way.shape)
        way /= np.linalg.norm(way, axis=1, keepdims=True)
        at = at + way * (1, 1, 0.3)  # chunks are long in z
        base = np.floor(at).astype(np.int64)
        for size in np.unique(width):
            here = base[width == size]
            block = np.indices((size,) * 3).reshape(3, -1).T
            found.append((here[:, None] + block).reshape(-1, 3))
            branch.append(np.repeat(np.flatnonzero(width == size), len(block)))
    cells = np.concatenate(found)
    _, first = np.unique(code(cells), return_index=True)
    return cells[first], np.concatenate(branch)[first]


def _fine(coarse: Ints) -> Ints:
    """Return the cells of the finer lattice.

    They are moved by one: a surface then never lies in the border of a chunk.
    """
    parts = np.indices((2, 2, 2)).reshape(3, -1).T
    return ((2 * coarse + 1)[:, None] + parts).reshape(-1, 3)


def _nodes(cells: Ints, branch: Ints) -> Ints:
    """Number the connected cells of each chunk; those of two branches share a face."""
    chunk = code(cells // FINE)
    keys = code(cells)
    order = np.argsort(keys)
    heads: list[Ints] = []
    tails: list[Ints] = []
    steps = np.indices((3, 3, 3)).reshape(3, -1).T - 1
    for step in steps[14:]:  # one of each two that are opposite
        beyond = code(cells + step)
        place = np.minimum(np.searchsorted(keys[order], beyond), len(keys) - 1)
        other = order[place]
        joined = (keys[other] == beyond) & (chunk[other] == chunk)
        if np.abs(step).sum() > 1:
            joined &= branch[other] == branch
        heads.append(np.flatnonzero(joined))
        tails.append(other[joined])
    head, tail = np.concatenate(heads), np.concatenate(tails)
    graph = coo_array(
        (np.ones(len(head), np.bool_), (head, tail)), shape=(len(cells),) * 2
    )
    return connected_components(graph, directed=False)[1].astype(np.int64)


def _with_floats(
    rng: np.random.Generator, cells: Ints, node: Ints, count: int
) -> tuple[Ints, Ints]:
    """Put small pieces into gaps beside nodes of the same chunk."""
    known = set(code(cells).tolist())
    more: list[Ints] = []
    owners: list[int] = []
    for place in rng.permutation(len(cells)):
        if len(more) == count:
            break
        way = rng.permutation(np.array([[2, 0, 0], [0, 2, 0], [-2, 0, 0], [0, -2, 0]]))
        piece = cells[place] + way[0]
        around = piece + np.indices((3, 3, 3)).reshape(3, -1).T - 1
        inside = (piece % FINE > 0).all() and (piece % FINE < FINE - 1).all()
        same = (piece // FINE == cells[place] // FINE).all()
        if inside and same and known.isdisjoint(code(around).tolist()):
            more.append(piece)
            owners.append(int(node[place]))
            known.add(int(code(piece[None])[0]))
    return np.concatenate([cells, np.array(more)]), np.append(node, owners)


def _ids(rng: np.random.Generator, cells: Ints, node: Ints) -> Ints:
    """Return an id for each node, with its chunk in it."""
    first = np.unique(node, return_index=True)[1]
    x, y, z = (cells[first] // FINE).T
    chunk = (2 << 56) | (x << 46) | (y << 36) | (z << NUMBER_BITS)
    return chunk | rng.permutation(len(first)) + 1


def _placed(lattice: Ints, faces: Ints) -> npt.NDArray[np.float32]:
    """Smooth the points, those of a border within it, and put them on the grid."""
    at = lattice.astype(np.float64)
    held = lattice % FINE == 0
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = np.concatenate([edges, edges[:, ::-1]])
    degree = np.bincount(edges[:, 0], minlength=len(at))[:, None]
    for _ in range(2):
        total = np.stack(
            [
                np.bincount(edges[:, 0], at[edges[:, 1], axis], len(at))
                for axis in range(3)
            ],
            axis=1,
        )
        at = np.where(held, at, 0.6 * at + 0.4 * total / degree)
        # no point may leave the chunks that it borders on
        at = np.clip(at, lattice - 0.5, lattice + 0.5)
    nm = np.array(GRID.origin) + at * CELL
    return (np.floor(nm / STEP) * STEP).astype(np.float32)


def _inside(rng: np.random.Generator, cells: Ints, node: Ints) -> npt.NDArray:
    """Return a point of each node, as deep in it as there is, near its middle."""
    keys = np.sort(code(cells))
    depth = np.zeros(len(cells))
    for step in np.indices((3, 3, 3)).reshape(3, -1).T - 1:
        beyond = code(cells + step)
        place = np.minimum(np.searchsorted(keys, beyond), len(keys) - 1)
        depth += keys[place] == beyond
    count = np.bincount(node)[:, None]
    middle = np.stack([np.bincount(node, cells[:, axis]) for axis in range(3)], axis=1)
    away = np.linalg.norm(cells - (middle / count)[node], axis=1)
    order = np.lexsort((away, -depth, node))
    best = order[np.unique(node[order], return_index=True)[1]]
    within = 0.3 + 0.4 * rng.random((len(best), 3))
    return np.array(GRID.origin) + (cells[best] + within) * CELL
