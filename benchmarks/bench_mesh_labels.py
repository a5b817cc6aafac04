"""Wall, CPU and peak memory of labelling the vertices of a mesh with level-2 ids.

``python benchmarks/bench_mesh_labels.py``: synthetic meshes whose labels are known,
from 0.1 to 2.6 million vertices (11,000 level-2 ids), each labelled in a process of its
own that only reads the mesh from a file. With ``--field VERTICES`` also the field's
assigner, by the Python of an environment that has cortical_tools with its extra
``vertex_lookup``: ``--python PATH``.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # for the tests' meshes

# vertices in millions: branches, spread in chunks; 120 steps each
SIZES = {0.1: (23, 1.1), 0.3: (68, 1.6), 1.0: (225, 2.6), 2.6: (680, 5.0)}

CODE = """
import json, resource, sys, time
import numpy as np
sys.path.insert(0, sys.argv[1])
mesh = dict(np.load(sys.argv[2]))
{body}
cpu = sum(resource.getrusage(who).ru_utime + resource.getrusage(who).ru_stime
          for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) - cpu
# Not ru_maxrss: it begins at what the parent has.
status = open("/proc/self/status").read().split("VmHWM:")[1]
np.save(sys.argv[3], labels)
print(json.dumps([wall, cpu, int(status.split()[0]) / 1e6]))
"""

CLOCK = """
usage = resource.getrusage(resource.RUSAGE_SELF)
wall, cpu = time.perf_counter(), usage.ru_utime + usage.ru_stime
"""

OURS = f"""
from cortical_cache.meshlabels.label import label_vertices
from cortical_cache.meshlabels.match import Nearness
import scipy.optimize, scipy.sparse.csgraph, scipy.spatial
from tests.meshes.solids import GRID
{CLOCK}
labels = label_vertices(
    mesh["vertices"], mesh["faces"], mesh["ids"], mesh["points"], GRID,
    near=Nearness(500, 0.5),
)
wall = time.perf_counter() - wall
"""

FIELD = f"""
import datetime
from cortical_tools.mesh_vertex import VertexAssigner
sys.path.insert(0, sys.argv[1] + "/benchmarks")
from field_volume import Volume
{CLOCK}
assigner = VertexAssigner(
    1,
    Volume(mesh["origin"], mesh["size"], float(mesh["step"])),
    np.asfortranarray(mesh["vertices"]),
    mesh["faces"].astype(np.int64),
    mesh["ids"],
    mesh["points"],
    lru_cache=None,
)
labels = assigner.compute_mesh_label(n_jobs=1)  # as others are not measured
wall = time.perf_counter() - wall
"""


def make(folder: Path, millions: float) -> tuple[Path, object]:
    from tests.meshes.solids import GRID, neuron

    branches, spread = SIZES[millions]
    solid = neuron(np.random.default_rng(1), branches, 120, spread=spread)
    path = folder / f"{millions}.npz"
    np.savez(
        path,
        vertices=solid.vertices,
        faces=solid.faces,
        ids=solid.ids,
        points=solid.points,
        origin=GRID.origin,
        size=GRID.size,
        step=GRID.mesh_step,
    )
    return path, solid


def measure(
    python: str, body: str, path: Path
) -> tuple[float, float, float, np.ndarray]:
    """Return wall and CPU in s, peak memory in GB, and the labels."""
    found = path.with_suffix(".labels.npy")
    done = subprocess.run(  # noqa: S603  a Python that the user names
        [python, "-c", CODE.format(body=body), str(ROOT), str(path), str(found)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    wall, cpu, peak = json.loads(done.stdout.splitlines()[-1])
    return wall, cpu, peak, np.load(found)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--field", type=float, nargs="*", default=[])
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--sizes", type=float, nargs="*", default=[*SIZES])
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as text:
        for millions in asked.sizes:
            path, solid = make(Path(text), millions)
            size = f"{len(solid.vertices):,} vertices, {len(solid.ids):,} ids"
            wall, cpu, peak, labels = measure(sys.executable, OURS, path)
            right = solid.right(labels).mean()
            print(
                f"{size}: {wall:.2f} s, {cpu:.2f} CPU-s, {peak:.2f} GB, {right:.3%}",
                flush=True,
            )
            if millions in asked.field:
                theirs = measure(asked.python, FIELD, path)
                right = solid.right(theirs[3]).mean()
                print(
                    f"  field: {theirs[0]:.1f} s, {theirs[1]:.1f} CPU-s, "
                    f"{theirs[2]:.2f} GB, {right:.3%}; ours: "
                    f"{theirs[0] / wall:.0f} times less wall, "
                    f"{theirs[1] / cpu:.0f} times less CPU",
                    flush=True,
                )


if __name__ == "__main__":
    main()
