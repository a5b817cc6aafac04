"""csv.gz to sorted Parquet: ours against pandas, and against a bare inflate.

Both sides make the same sorted copies, one by post and one by pre root; pandas keeps
its geometry as the text that it reads.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks.data.dump import COLUMNS, ORDERS, dump
from benchmarks.model import Case, Goal, Job, Work

__all__ = ["cases"]

PANDAS_UP_TO = LARGE = 20_000_000
AGAINST_PANDAS = Goal(
    "2.5x less CPU than pandas",
    "cpu",
    "pandas",
    2.5,
    why="about a second of it is the start of the process, most of that "
    "the import of pandas, which pyarrow does by itself",
)
AGAINST_INFLATE = Goal(
    "at most 16x a bare inflate, two copies",
    "cpu",
    "bare inflate",
    at_most=16,
    is_cost=True,
)
MEMORY = Goal("under 3 GB", "peak_mb", at_most=3_000)
TOO_LARGE = "pandas is left out: it would take more memory than there is."


def cases(sizes: tuple[int, ...]) -> Iterator[Case]:
    """Yield a case for each size."""
    for rows in sizes:
        jobs = [
            Job("cortical_cache", partial(_fresh, partial(_ours, rows))),
            Job("bare inflate", partial(_fresh, _inflate)),
        ]
        goals = [AGAINST_INFLATE, MEMORY]
        if rows <= PANDAS_UP_TO:
            jobs.append(Job("pandas", partial(_fresh, _pandas)))
            goals.insert(0, AGAINST_PANDAS)
        if rows == LARGE:
            goals.append(Goal("a third of pandas' memory", "peak_mb", "pandas", 3))
        yield Case(
            name=f"exports/ingest of {rows}",
            question=f"A csv.gz dump of {rows:,} synapses to two sorted Parquet copies",
            data=dump(rows),
            jobs=tuple(jobs),
            goals=tuple(goals),
            fresh=True,
            note="" if rows <= PANDAS_UP_TO else TOO_LARGE,
            rounds=3 if rows <= PANDAS_UP_TO else 1,
        )


def _fresh(job: Callable[[Path, Path], int | None], folder: Path) -> Work:
    def work() -> object:
        out = Path(tempfile.mkdtemp(dir=folder.parent))
        try:
            rows = job(folder / "v1" / "synapses.csv.gz", out)
            made = sum(one.stat().st_size for one in out.rglob("*") if one.is_file())
            return {"result": rows, "extra": {"disk_mb": made / 1e6}}
        finally:
            shutil.rmtree(out)

    return work


def _ours(rows: int, path: Path, out: Path) -> int:
    from cortical_cache.cache.exports import ExportCache
    from cortical_cache.cache.facts import utc_now
    from cortical_cache.sources.buckets.bucket import Bucket
    from cortical_cache.sources.dumps.listing import list_exports
    from cortical_cache.store import Store

    (export,) = list_exports(Bucket(str(path.parents[1])))
    store = Store(out).dataset("bench", datastack="bench", server="http://bench")
    # small tables are cut as well here, so that all sizes make the same copies
    limit = min(2_000_000, rows // 2)
    cache = ExportCache(store, utc_now, offline=True, rows_per_file=limit)
    cache.bring(export, known={})
    held = cache.held(export.name, export.version)
    return 0 if held is None else int(held.provenance.details["valid_rows"])


def _pandas(path: Path, out: Path) -> int:
    import pandas as pd

    kinds = {"bigint": "Int64", "double precision": "float64"}
    types = {name: kinds.get(kind, "object") for name, kind in COLUMNS.items()}
    rows = pd.read_csv(path, header=None, names=list(COLUMNS), dtype=types)
    for order in ORDERS:
        rows.sort_values([order, "id"]).to_parquet(
            out / f"{order}.parquet", compression="zstd", index=False
        )
    return len(rows)


def _inflate(path: Path, out: Path) -> None:
    del out
    from isal import igzip

    with igzip.open(path) as file:
        while file.read(4 << 20):
            pass
