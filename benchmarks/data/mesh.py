"""Meshes of synthetic neurons of which each vertex's level-2 id is known."""

import sys
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.model import Data

__all__ = ["SIZES", "mesh", "right", "solid"]

ROOT = Path(__file__).parents[2]

# vertices in millions: branches, spread in chunks; 120 steps each
SIZES = {0.1: (23, 1.1), 0.3: (68, 1.6), 1.0: (225, 2.6), 2.6: (680, 5.0)}


def mesh(millions: float) -> Data:
    """Return a mesh of about so many million vertices."""
    return Data(f"mesh-{millions}", partial(_make, millions=millions))


def solid(folder: Path) -> dict[str, np.ndarray]:
    """Return vertices, faces, ids, points, the true `vertex` and `node`, the grid."""
    return dict(np.load(folder / "mesh.npz"))


def right(mesh: dict[str, np.ndarray], labels: np.ndarray) -> float:
    """Return the share of the vertices with a label that is true."""
    found = np.zeros(len(mesh["vertices"]), np.bool_)
    vertex = mesh["vertex"]
    found[vertex[labels[vertex] == mesh["node"]]] = True
    return float(found.mean())


def _make(folder: Path, *, millions: float) -> None:
    sys.path.insert(0, str(ROOT))  # for the tests' meshes
    from tests.meshes.solids import GRID, neuron

    branches, spread = SIZES[millions]
    made = neuron(np.random.default_rng(1), branches, 120, spread=spread)
    np.savez(
        folder / "mesh.npz",
        vertices=made.vertices,
        faces=made.faces,
        ids=made.ids,
        points=made.points,
        vertex=made.vertex,
        node=made.node,
        origin=GRID.origin,
        size=GRID.size,
        step=GRID.mesh_step,
    )
