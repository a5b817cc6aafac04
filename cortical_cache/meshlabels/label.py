"""One pass over a mesh: chunks, pieces within chunks, and what is inside which."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from cortical_cache.meshlabels.chunk import Chunk
from cortical_cache.meshlabels.match import Nearness
from cortical_cache.meshlabels.pieces import SIDES, Placed, codes, place
from cortical_cache.model.chunks import ChunkGrid

__all__ = ["label_vertices"]

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]
Whole = npt.NDArray[np.integer]

HOPS = 50
"""As many as cortical_tools takes."""


def label_vertices(  # noqa: PLR0913  a mesh, what lies in it, and how
    vertices: Floats,
    faces: Whole,
    ids: Ints,
    points: Floats,
    grid: ChunkGrid,
    *,
    near: Nearness,
    hop_limit: int | None = None,
    threads: int = -1,
) -> Ints:
    """Return the level-2 id of each vertex of a mesh.

    The same for the same mesh, in whatever order the ids are given.

    Parameters
    ----------
    vertices : numpy.ndarray of float, shape (n, 3)
        In nm.
    faces : numpy.ndarray of int, shape (m, 3)
    ids : numpy.ndarray of int64, shape (k,)
        The level-2 ids of the root; repeats are dropped.
    points : numpy.ndarray of float, shape (k, 3)
        A point inside each, in nm. An id without one (NaN) counts only where it is
        alone in its chunk.
    grid : ChunkGrid
    near : Nearness
        What is left over in a chunk goes to what is near.
    hop_limit : int, optional
        What lies in chunks without an id gets that of the nearest vertex along at most
        so many edges; 50 by default, 0: none.
    threads : int
        -1: one for each core. Gone when this returns.

    Returns
    -------
    numpy.ndarray of int64, shape (n,)
        0 where there is none.
    """
    labels = np.zeros(len(vertices), np.int64)
    ids, first = np.unique(ids, return_index=True)
    points = np.asarray(points, np.float64).reshape(-1, 3)[first]
    chunk_codes = codes(grid.of_ids(ids))
    _, back, count = np.unique(chunk_codes, return_inverse=True, return_counts=True)
    usable = np.isfinite(points).all(axis=1) | (count[back] == 1)
    ids, points, chunk_codes = ids[usable], points[usable], chunk_codes[usable]
    if not len(ids):
        return labels
    order = np.argsort(chunk_codes, kind="stable")
    ids, points, chunk_codes = ids[order], points[order], chunk_codes[order]
    wanted, starts, counts = np.unique(
        chunk_codes, return_index=True, return_counts=True
    )
    placed = place(vertices, faces, grid, wanted)
    alone = np.append(np.where(counts == 1, ids[starts], 0), [0])  # -1 reads the last
    labels = alone[placed.vertex]
    shared = _Shared(vertices, faces, placed, np.append(counts > 1, [False]))

    def work(chunks: Ints) -> None:
        for chunk in chunks.tolist():
            mine = slice(starts[chunk], starts[chunk] + counts[chunk])
            members, part = shared.chunk(chunk, points[mine])
            labels[members] = ids[mine][part.match(near)]

    workers = threads if threads > 0 else _cores()
    _in_threads(work, np.flatnonzero(counts > 1), workers)
    _spread(labels, faces, HOPS if hop_limit is None else hop_limit)
    return labels


class _Shared:
    """The vertices and faces in chunks with several ids, sorted by chunk."""

    def __init__(
        self, vertices: Floats, faces: Whole, placed: Placed, wanted: Bools
    ) -> None:
        self._all, self._faces = vertices, faces
        self._vertex_chunk = placed.vertex
        self._vertices, self._vertex_stop = _sorted(placed.vertex, wanted)
        self._inside, self._face_stop = _sorted(placed.face, wanted)
        # The place of each vertex among those of its own chunk.
        self._local = np.full(len(vertices), -1, np.int32)
        lengths = np.diff(self._vertex_stop)
        firsts = np.repeat(self._vertex_stop[:-1], lengths)
        self._local[self._vertices] = np.arange(len(self._vertices)) - firsts

    def chunk(self, number: int, points: Floats) -> tuple[Ints, Chunk]:
        """Return the vertices of a chunk, by number, and the chunk."""
        members = self._vertices[slice(*self._vertex_stop[number : number + 2])]
        corners = self._faces[
            self._inside[slice(*self._face_stop[number : number + 2])]
        ]
        here = self._vertex_chunk[corners] == number
        part = Chunk(
            points=points.astype(np.float64),
            vertices=self._all[members].astype(np.float64),
            faces=corners,
            corners=np.where(here, self._local[corners], -1),
            places=self._all[corners].astype(np.float64),
        )
        return members, part


def _sorted(chunk: npt.NDArray[np.int32], wanted: Bools) -> tuple[Ints, Ints]:
    """Return what lies in wanted chunks, sorted by chunk, and where each chunk ends."""
    found = np.flatnonzero(wanted[chunk])
    found = found[np.argsort(chunk[found], kind="stable")]
    return found, np.searchsorted(chunk[found], np.arange(len(wanted)))


def _spread(labels: Ints, faces: Whole, hops: int) -> None:
    """Label, in place, what has no label from its neighbours, one edge at a time."""
    bare = labels == 0
    if not hops or not bare.any():
        return
    some = faces[bare[faces].any(axis=1)].astype(np.int64)
    edges = np.concatenate([some[:, side] for side in SIDES])
    edges = np.concatenate([edges, edges[:, ::-1]])
    for _ in range(hops):
        edges = edges[labels[edges[:, 1]] == 0]
        onward = edges[labels[edges[:, 0]] != 0]
        if not len(onward):
            return
        source, target = onward.T
        # Of several neighbours the one with the lowest id, whatever their order.
        order = np.lexsort((labels[source], target))
        target, first = np.unique(target[order], return_index=True)
        labels[target] = labels[source[order][first]]


def _cores() -> int:
    """Return the cores that this process may use; macOS cannot tell, and has all."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _in_threads(work: Callable[[Ints], None], chunks: Ints, workers: int) -> None:
    if workers == 1:
        work(chunks)
        return
    with ThreadPoolExecutor(workers) as pool:
        # More parts than threads: chunks differ in size.
        parts = np.array_split(chunks, workers * 8)
        for done in [pool.submit(work, part) for part in parts]:
            done.result()
