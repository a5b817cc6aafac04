"""A synapse table as a bulk export: csv.gz, positions as EWKB, no order.

From twenty million rows on, rows repeat after so many, under ids of their own: a
hundred million are made in minutes, and what is asked of them is memory and time.
"""

import binascii
import gzip
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.data.synapses import Pool
from benchmarks.model import Data

__all__ = ["COLUMNS", "ORDERS", "dump"]

COLUMNS = {
    "id": "bigint",
    "valid": "boolean",
    "pre_pt_position": "USER-DEFINED",
    "post_pt_position": "USER-DEFINED",
    "ctr_pt_position": "USER-DEFINED",
    "size": "double precision",
    "pre_pt_supervoxel_id": "bigint",
    "pre_pt_root_id": "bigint",
    "post_pt_supervoxel_id": "bigint",
    "post_pt_root_id": "bigint",
}
ORDERS = ("post_pt_root_id", "pre_pt_root_id")
DISTINCT = 5_000_000
BLOCK = 100_000
NULLS = 0.005
EXTENT = (400_000, 300_000, 28_000)


def dump(rows: int) -> Data:
    """Return a dump with so many rows."""
    return Data(f"dump-{rows}", partial(_make, rows=rows))


def _make(folder: Path, *, rows: int) -> None:
    base = folder / "v1" / "synapses"
    base.parent.mkdir(parents=True)
    header = "".join(f"{name},{kind}\n" for name, kind in COLUMNS.items())
    base.with_name("synapses_header.csv").write_text(header)
    path = base.with_name("synapses.csv.gz")
    _write(path, min(rows, DISTINCT))
    if rows > DISTINCT:
        _repeat(path, rows)


def _write(path: Path, rows: int) -> None:
    rng = np.random.default_rng(7)
    pool = Pool(rows, np.empty(0, np.int64))
    ids = rng.permutation(rows) + 1
    with gzip.open(path, "wt", compresslevel=6) as file:
        for start in range(0, rows, BLOCK):
            n = min(BLOCK, rows - start)
            supervoxels = rng.integers(8e16, 1.2e17, (2, n)).astype(str).tolist()
            pre, post = pool.draw(rng, n)
            columns = [
                ids[start : start + n].astype(str).tolist(),
                ["t"] * n,
                *(_points(rng, n) for _ in range(3)),
                rng.integers(20, 20_000, n).astype(str).tolist(),
                supervoxels[0],
                _some_null(rng, pre),
                supervoxels[1],
                _some_null(rng, post),
            ]
            file.writelines(",".join(row) + "\n" for row in zip(*columns, strict=True))


def _points(rng: np.random.Generator, rows: int) -> list[str]:
    raw = np.zeros((rows, 29), np.uint8)
    raw[:, :5] = np.frombuffer(bytes.fromhex("0101000080"), np.uint8)
    xyz = rng.integers(0, EXTENT, (rows, 3))
    raw[:, 5:] = xyz.astype("<f8").view(np.uint8).reshape(rows, 24)
    text = binascii.hexlify(raw.tobytes()).decode().upper()
    return [text[at : at + 58] for at in range(0, len(text), 58)]


def _some_null(rng: np.random.Generator, ids: npt.NDArray[np.int64]) -> list[str]:
    text = ids.astype(str).tolist()
    for at in np.flatnonzero(rng.random(len(ids)) < NULLS):
        text[at] = ""
    return text


def _repeat(path: Path, rows: int) -> None:
    from isal import igzip

    with gzip.open(path, "rt") as file:
        lines = [line.partition(",")[2] for line in file]
    with igzip.open(path, "wt", compresslevel=3) as file:
        for start in range(0, rows, BLOCK):
            at = start % len(lines)
            block = lines[at : at + min(BLOCK, rows - start)]
            file.write("".join(f"{n},{one}" for n, one in enumerate(block, start + 1)))
