"""Questions about the real connections of FlyWire: partners, degrees, circuits."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.data.flywire import CONNECTIONS, ENDS, FLYWIRE, SOURCE, opened, some
from benchmarks.model import Case, Job, Work

__all__ = ["cases"]

PRE, POST = ENDS
STORED = f"store/**/{CONNECTIONS}/*.parquet"
AMONG = 1_000

# The columns are called as in the file: answers are compared by names.
PARTNERS = (
    f"SELECT {PRE} AS a_root_id, {POST} AS b_root_id, syn_count FROM {CONNECTIONS} "
    f"WHERE {PRE} IN (SELECT id FROM keys.roots)"
)
AMONG_THEM = f"{PARTNERS} AND {POST} IN (SELECT id FROM keys.roots)"
DEGREES = (
    f"SELECT {POST} AS root, count(*) AS partners, sum(syn_count)::BIGINT AS synapses "
    f"FROM {CONNECTIONS} GROUP BY {POST} ORDER BY {POST}"
)


def cases(sizes: tuple[int, ...]) -> Iterator[Case]:
    """Yield the cases; the data are as large as they are."""
    del sizes
    asked = (
        ("partners of one root", PARTNERS, 1, False),
        ("partners of 100 roots", PARTNERS, 100, False),
        (f"connections among {AMONG:,} roots", AMONG_THEM, AMONG, True),
    )
    for what, text, number, both in asked:
        yield _case(
            what,
            Job("cortical_cache", partial(_ours, text, number), files=(STORED,)),
            Job("pandas, whole Parquet", partial(_pandas, number, both)),
            Job("pandas, filters=", partial(_pandas_filters, number, both)),
            Job("polars, scan", partial(_polars, number, both), needs=("polars",)),
        )
    yield _case(
        "inputs of every root",
        Job("cortical_cache", partial(_ours, DEGREES, 0), files=(STORED,)),
        Job("pandas, whole Parquet", _pandas_degrees),
        Job("polars, scan", _polars_degrees, needs=("polars",)),
    )


def _case(what: str, *jobs: Job) -> Case:
    return Case(
        name=f"flywire/{what}",
        question=f"{what.capitalize()}, of FlyWire's 2.3 million connections",
        data=FLYWIRE,
        jobs=jobs,
    )


def _ours(text: str, number: int, folder: Path) -> Work:
    del folder
    client = opened()
    params = {"roots": some(number)} if number else {}
    return lambda: client.sql(text, params=params)


def _pandas(number: int, both: bool, folder: Path) -> Work:  # noqa: FBT001  of a partial
    import pandas as pd

    del folder
    roots = some(number)

    def work() -> object:
        rows = pd.read_parquet(SOURCE)
        found = rows["a_root_id"].isin(roots)
        if both:
            found &= rows["b_root_id"].isin(roots)
        return rows.loc[found, ["a_root_id", "b_root_id", "syn_count"]]

    return work


def _pandas_filters(number: int, both: bool, folder: Path) -> Work:  # noqa: FBT001  of a partial
    import pandas as pd

    del folder
    roots = some(number)
    ends = ("a_root_id", "b_root_id") if both else ("a_root_id",)
    wanted = [(end, "in", roots) for end in ends]
    columns = ["a_root_id", "b_root_id", "syn_count"]
    return lambda: pd.read_parquet(SOURCE, columns=columns, filters=wanted)


def _polars(number: int, both: bool, folder: Path) -> Work:  # noqa: FBT001  of a partial
    import polars as pl

    del folder
    roots = some(number)

    def work() -> object:
        rows = pl.scan_parquet(SOURCE).filter(pl.col("a_root_id").is_in(roots))
        if both:
            rows = rows.filter(pl.col("b_root_id").is_in(roots))
        return rows.select("a_root_id", "b_root_id", "syn_count").collect()

    return work


def _pandas_degrees(folder: Path) -> Work:
    import pandas as pd

    del folder

    def work() -> object:
        rows = pd.read_parquet(SOURCE, columns=["b_root_id", "syn_count"])
        by_root = rows.groupby("b_root_id")["syn_count"]
        found = by_root.agg(partners="size", synapses="sum").reset_index()
        return found.rename(columns={"b_root_id": "root"})

    return work


def _polars_degrees(folder: Path) -> Work:
    import polars as pl

    del folder
    return lambda: (
        pl.scan_parquet(SOURCE)
        .group_by(root="b_root_id")
        .agg(
            partners=pl.len().cast(pl.Int64),
            synapses=pl.col("syn_count").cast(pl.Int64).sum(),
        )
        .sort("root")
        .collect()
    )
