"""SQL over the synapse table, cells and ids; and the same on a Dask cluster.

What asks for few among many is in `sqlscattered`.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.cases import sqlscattered
from benchmarks.data.cortex import FLAT, SYNAPSES, cortex, opened
from benchmarks.data.synapses import ROOTS, pool
from benchmarks.model import Case, Goal, Job, Work

__all__ = ["cases"]

PRE, POST = ROOTS
CELLS = "nucleus_detection_v0"
SMALL = cortex(1_000_000)
AMONG = 200

# {synapses} and {cells} stand for tables: names for us, files for others.
DEGREES = f"""
SELECT inputs, count(*) AS roots
FROM (SELECT count(*) AS inputs FROM {{synapses}} WHERE {POST} > 0 GROUP BY {POST})
GROUP BY inputs ORDER BY inputs
"""
MATRIX = f"""
SELECT {PRE}, {POST}, count(*) AS synapses
FROM {{synapses}} WHERE list_contains($roots, {PRE}) AND list_contains($roots, {POST})
GROUP BY ALL ORDER BY ALL
"""
BY_CELL = f"""
SELECT c.id, count(*) AS inputs
FROM {{synapses}} AS s JOIN {{cells}} AS c ON s.{POST} = c.pt_root_id
WHERE c.pt_root_id > 0
GROUP BY c.id ORDER BY c.id
"""
SHORT = "SELECT count(*) AS cells, max(pt_root_id) AS root FROM {cells}"


def cases(sizes: tuple[int, ...]) -> Iterator[Case]:
    """Yield the cases for tables of these sizes."""
    yield Case(
        "sql/small aggregate",
        "A statement on a small table, in a client that has been asked before",
        SMALL,
        (
            Job("cortical_cache", partial(_ours, SHORT)),
            Job("bare DuckDB", partial(_duckdb, SHORT)),
        ),
        goals=(
            Goal("2 ms over the bare SQL", "cpu", "bare DuckDB", at_most=0.002,
                 is_difference=True),
        ),
    )  # fmt: skip
    for rows in sizes:
        yield Case(
            f"sql/degree distribution of {rows}",
            f"How many roots have how many inputs, {rows:,} synapses",
            cortex(rows),
            (
                Job("cortical_cache", partial(_ours, DEGREES)),
                Job("DuckDB, same file", partial(_duckdb, DEGREES)),
                Job("pandas, one column", _pandas_degrees),
                Job("polars, scan", _polars_degrees, needs=("polars",)),
                Job("Dask, our files, 2 processes", _dask_degrees, needs=("dask",)),
            ),
            note="The CPU of Dask's workers is not counted: compare its wall.",
        )
        yield Case(
            f"sql/connectivity matrix of {rows}",
            f"Synapses between each two of {AMONG} roots, {rows:,} synapses",
            cortex(rows),
            (
                Job("cortical_cache", partial(_ours, MATRIX)),
                Job("DuckDB, same file", partial(_duckdb, MATRIX)),
                Job("pandas, two columns", _pandas_matrix),
            ),
        )
        yield Case(
            f"sql/inputs of each cell of {rows}",
            f"{rows:,} synapses joined with the nuclei by root",
            cortex(rows),
            (
                Job("cortical_cache", partial(_ours, BY_CELL)),
                Job("DuckDB, same files", partial(_duckdb, BY_CELL)),
                Job("pandas merge", _pandas_by_cell),
            ),
        )
    yield from sqlscattered.cases(sizes)


def _params(sql: str, folder: Path) -> dict[str, Any]:
    return {"roots": pool(folder).roots(AMONG)} if "$roots" in sql else {}


def _ours(sql: str, folder: Path) -> Work:
    client, params = opened(), _params(sql, folder)
    text = sql.format(synapses=SYNAPSES, cells=CELLS)
    return lambda: client.sql(text, params=params)


def _cells(folder: Path) -> str:
    return str(next((folder / "store").rglob(f"tables/{CELLS}/*.parquet")))


def _duckdb(sql: str, folder: Path) -> Work:
    import duckdb

    con = duckdb.connect()
    for name, path in (("synapses", str(folder / FLAT)), ("cells", _cells(folder))):
        con.read_parquet(path).create_view(name)
    text = sql.format(synapses="synapses", cells="cells")
    params = _params(sql, folder)
    return lambda: con.execute(text, params).df()


def _flat(folder: Path, *columns: str) -> Any:  # noqa: ANN401  a frame
    import pandas as pd

    return pd.read_parquet(folder / FLAT, columns=list(columns))


def _counted(inputs: Any) -> Any:  # noqa: ANN401  a series to a frame
    found = inputs.value_counts().sort_index()
    return found.rename_axis("inputs").reset_index(name="roots")


def _pandas_degrees(folder: Path) -> Work:
    def work() -> object:
        roots = _flat(folder, POST)[POST]
        return _counted(roots[roots > 0].value_counts())

    return work


def _polars_degrees(folder: Path) -> Work:
    import polars as pl

    return lambda: (
        pl.scan_parquet(folder / FLAT)
        .filter(pl.col(POST) > 0)
        .group_by(POST)
        .agg(inputs=pl.len().cast(pl.Int64))
        .group_by("inputs")
        .agg(roots=pl.len().cast(pl.Int64))
        .sort("inputs")
        .collect()
    )


def _dask_degrees(folder: Path) -> Work:
    from dask.distributed import Client, LocalCluster

    del folder
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    dask = Client(cluster)
    rows = opened().to_dask(SYNAPSES, columns=[POST])

    def work() -> object:
        roots = rows[POST]
        inputs = roots[roots > 0].value_counts()
        return _counted(dask.compute(inputs, sync=True))

    return work


def _pandas_matrix(folder: Path) -> Work:
    roots = pool(folder).roots(AMONG)

    def work() -> object:
        rows = _flat(folder, PRE, POST)
        rows = rows[rows[PRE].isin(roots) & rows[POST].isin(roots)]
        return rows.groupby([PRE, POST]).size().reset_index(name="synapses")

    return work


def _pandas_by_cell(folder: Path) -> Work:
    import pandas as pd

    def work() -> object:
        # nullable, or the ids become floats where one is NULL, and match nothing
        cells = pd.read_parquet(
            _cells(folder), columns=["id", "pt_root_id"], dtype_backend="numpy_nullable"
        )
        cells = cells[cells["pt_root_id"] > 0].astype("int64")
        rows = _flat(folder, POST).merge(cells, left_on=POST, right_on="pt_root_id")
        return rows.groupby("id").size().reset_index(name="inputs")

    return work
