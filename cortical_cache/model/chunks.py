"""Where the chunks of a segmentation lie, and which chunk an id or a point is in.

A level-2 id has, from its top bit, its layer, x, y and z of its chunk, and a number.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from cortical_cache.model.json import JsonObject, as_list, as_object

__all__ = ["ChunkGrid"]

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]

_BITS = 64
_AXES = 3


@dataclass(frozen=True, slots=True)
class ChunkGrid:
    """The chunks of level-2 nodes.

    Attributes
    ----------
    origin, size : tuple of float
        Where the first chunk begins, and how long one is, by axis, in nm.
    voxel_origin, voxel_size : tuple of float
        The same in voxels of the segmentation's first scale.
    layer_bits, chunk_bits : int
        Of an id: for its layer, and for each coordinate of its chunk.
    mesh_step : float
        Distance of the points on which meshes keep their vertices, in nm; 0: any.
    """

    origin: tuple[float, ...]
    size: tuple[float, ...]
    voxel_origin: tuple[float, ...]
    voxel_size: tuple[float, ...]
    layer_bits: int
    chunk_bits: int
    mesh_step: float = 0.0

    @classmethod
    def parse(cls, info: JsonObject) -> "ChunkGrid":
        """Read the metadata of a graphene segmentation."""
        graph, scale = as_object(info["graph"]), as_object(as_list(info["scales"])[0])
        start = [0.0] * _AXES
        if info.get("chunks_start_at_voxel_offset"):
            start = _numbers(scale["voxel_offset"])
        size, voxel = _numbers(graph["chunk_size"]), _numbers(scale["resolution"])
        return cls(
            origin=tuple(np.multiply(start, voxel).tolist()),
            size=tuple(np.multiply(size, voxel).tolist()),
            voxel_origin=tuple(start),
            voxel_size=tuple(size),
            layer_bits=int(cast("int", graph.get("n_bits_for_layer_id", 8))),
            chunk_bits=int(cast("int", as_object(graph["spatial_bit_masks"])["2"])),
            mesh_step=_mesh_step(info),
        )

    def of_ids(self, nodes: Ints) -> Ints:
        """Return the chunk coordinates in level-2 ids, shape (n, 3)."""
        shifts = [
            _BITS - self.layer_bits - self.chunk_bits * axis
            for axis in range(1, _AXES + 1)
        ]
        mask = (1 << self.chunk_bits) - 1
        return np.stack([(nodes >> shift) & mask for shift in shifts], axis=1)

    def of_points(self, points: Floats) -> list[npt.NDArray[np.int32]]:
        """Return the chunk coordinates of vertices of a mesh, by axis.

        Meshes keep their vertices on points `mesh_step` apart; those of a border are on
        the point at or below it, and count to the chunk above. The cut is half a step
        below them, where there is no vertex, so that no rounding moves one across.

        Parameters
        ----------
        points : numpy.ndarray of float, shape (n, 3)
            In nm.

        Returns
        -------
        list of numpy.ndarray of int32, shape (n,)
            x, y and z.
        """
        found: list[npt.NDArray[np.int32]] = []
        for axis in range(_AXES):
            along = points[:, axis]
            if not len(along):
                found.append(np.zeros(0, np.int32))
                continue
            reach = np.array([along.min(), along.max()], np.float64)
            ends = np.floor((reach - self.origin[axis]) / self.size[axis])
            numbers = np.arange(int(ends[0]), int(ends[1]) + 2)
            borders = self.origin[axis] + numbers * self.size[axis]
            if self.mesh_step:
                step = self.mesh_step
                borders = (np.floor(borders / step) - 0.5) * step
            place = np.searchsorted(borders.astype(along.dtype), along, "right")
            found.append((place + (numbers[0] - 1)).astype(np.int32))
        return found


def _numbers(value: object) -> list[float]:
    return [float(cast("float", one)) for one in cast("list[object]", value)]


def _mesh_step(info: JsonObject) -> float:
    meshes = as_object(info.get("mesh_metadata") or {})
    step = meshes.get("uniform_draco_grid_size")
    if step is None:
        step = as_object(meshes.get("draco_grid_sizes") or {}).get("2")
    return float(cast("float", step or 0.0))
