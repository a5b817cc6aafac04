"""Sums over the synapses of some roots: sizes, and connections between two of them.

With `synapses` this is the list of queries of bdpedigo/parqlayground.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.data.cortex import FLAT, SYNAPSES, cortex, opened
from benchmarks.data.synapses import ROOTS, pool
from benchmarks.model import Case, Job, Work

__all__ = ["cases"]

PRE, POST = ROOTS
STORED = f"store/**/{SYNAPSES}/*.parquet"
LARGE = 20_000_000
AMONG = 100

# {synapses} is a name for us, a file for others; the roots are a parameter.
MEAN = "SELECT avg(size) AS size FROM {synapses} WHERE {end} = $root"
CONNECTIONS = f"""
SELECT {PRE}, {POST}, count(*) AS synapses, avg(size) AS size
FROM {{synapses}} WHERE list_contains($roots, {PRE}) AND list_contains($roots, {POST})
GROUP BY ALL ORDER BY ALL
"""
BY_KEYS = f"""
SELECT {PRE}, {POST}, count(*) AS synapses, avg(size) AS size
FROM {SYNAPSES}
WHERE {PRE} IN (SELECT id FROM keys.roots) AND {POST} IN (SELECT id FROM keys.roots)
GROUP BY ALL ORDER BY ALL
"""


def cases(sizes: tuple[int, ...]) -> Iterator[Case]:
    """Yield the cases for tables of these sizes."""
    for rows in sizes:
        for what, end in (("inputs", POST), ("outputs", PRE)):
            yield _case(
                f"mean size of a root's {what}",
                f"Mean size of a root's {what}",
                rows,
                (
                    Job("cortical_cache", partial(_our_mean, end), files=(STORED,)),
                    Job("DuckDB, same file", partial(_duckdb_mean, end), files=(FLAT,)),
                    Job("pandas, filters=", partial(_pandas_mean, end), files=(FLAT,)),
                    Job("polars, scan", partial(_polars_mean, end), ("polars",),
                        files=(FLAT,)),
                ),
            )  # fmt: skip
        for who, number in ((f"{AMONG} roots", AMONG), ("all nuclei", None)):
            yield _case(
                f"among {who}",
                f"Connections among {who}, with synapses and mean size",
                rows,
                (
                    Job("cortical_cache", partial(_ours, number), files=(STORED,)),
                    Job("DuckDB, same file", partial(_duckdb, number), files=(FLAT,)),
                    Job("pandas, filters=", partial(_pandas, number), files=(FLAT,)),
                    Job("polars, scan", partial(_polars, number), ("polars",),
                        files=(FLAT,)),
                ),
            )  # fmt: skip


def _case(what: str, question: str, rows: int, jobs: tuple[Job, ...]) -> Case:
    return Case(
        name=f"connections/{what} of {rows}",
        question=f"{question}, of {rows:,} synapses",
        data=cortex(rows),
        jobs=jobs,
        rounds=3 if rows >= LARGE else None,
    )


def _root(folder: Path) -> int:
    return pool(folder).roots(1)[0]


def _roots(folder: Path, number: int | None) -> list[int]:
    """Return some roots; None: those with a nucleus."""
    import numpy as np

    if number is not None:
        return pool(folder).roots(number)
    return np.load(folder / "pool.npz")["cells"].tolist()


def _our_mean(end: str, folder: Path) -> Work:
    client, params = opened(), {"root": _root(folder)}
    text = MEAN.format(synapses=SYNAPSES, end=end)
    return lambda: round(client.sql(text, params=params)["size"].iloc[0], 6)


def _duckdb_mean(end: str, folder: Path) -> Work:
    import duckdb

    con, params = _connected(duckdb.connect(), folder), {"root": _root(folder)}
    text = MEAN.format(synapses="synapses", end=end)
    return lambda: round(con.execute(text, params).fetchall()[0][0], 6)


def _pandas_mean(end: str, folder: Path) -> Work:
    import pandas as pd

    path, wanted = folder / FLAT, [(end, "==", _root(folder))]

    def work() -> object:
        sizes = pd.read_parquet(path, columns=["size"], filters=wanted)["size"]
        return round(float(sizes.astype("float64").mean()), 6)

    return work


def _polars_mean(end: str, folder: Path) -> Work:
    import polars as pl

    path, root = folder / FLAT, _root(folder)

    def work() -> object:
        rows = pl.scan_parquet(path).filter(pl.col(end) == root)
        sizes = rows.select(pl.col("size").cast(pl.Float64).mean()).collect()
        return round(sizes.item(), 6)

    return work


def _ours(number: int | None, folder: Path) -> Work:
    client, roots = opened(), _roots(folder, number)
    return lambda: client.sql(BY_KEYS, params={"roots": roots})


def _duckdb(number: int | None, folder: Path) -> Work:
    import duckdb

    con, roots = _connected(duckdb.connect(), folder), _roots(folder, number)
    text = CONNECTIONS.format(synapses="synapses")
    return lambda: con.execute(text, {"roots": roots}).df()


def _connected(con: Any, folder: Path) -> Any:  # noqa: ANN401  a connection
    con.read_parquet(str(folder / FLAT)).create_view("synapses")
    return con


def _pandas(number: int | None, folder: Path) -> Work:
    import pandas as pd

    path, roots = folder / FLAT, _roots(folder, number)
    wanted = [(PRE, "in", roots), (POST, "in", roots)]

    def work() -> object:
        rows = pd.read_parquet(path, columns=[PRE, POST, "size"], filters=wanted)
        by_pair = rows.groupby([PRE, POST])["size"]
        return by_pair.agg(synapses="size", size="mean").reset_index()

    return work


def _polars(number: int | None, folder: Path) -> Work:
    import polars as pl

    path, roots = folder / FLAT, _roots(folder, number)

    def work() -> object:
        among = pl.col(PRE).is_in(roots) & pl.col(POST).is_in(roots)
        by_pair = pl.scan_parquet(path).filter(among).group_by(PRE, POST)
        counted = by_pair.agg(synapses=pl.len().cast(pl.Int64), size=pl.mean("size"))
        return counted.sort(PRE, POST).collect()

    return work
