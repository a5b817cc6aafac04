"""What cortical_tools' assigner asks of a caveclient, answered without a network.

Needs nothing but numpy, as it runs in the environment of cortical_tools.
"""

from datetime import UTC, datetime

import numpy as np

_NUMBER_BITS, _CHUNK_BITS = 26, 10


class Volume:
    """A caveclient, its services and a cloud-volume in one.

    Parameters
    ----------
    origin, size : numpy.ndarray
        Of the chunks, in nm.
    step : float
        Of the grid of the vertices, in nm.
    """

    def __init__(self, origin: np.ndarray, size: np.ndarray, step: float) -> None:
        self.info = self.meta = self.chunkedgraph = self
        self._origin, self._step = origin, step
        self.graph_chunk_size = size

    def segmentation_cloudvolume(self) -> "Volume":
        return self

    def voxel_offset(self, _mip: int) -> np.ndarray:
        return self._origin

    def mip_resolution(self, _mip: int) -> np.ndarray:
        return np.ones(3)  # a voxel is a nanometre

    def get_draco_grid_size(self, _level: int) -> float:
        return self._step

    def decode_chunk_position_number(self, node: int) -> int:
        return (int(node) & ((1 << 56) - 1)) >> _NUMBER_BITS

    def decode_chunk_position(self, node: int) -> list[int]:
        number = self.decode_chunk_position_number(node)
        mask = (1 << _CHUNK_BITS) - 1
        return [number >> shift & mask for shift in (20, 10, 0)]

    def get_root_timestamps(self, _root: int, *, latest: bool) -> list[datetime]:
        return [datetime.now(UTC)] if latest else []
