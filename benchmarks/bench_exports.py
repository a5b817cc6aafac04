"""csv.gz to sorted Parquet: ours against pandas, and against a bare inflate.

    python benchmarks/bench_exports.py 1 5            # millions of rows
    python benchmarks/bench_exports.py 5 --rounds 3
    python benchmarks/bench_exports.py 100 --distinct 2 --skip pandas   # memory only

Every measurement is a process of its own: CPU and peak RSS of the whole of it, imports
and threads included. The dump is that of a synapse table: heavy-tailed root ids, some
NULL and 0, three positions as EWKB, no order. Both sides make the same sorted copies,
one by post and one by pre root; pandas keeps its geometry as the text that it reads.
With ``--distinct`` rows repeat after so many millions, under new ids: a hundred million
rows are made in minutes, and their memory is what is asked.
"""

import argparse
import binascii
import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

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
BLOCK = 100_000
ZEROS, NULLS = 0.01, 0.005


def points(rng: np.random.Generator, rows: int) -> list[str]:
    raw = np.zeros((rows, 29), np.uint8)
    raw[:, :5] = np.frombuffer(bytes.fromhex("0101000080"), np.uint8)
    xyz = rng.integers((0, 0, 14_000), (400_000, 300_000, 28_000), (rows, 3))
    raw[:, 5:] = xyz.astype("<f8").view(np.uint8).reshape(rows, 24)
    text = binascii.hexlify(raw.tobytes()).decode().upper()
    return [text[at : at + 58] for at in range(0, len(text), 58)]


def roots(rng: np.random.Generator, rows: int, total: int) -> list[str]:
    # a few roots have ten thousands of synapses, most have one or two
    number = np.minimum(rng.zipf(1.35, rows), max(total // 8, 10))
    ids = 864_691_135_000_000_000 + number * 7_919
    ids[rng.random(rows) < ZEROS] = 0
    text = ids.astype(str).tolist()
    for at in np.flatnonzero(rng.random(rows) < NULLS):
        text[at] = ""
    return text


def make(folder: Path, rows: int, distinct: int | None = None) -> Path:
    rng = np.random.default_rng(7)
    if distinct is not None and distinct < rows:
        return repeated(make(folder, distinct), rows)
    base = folder / "v1" / "synapses"
    base.parent.mkdir(parents=True)
    header = "".join(f"{name},{kind}\n" for name, kind in COLUMNS.items())
    base.with_name("synapses_header.csv").write_text(header)
    path = base.with_name("synapses.csv.gz")
    ids = rng.permutation(rows) + 1
    with gzip.open(path, "wt", compresslevel=6) as file:
        for start in range(0, rows, BLOCK):
            n = min(BLOCK, rows - start)
            supervoxels = rng.integers(8e16, 1.2e17, (2, n)).astype(str).tolist()
            columns = [
                ids[start : start + n].astype(str).tolist(),
                ["t"] * n,
                points(rng, n),
                points(rng, n),
                points(rng, n),
                rng.integers(20, 20_000, n).astype(str).tolist(),
                supervoxels[0],
                roots(rng, n, rows),
                supervoxels[1],
                roots(rng, n, rows),
            ]
            file.writelines(",".join(row) + "\n" for row in zip(*columns, strict=True))
    return path


def repeated(path: Path, rows: int) -> Path:
    """Write the rows of a dump over and over, each time with ids of their own."""
    from isal import igzip

    with gzip.open(path, "rt") as file:
        lines = [line.partition(",")[2] for line in file]
    with igzip.open(path, "wt", compresslevel=3) as file:
        for start in range(0, rows, BLOCK):
            at = start % len(lines)
            block = lines[at : at + min(BLOCK, rows - start)]
            file.write("".join(f"{n},{one}" for n, one in enumerate(block, start + 1)))
    return path


def ours(path: Path, out: Path) -> None:
    from cortical_cache.cache.exports import ExportCache
    from cortical_cache.cache.facts import utc_now
    from cortical_cache.sources.buckets.bucket import Bucket
    from cortical_cache.sources.dumps.listing import list_exports
    from cortical_cache.store import Store

    (export,) = list_exports(Bucket(str(path.parents[1])))
    store = Store(out).dataset("bench", datastack="bench", server="http://bench")
    # small tables are cut as well here, so that all sizes make the same copies
    limit = int(os.environ.get("BENCH_ROWS_PER_FILE", "2000000"))
    cache = ExportCache(store, utc_now, offline=True, rows_per_file=limit)
    cache.bring(export, known={})


def pandas(path: Path, out: Path) -> None:
    import pandas as pd

    kinds = {"bigint": "Int64", "double precision": "float64"}
    types = {name: kinds.get(kind, "object") for name, kind in COLUMNS.items()}
    rows = pd.read_csv(path, header=None, names=list(COLUMNS), dtype=types)
    for order in ORDERS:
        rows.sort_values([order, "id"]).to_parquet(
            out / f"{order}.parquet", compression="zstd", index=False
        )


def inflate(path: Path, _out: Path) -> None:
    from isal import igzip

    with igzip.open(path) as file:
        while file.read(4 << 20):
            pass


JOBS = {"inflate": inflate, "ours": ours, "pandas": pandas}


def measure(job: str, path: Path, folder: Path, rows: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(dir=folder) as out:
        start = time.perf_counter()
        environment = {
            **os.environ,
            "BENCH_ROWS_PER_FILE": str(min(2_000_000, rows // 2)),
        }
        done = subprocess.run(  # noqa: S603  this file
            [sys.executable, __file__, "--job", job, str(path), out],
            check=True,
            capture_output=True,
            text=True,
            env=environment,
        )
        wall = time.perf_counter() - start
    return {**json.loads(done.stdout.splitlines()[-1]), "wall": wall}


def work(job: str, path: str, out: str) -> None:
    JOBS[job](Path(path), Path(out))
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {"cpu": used.ru_utime + used.ru_stime, "rss_mb": used.ru_maxrss / 1024}
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("millions", nargs="*", type=float, default=[1.0, 5.0])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--distinct", type=float, help="millions of rows")
    parser.add_argument("--skip", nargs="*", default=[], choices=list(JOBS))
    parser.add_argument("--job", nargs=3)
    chosen = parser.parse_args()
    if chosen.job:
        work(*chosen.job)
        return
    for millions in chosen.millions:
        with tempfile.TemporaryDirectory() as folder:
            rows = int(millions * 1e6)
            distinct = chosen.distinct and int(chosen.distinct * 1e6)
            path = make(Path(folder) / "dump", rows, distinct)
            print(
                f"{rows:,} rows, {path.stat().st_size / 1e6:.0f} MB gz, load "
                f"{os.getloadavg()[0]:.1f}",
                flush=True,
            )
            best: dict[str, dict[str, float]] = {}
            for _ in range(chosen.rounds):
                for job in JOBS:
                    if job in chosen.skip:
                        continue
                    found = measure(job, path, Path(folder), rows)
                    if job not in best or found["cpu"] < best[job]["cpu"]:
                        best[job] = found
            for job, one in best.items():
                print(
                    f"  {job:8} cpu {one['cpu']:7.1f} s  wall {one['wall']:7.1f} s  "
                    f"peak {one['rss_mb']:7.0f} MB",
                    flush=True,
                )
            if {"ours", "pandas"} <= set(best):
                cpu = best["pandas"]["cpu"] / best["ours"]["cpu"]
                rss = best["ours"]["rss_mb"] / best["pandas"]["rss_mb"]
                print(f"  {cpu:.1f}x less CPU than pandas, {rss:.2f} of its memory")
            if {"ours", "inflate"} <= set(best):
                print(
                    f"  {best['ours']['cpu'] / best['inflate']['cpu']:.1f}x the CPU "
                    "of a bare inflate, two sorted copies",
                    flush=True,
                )


if __name__ == "__main__":
    main()
