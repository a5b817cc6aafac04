"""The level-2 id of each vertex of a mesh."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.data.mesh import ROOT, SIZES, mesh, right, solid
from benchmarks.model import Case, Goal, Job, Work

__all__ = ["cases"]

LARGEST = max(SIZES)
FIELD_UP_TO = 0.1
QUICK = 1_000_000


def cases(sizes: tuple[int, ...]) -> Iterator[Case]:
    """Yield a case for each size of mesh; of quick runs the small ones."""
    for millions in SIZES:
        if millions > 1 and max(sizes) <= QUICK:
            continue
        jobs = [Job("cortical_cache", _ours, needs=("scipy",))]
        if millions <= FIELD_UP_TO:
            needs = ("cortical_tools", "gpytoolbox")
            jobs.append(Job("cortical_tools' assigner", _field, needs=needs))
        yield Case(
            f"meshes/vertex to L2, {millions} M vertices",
            f"Label the vertices of a synthetic mesh of about {millions} M",
            mesh(millions),
            tuple(jobs),
            goals=(
                (
                    Goal("12 s", "wall", at_most=12),
                    Goal("2.5 GB", "peak_mb", at_most=2_500),
                    Goal("99 % right", "right", at_least=0.99),
                )
                if millions == LARGEST
                else ()
            ),
            rounds=3,
            note="These solids are simpler than real neurons.",
        )


def _ours(folder: Path) -> Work:
    sys.path.insert(0, str(ROOT))
    from cortical_cache.meshlabels.label import label_vertices
    from cortical_cache.meshlabels.match import Nearness
    from tests.meshes.solids import GRID

    one = solid(folder)
    arrays = [one[name] for name in ("vertices", "faces", "ids", "points")]

    def work() -> object:
        labels = label_vertices(*arrays, GRID, near=Nearness(500, 0.5))
        return {"result": None, "extra": {"right": right(one, labels)}}

    return work


def _field(folder: Path) -> Work:
    from cortical_tools.mesh_vertex import VertexAssigner

    from benchmarks.data.field_volume import Volume

    one = solid(folder)

    def work() -> object:
        assigner = VertexAssigner(
            1,
            Volume(one["origin"], one["size"], float(one["step"])),
            np.asfortranarray(one["vertices"]),
            one["faces"].astype(np.int64),
            one["ids"],
            one["points"],
            lru_cache=None,
        )
        labels = assigner.compute_mesh_label(n_jobs=1)
        return {"result": None, "extra": {"right": right(one, labels)}}

    return work
