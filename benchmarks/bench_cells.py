"""1 M root ids to cell ids over ten mirrored versions of 150,000 cells.

Beside it the pandas merge that a user would write, in the same run. CPU-seconds of
this process, the median of several rounds after a warm-up, and their ratio.

Run ``python benchmarks/bench_cells.py``.
"""

import logging
import os
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from statistics import median

import numpy as np
import pandas as pd
import pyarrow as pa

from cortical_cache import load_client
from cortical_cache.cache.keyed import MISSING, Keyed
from cortical_cache.client import Client
from cortical_cache.model.coverage import Whole
from cortical_cache.model.moments import to_micros
from cortical_cache.model.shape import Column, ColumnType, TableShape
from cortical_cache.store import Provenance

VERSIONS, CELLS, ASKED, ROUNDS = 10, 150_000, 1_000_000, 5
EDITED = 0.3
"""Share of cells whose root is another one in the next version."""
ROOT = 864_691_130_000_000_000
BEGAN = datetime(2024, 1, 1, tzinfo=UTC)
MAIN, OTHER = "nucleus_detection_v0", "nucleus_alternative_points"


def shape(name: str, columns: tuple[str, ...]) -> TableShape:
    bigint = tuple(Column(one, ColumnType.BIGINT) for one in columns)
    return TableShape(name, "table", bigint, True, (4.0, 4.0, 40.0))  # noqa: FBT003


def fill(client: Client) -> list[pd.DataFrame]:
    """Mirror ten versions without a server; return them as a user would hold them."""
    rng = np.random.default_rng(7)
    store = client.repositories.store
    cells = rng.choice(10_000_000, CELLS, replace=False).astype(np.int64)
    roots = ROOT + rng.integers(0, 10**15, CELLS)
    frames = []
    for version in range(1, VERSIONS + 1):
        stamp = BEGAN + timedelta(days=version)
        store.write_version(
            version,
            {
                "version": version,
                "datastack": "demo",
                "time_stamp": stamp.isoformat(),
                "status": "AVAILABLE",
                "valid": True,
                "is_merged": True,
                "expires_on": (stamp + timedelta(days=9999)).isoformat(),
            },
        )
        moved = rng.random(CELLS) < EDITED
        roots[moved] = ROOT + rng.integers(0, 10**15, int(moved.sum()))
        tables = {
            MAIN: {"id": cells, "pt_root_id": roots},
            OTHER: {
                "id": np.arange(100),
                "target_id": cells[:100],
                "pt_root_id": roots[:100],
            },
        }
        for name, columns in tables.items():
            store.rows("table", name, version).append(
                pa.table(columns),
                shape=shape(name, tuple(columns)),
                coverage=Whole(),
                provenance=Provenance("cave", "http://127.0.0.1:1", stamp),
            )
        frames.append(pd.DataFrame({"cell_id": cells, "root_id": roots}))
    return frames


def live_on(client: Client, roots: np.ndarray) -> None:
    """Keep that roots were current all the time: the versions prove their absence."""
    rows = client.repositories.store.rows("graph", "root_lives", 0)
    lives = Keyed(rows, "root_id", ("created_at", "ended_at", "seen_at"), "bench")
    begin, end = to_micros(BEGAN), to_micros(BEGAN + timedelta(days=99))
    times = [np.full(len(roots), one) for one in (begin, MISSING, end)]
    lives.add([roots, *times])


def by_pandas(frames: list[pd.DataFrame], asked: np.ndarray) -> pd.DataFrame:
    """Do what a user would: join the versions, drop what is there twice, merge."""
    whole = pd.concat(frames).drop_duplicates("root_id", keep="last")
    found = pd.DataFrame({"root_id": asked}).merge(whole, "left", "root_id")
    return found.set_index("root_id").fillna(-1).astype(np.int64)


def cpu(job: Callable[[], object]) -> tuple[float, float]:
    """Return the median CPU-seconds and wall seconds of a job."""
    taken = []
    for _ in range(ROUNDS):
        began = time.process_time(), time.perf_counter()
        job()
        taken.append((time.process_time() - began[0], time.perf_counter() - began[1]))
    return median(one for one, _ in taken), median(one for _, one in taken)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CORTICAL_CACHE_DIR"] = folder
        os.environ["HOME"] = folder
        client = load_client("demo", offline=True)
        frames = fill(client)
        rng = np.random.default_rng(11)
        every = np.concatenate([one["root_id"].to_numpy() for one in frames])
        asked = rng.choice(every, ASKED)

        began = time.process_time()
        ours = client.root_id_to_cell_id(asked)
        first = time.process_time() - began
        theirs = by_pandas(frames, asked)
        assert ours["cell_id"].tolist() == theirs["cell_id"].tolist()  # noqa: S101

        mine = cpu(lambda: client.root_id_to_cell_id(asked))
        user = cpu(lambda: by_pandas(frames, asked))
        print(f"{ASKED:,} root ids over {VERSIONS} versions of {CELLS:,} cells")
        print(f"cortical_cache: {mine[0]:.3f} CPU-s ({mine[1]:.3f} s)")
        print(f"  the first time, files read: {first:.3f} CPU-s")
        print(f"pandas merge:   {user[0]:.3f} CPU-s ({user[1]:.3f} s)")
        print(f"ratio pandas / cortical_cache: {user[0] / mine[0]:.1f}")
        bare = ROOT + 10**16 + rng.integers(0, 10**15, ASKED // 2)
        live_on(client, bare)
        half = np.concatenate([asked[: ASKED // 2], bare])
        rng.shuffle(half)
        found = client.root_id_to_cell_id(half)
        assert (found["cell_id"] == -1).sum() == ASKED // 2  # noqa: S101
        mixed = cpu(lambda: client.root_id_to_cell_id(half))
        print(
            f"half of them without a cell, proved by their lives: {mixed[0]:.3f} CPU-s"
        )
        listed = asked.tolist()
        given = cpu(lambda: client.root_id_to_cell_id(listed))
        print(f"given as a list of integers: {given[0]:.3f} CPU-s")
        print("at most 1 CPU-s:", "holds" if mine[0] <= 1 else "MISSED")


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    main()
