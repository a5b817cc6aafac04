"""csv.gz to sorted Parquet: ours against pandas, and against a bare inflate.

Both sides make the same sorted copies: of a small table one by id, of others one by
post and one by pre root. pandas keeps its geometry as the text that it reads.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from benchmarks.data.dump import COLUMNS, ORDERS, dump
from benchmarks.data.synapses import ROWS_PER_FILE
from benchmarks.model import Case, Goal, Job, Work

__all__ = ["cases"]

PANDAS_UP_TO = LARGE = 20_000_000
AGAINST_PANDAS = Goal("2.5x less CPU than pandas", "cpu", "pandas", 2.5)
MEMORY = Goal("under 3 GB", "peak_mb", at_most=3_000)
TOO_LARGE = "pandas is left out: it would take more memory than there is."


def cases(sizes: tuple[int, ...]) -> Iterator[Case]:
    """Yield a case for each size."""
    for rows in sizes:
        orders = ORDERS if rows > ROWS_PER_FILE else ("id",)
        copies = "two sorted Parquet copies" if len(orders) > 1 else "Parquet by id"
        jobs = [
            Job("cortical_cache", partial(_fresh, _ours)),
            Job("bare inflate", partial(_fresh, _inflate)),
        ]
        goals = [_against_inflate(len(orders)), MEMORY]
        if rows <= PANDAS_UP_TO:
            jobs.append(Job("pandas", partial(_fresh, partial(_pandas, orders))))
            goals.insert(0, AGAINST_PANDAS)
        if rows == LARGE:
            goals.append(Goal("a third of pandas' memory", "peak_mb", "pandas", 3))
        yield Case(
            name=f"exports/ingest of {rows}",
            question=f"A csv.gz dump of {rows:,} synapses to {copies}",
            data=dump(rows),
            jobs=tuple(jobs),
            goals=tuple(goals),
            fresh=True,
            note="" if rows <= PANDAS_UP_TO else TOO_LARGE,
            rounds=3 if rows <= PANDAS_UP_TO else 1,
        )


def _against_inflate(copies: int) -> Goal:
    most = 10 + 6 * (copies - 1)
    text = f"at most {most}x a bare inflate"
    return Goal(text, "cpu", "bare inflate", at_most=most, is_cost=True)


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


def _ours(path: Path, out: Path) -> int:
    from cortical_cache.cache.exports import ExportCache
    from cortical_cache.cache.facts import utc_now
    from cortical_cache.sources.buckets.bucket import Bucket
    from cortical_cache.sources.dumps.listing import list_exports
    from cortical_cache.store import Store

    (export,) = list_exports(Bucket(str(path.parents[1])))
    store = Store(out).dataset("bench", datastack="bench", server="http://bench")
    cache = ExportCache(store, utc_now)
    cache.bring(export, known={})
    held = cache.held(export.name, export.version)
    return 0 if held is None else int(held.provenance.details["valid_rows"])


def _pandas(orders: Sequence[str], path: Path, out: Path) -> int:
    import pandas as pd

    kinds = {"bigint": "Int64", "double precision": "float64"}
    types = {name: kinds.get(kind, "object") for name, kind in COLUMNS.items()}
    rows = pd.read_csv(path, header=None, names=list(COLUMNS), dtype=types)
    for order in orders:
        rows.sort_values([order, "id"] if order != "id" else order).to_parquet(
            out / f"{order}.parquet", compression="zstd", index=False
        )
    return len(rows)


def _inflate(path: Path, out: Path) -> None:
    del out
    from isal import igzip

    with igzip.open(path) as file:
        while file.read(4 << 20):
            pass
