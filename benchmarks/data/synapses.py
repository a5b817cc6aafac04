"""Synapses as a cortex has them: a few neurons with thousands, dust with one or two."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["BLOCK", "COLUMNS", "ROOTS", "ROWS_PER_FILE", "Pool", "blocks", "pool"]

Ints = npt.NDArray[np.int64]

BLOCK = 500_000
ROWS_PER_FILE = 2_000_000
"""Of a store: of more rows there are range files, in two copies."""

POINTS = ("pre_pt_position", "post_pt_position", "ctr_pt_position")
ROOTS = ("pre_pt_root_id", "post_pt_root_id")
COLUMNS: tuple[str, ...] = (
    "id",
    "valid",
    *(f"{point}_{axis}" for point in POINTS for axis in "xyz"),
    "size",
    "pre_pt_supervoxel_id",
    "pre_pt_root_id",
    "post_pt_supervoxel_id",
    "post_pt_root_id",
)

# About what minnie65 has: an even share of the synapses lies on neurons of some
# thousand synapses, the rest on fragments; a hundredth on no root at all.
_ON_NEURONS, _PER_NEURON, _SPREAD, _ON_NOTHING = 0.4, 3_000, 0.8, 0.01
_BASE = 864_691_136_000_000_000
_EXTENT = (400_000, 300_000, 28_000)


class Pool:
    """The roots that synapses lie on, and how many lie on each.

    Parameters
    ----------
    rows : int
        Synapses in all.
    cells : array of int64
        Roots with a nucleus: they are the first neurons.
    """

    def __init__(self, rows: int, cells: Ints) -> None:
        self.rows = rows
        rng = np.random.default_rng(rows)
        number = max(int(rows * _ON_NEURONS / _PER_NEURON), 20)
        made = _BASE + np.arange(number, dtype=np.int64) * 7_919
        self.neurons = np.concatenate([cells, made])[: max(number, 20)]
        weight = rng.lognormal(0, _SPREAD, len(self.neurons))
        self._chances = np.cumsum(weight / weight.sum())
        self._fragments = max(int(rows * (1 - _ON_NEURONS) / 2), 1)

    def draw(self, rng: np.random.Generator, rows: int) -> tuple[Ints, Ints]:
        """Return pre and post roots of some synapses, 0 for none."""
        return self._side(rng, rows), self._side(rng, rows)

    def roots(self, number: int) -> list[int]:
        """Return some of the roots: neurons, and fragments where those run out."""
        rng = np.random.default_rng(number)
        neurons = rng.permutation(self.neurons)[:number]
        dust = self._dust(rng, number - len(neurons))
        return [int(one) for one in np.unique(np.concatenate([neurons, dust]))]

    def _dust(self, rng: np.random.Generator, rows: int) -> Ints:
        return _BASE + 10**12 + rng.integers(0, self._fragments, rows) * 104_729

    def _side(self, rng: np.random.Generator, rows: int) -> Ints:
        dice = rng.random(rows)
        place = np.searchsorted(self._chances, rng.random(rows))
        neurons = self.neurons[np.minimum(place, len(self.neurons) - 1)]
        roots = np.where(dice < _ON_NEURONS, neurons, self._dust(rng, rows))
        return np.where(dice > 1 - _ON_NOTHING, 0, roots).astype(np.int64)


def pool(folder: Path) -> Pool:
    """Return the pool that a folder's synapses were drawn from."""
    found = np.load(folder / "pool.npz")
    return Pool(int(found["rows"]), found["cells"])


def blocks(one: Pool) -> Iterator[pa.Table]:
    """Yield all synapses, by id, as a reply of the server would have them."""
    rng = np.random.default_rng(one.rows + 1)
    for start in range(0, one.rows, BLOCK):
        rows = min(BLOCK, one.rows - start)
        pre, post = one.draw(rng, rows)
        columns: dict[str, object] = {
            "id": np.arange(start, start + rows, dtype=np.int64) * 3 + 1_000_003,
            "valid": np.ones(rows, bool),
        }
        points = rng.integers(0, _EXTENT, (len(POINTS), rows, 3), np.int32)
        for name, point in zip(POINTS, points, strict=True):
            for axis, values in zip("xyz", point.T, strict=True):
                columns[f"{name}_{axis}"] = np.ascontiguousarray(values)
        columns["size"] = rng.integers(20, 20_000, rows).astype(np.float32)
        supervoxels = rng.integers(8e16, 1.2e17, (2, rows))
        columns["pre_pt_supervoxel_id"], columns["pre_pt_root_id"] = supervoxels[0], pre
        columns["post_pt_supervoxel_id"] = supervoxels[1]
        columns["post_pt_root_id"] = post
        yield pa.table(columns)
