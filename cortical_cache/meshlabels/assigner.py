"""What a mapping was computed from, beside the mapping."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cortical_cache.model.chunks import ChunkGrid

__all__ = ["VertexAssigner"]


@dataclass(frozen=True, slots=True, eq=False)
class VertexAssigner:
    """A mesh, its level-2 ids, and how vertices were assigned to them.

    Attributes
    ----------
    root_id : int
    vertices : numpy.ndarray of float, shape (n, 3)
        In nm.
    faces : numpy.ndarray of int, shape (m, 3)
    lvl2_ids : numpy.ndarray of int64, shape (k,)
    lvl2_pts : numpy.ndarray of float, shape (k, 3)
        A point inside each, in nm; NaN where none is known.
    max_distance, ratio_better : float
    hop_limit : int or None
    cloudvolume_fallback : bool
    mesh_label : numpy.ndarray of int64, shape (n,)
        The level-2 id of each vertex; 0 where there is none.
    grid : ChunkGrid
        Where the chunks lie.
    """

    root_id: int
    vertices: npt.NDArray[np.floating]
    faces: npt.NDArray[np.integer]
    lvl2_ids: npt.NDArray[np.int64]
    lvl2_pts: npt.NDArray[np.float64]
    max_distance: float
    ratio_better: float
    hop_limit: int | None
    cloudvolume_fallback: bool
    mesh_label: npt.NDArray[np.int64]
    grid: ChunkGrid

    @property
    def mesh_label_index(self) -> npt.NDArray[np.int64]:
        """The place in `lvl2_ids` of each vertex's id; -1 where there is none."""
        index = np.full(len(self.mesh_label), -1, np.int64)
        is_labelled = self.mesh_label != 0
        order = np.argsort(self.lvl2_ids, kind="stable")
        place = np.searchsorted(self.lvl2_ids[order], self.mesh_label[is_labelled])
        index[is_labelled] = order[place]
        return index

    @property
    def chunk_dims(self) -> npt.NDArray[np.float64]:
        """How long a chunk is along each axis, in nm, shape (3,)."""
        return np.array(self.grid.size)

    @property
    def draco_size(self) -> float:
        """Distance of the points on which meshes keep their vertices, in nm; 0: any."""
        return self.grid.mesh_step

    def chunk_to_nm(self, xyz_ch: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return where chunks begin.

        Parameters
        ----------
        xyz_ch : array-like of int, shape (n, 3) or (3,)
            Coordinates of chunks.

        Returns
        -------
        numpy.ndarray of float64, shape (n, 3)
            In nm.
        """
        return np.array(self.grid.origin) + np.atleast_2d(xyz_ch) * self.chunk_dims
