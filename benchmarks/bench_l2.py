"""1,000 random level-2 ids among 10 M that are held: CPU, memory, and the first answer.

Beside it what a user would do with the same rows as sorted Parquet files: pandas and
pyarrow with a filter on the ids. CPU-seconds of this process, the median of several
rounds with other ids each, after a warm-up; the first answers are of processes of their
own, the very first of which maps what has been written.

Run ``python benchmarks/bench_l2.py [MILLIONS]``.
"""

import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from cortical_cache import load_client
from cortical_cache.cache.keyed import Keyed
from cortical_cache.client import Client
from cortical_cache.model.coverage import Request
from cortical_cache.model.level2 import ATTRIBUTES
from cortical_cache.model.shape import Column, ColumnType, TableShape
from cortical_cache.policy.freshness import Fact
from cortical_cache.store import Provenance, RowSet

ASKED, ROUNDS, FRAGMENTS, NEURON = 1_000, 9, 60, 5_000
CACHE, KEY = "demo_l2", "l2_id"
WHOLE = [name for one in ATTRIBUTES if one.is_whole for name in one.columns]
REAL = [name for one in ATTRIBUTES if not one.is_whole for name in one.columns]
COLUMNS = (KEY, "asked", "asked_at", *WHOLE, *REAL)
LAYER_2 = 2 << 56


def id_of(numbers: np.ndarray) -> np.ndarray:
    """Return ids that are spread as those of chunks are."""
    return LAYER_2 + numbers * 1_000 + numbers % 7


def columns(ids: np.ndarray) -> list[np.ndarray]:
    rng = np.random.default_rng(int(ids[0]) % 2**32)
    size = len(ids)
    whole = [rng.integers(0, 10**6, size) for _ in WHOLE]
    real = [rng.integers(0, 10**6, size) / 8 for _ in REAL]
    asked = np.full(size, 2 ** len(ATTRIBUTES) - 1)
    return [ids, asked, np.full(size, 1_700_000_000_000_000), *whole, *real]


def fill(client: Client, millions: int) -> RowSet:
    """Keep most rows in one commit, the newest ones as so many neurons wrote them."""
    store = client.repositories.store
    row_set = store.rows("graph", f"l2_data.{CACHE}", 0)
    types = dict.fromkeys(COLUMNS, ColumnType.BIGINT)
    types |= dict.fromkeys(REAL, ColumnType.DOUBLE)
    shape = TableShape(
        row_set.name,
        "view",
        tuple(Column(*one) for one in types.items()),
        is_merged=True,
        voxel_resolution=(1.0, 1.0, 1.0),
    )
    provenance = Provenance("cave", "http://127.0.0.1:1", datetime.now(UTC))
    rows = millions * 10**6
    with row_set.writer(
        shape=shape,
        coverage=Request("facts"),
        provenance=provenance,
        sort_by=(KEY,),
    ) as writer:
        for start in range(0, rows, 10**6):
            ids = id_of(np.arange(start, start + 10**6))
            writer.write(pa.table(dict(zip(COLUMNS, columns(ids), strict=True))))
    table = keyed(row_set)
    for number in range(FRAGMENTS):
        ids = id_of(rows + np.arange(NEURON) * FRAGMENTS + number)
        said = columns(ids)
        table.add(said[: -len(REAL)], said[-len(REAL) :])
    facts = client.repositories.facts
    facts.keep(Fact.L2_CACHES, {"demo_pcg": {"l2cache_id": CACHE}})
    facts.keep(Fact.INFO, {"segmentation_source": "graphene://https://x/demo_pcg"})
    return row_set


def keyed(row_set: RowSet) -> Keyed:
    names = ("asked", "asked_at", *WHOLE)
    return Keyed(row_set, KEY, names, "http://127.0.0.1:1", floats=REAL)


def chosen(millions: int) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(5)
    while True:
        some = rng.choice(millions * 10**6, ASKED, replace=False)
        yield np.sort(id_of(some))


def cpu(ask: Callable[[], object]) -> float:
    """Return the CPU-seconds of a call, after two to warm up."""
    ask()
    ask()
    took: list[float] = []
    for _ in range(ROUNDS):
        start = time.process_time()
        ask()
        took.append(time.process_time() - start)
    return median(took)


def peak() -> int:
    """Return the most memory that this process had, in MB, by Linux's own account."""
    status = Path("/proc/self/status").read_text().splitlines()
    (line,) = (one for one in status if one.startswith("VmHWM"))
    return int(line.split()[1]) // 1024


def first_answer(millions: int) -> None:
    """Ask once in this process, and say what that took."""
    client = load_client("demo", offline=True)
    row_set = client.repositories.store.rows("graph", f"l2_data.{CACHE}", 0)
    table, ids = keyed(row_set), next(chosen(millions))
    import pyarrow.parquet  # noqa: F401  imported before the clock runs

    wall, start = time.perf_counter(), time.process_time()
    found = len(table.get(ids).asked)
    took = time.process_time() - start
    wall = time.perf_counter() - wall
    if found != ASKED:
        raise SystemExit(f"{found} rows instead of {ASKED}")
    print(f"{wall:.2f} s, {took:.2f} CPU-s, {peak():,} MB at the most")


def main() -> None:
    logging.disable()
    millions = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    if "--first" in sys.argv:
        first_answer(millions)
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HOME"] = folder
        os.environ["CORTICAL_CACHE_DIR"] = folder
        client = load_client("demo", offline=True)
        start = time.process_time()
        row_set = fill(client, millions)
        print(f"filled in {time.process_time() - start:.0f} CPU-s")
        for name in ("first process", "a later one"):
            command = [sys.executable, __file__, str(millions), "--first"]
            ran = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
            print(f"{name}: {ran.stdout.strip()}")
        keys, table = chosen(millions), keyed(row_set)
        ours = cpu(lambda: table.get(next(keys)))
        whole = cpu(lambda: client.get_l2data(next(keys)))
        paths = [
            str(row_set.folder / file.name) for file in row_set.state().commits[0].files
        ]
        arrow = ds.dataset(paths)
        theirs = {
            "pyarrow": cpu(
                lambda: arrow.to_table(filter=pc.field(KEY).isin(next(keys)))
            ),
            "pandas": cpu(
                lambda: pd.read_parquet(paths, filters=[(KEY, "in", next(keys))])
            ),
        }
        size = sum(one.stat().st_size for one in Path(folder).rglob("*.parquet"))
        mapped = sum(one.stat().st_size for one in Path(folder).rglob("*.npy"))
        print(f"{ASKED:,} of {millions} M rows: {ours * 1000:.1f} CPU-ms")
        print(f"as a frame of every attribute: {whole * 1000:.1f} CPU-ms")
        for name, took in theirs.items():
            print(f"{name}: {took * 1000:,.0f} CPU-ms, {took / ours:,.0f} times ours")
        print(
            f"on disk: {size / 2**20:,.0f} MB of Parquet, {mapped / 2**20:,.0f} mapped"
        )


if __name__ == "__main__":
    main()
