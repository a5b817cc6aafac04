"""Synapses of some roots: what people ask most of the largest table.

The list of questions has all of bdpedigo/parqlayground that ask for rows; what those
ask of sums and connections is in `connections`.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

from benchmarks.data.cortex import (
    CSV,
    CSV_UP_TO,
    FEATHER,
    FEATHER_UP_TO,
    FLAT,
    SYNAPSES,
    cortex,
    opened,
    read_flat,
)  # fmt: skip
from benchmarks.data.synapses import ROOTS, ROWS_PER_FILE, pool
from benchmarks.model import Case, Goal, Job, Measure, Work

__all__ = ["cases"]

PRE, POST = ROOTS
BOX = ((100_000, 100_000, 10_000), (110_000, 110_000, 12_000))
PANDAS_UP_TO = LARGE = 20_000_000
"""The size of the tables that the design's ratios to pandas were found at."""

TOO_LARGE = (
    "pandas and polars are left out: of all rows they make more than memory has."
)
STORED = f"store/**/{SYNAPSES}/*.parquet"
DISTINCT = 7
"""Different questions, asked in turn, so that no answer is one's last."""

Wanted = dict[str, list[int]]
"""Values by column; a row is wanted if all of its columns fit."""


def cases(sizes: tuple[int, ...]) -> Iterator[Case]:
    """Yield the cases for tables of these sizes."""
    for rows in sizes:
        for end, goals in (("post", _one_goals(rows)), ("pre", ())):
            one = partial(_one, f"{end}_pt_root_id")
            yield _case(f"one root by {end}", rows, one, goals, flat="read_mb")
        yield _case("10 roots by post", rows, partial(_some, POST, 10), ())
        yield _case(
            "100 roots by post", rows, partial(_some, POST, 100), _hundred(rows)
        )
        yield _case("100 roots by pre", rows, partial(_some, PRE, 100), ())
        if rows <= PANDAS_UP_TO:  # of more, two thirds of the table, a frame for each
            yield _case("10,000 roots by post", rows, partial(_some, POST, 10_000), ())
        yield _case("among 100 roots", rows, partial(_among, 100), ())
        yield _case("among all nuclei", rows, _nuclei, ())
        yield _case("one id", rows, partial(_ids, 1), ())
        yield _case("100 ids", rows, partial(_ids, 100), ())
        yield _box(rows)


def _one(column: str, folder: Path) -> list[Wanted]:
    return [{column: [one]} for one in pool(folder).roots(DISTINCT)]


def _some(column: str, number: int, folder: Path) -> list[Wanted]:
    return [{column: pool(folder).roots(number + more)} for more in range(3)]


def _among(number: int, folder: Path) -> list[Wanted]:
    roots = [pool(folder).roots(number + more) for more in range(3)]
    return [{PRE: one, POST: one} for one in roots]


def _nuclei(folder: Path) -> list[Wanted]:
    from numpy import load

    roots = load(folder / "pool.npz")["cells"].tolist()
    return [{PRE: roots, POST: roots}]


def _ids(number: int, folder: Path) -> list[Wanted]:
    step = max(pool(folder).rows // number, 1)
    return [{"id": [(at * step + more) * 3 + 1_000_003 for at in range(number)]}
            for more in range(DISTINCT)]  # fmt: skip


def _one_goals(rows: int) -> tuple[Goal, ...]:
    goals = [
        Goal(
            "within 2x of raw DuckDB on that file",
            "cpu",
            "DuckDB, best layout",
            at_most=2,
            is_cost=True,
        ),
        Goal("one range file read", "files", at_most=1),
    ]
    if rows == LARGE:
        text = "200x less CPU than pandas on the whole file"
        goals.append(Goal(text, "cpu", "pandas, whole Parquet", 200))
    return tuple(goals)


def _hundred(rows: int) -> tuple[Goal, ...]:
    """Return the goal at the size that it was found at: pandas reads all of a table.

    A smaller one holds fewer rows than a hundred large roots times fifteen.
    """
    goal = Goal("15x less CPU than pandas", "cpu", "pandas, whole Parquet", 15)
    return (goal,) if rows == LARGE else ()


def _case(
    what: str,
    rows: int,
    questions: Callable[[Path], list[Wanted]],
    goals: tuple[Goal, ...],
    flat: Measure | None = None,
) -> Case:
    def job(name: str, prepare: Any, *files: str, needs: tuple[str, ...] = ()) -> Job:  # noqa: ANN401  one of those below
        return Job(name, partial(prepare, questions), needs=needs, files=files)

    jobs = [
        job("cortical_cache", _ours, STORED),
        job("DuckDB, best layout", _duckdb_best, STORED),
        job("bare read of those files", _bare_read, STORED),
        job("DuckDB, same file", _duckdb_flat, FLAT),
    ]
    if rows <= PANDAS_UP_TO:
        jobs += [
            job("pandas, whole Parquet", _pandas, FLAT),
            job("pandas, filters=", _pandas_filters, FLAT),
            job("polars, scan", _polars, FLAT, needs=("polars",)),
        ]
    if rows <= FEATHER_UP_TO:
        jobs.append(job("pandas, feather", _feather, FEATHER))
    if rows <= CSV_UP_TO and what == "one root by post":
        jobs.append(job("pandas, csv.gz", _csv, CSV))
    return Case(
        name=f"synapses/{what} of {rows}",
        question=f"Synapses of {what}, of {rows:,} rows, as a frame",
        data=cortex(rows),
        jobs=tuple(jobs),
        goals=goals,
        flat=flat,
        rounds=3 if rows >= LARGE else None,
        note=_note(rows),
    )


def _note(rows: int) -> str:
    if rows <= ROWS_PER_FILE:
        return (
            "Up to two million rows a table is one file by id, and every question "
            "reads it: the goals are of larger tables."
        )
    return "" if rows <= PANDAS_UP_TO else TOO_LARGE


def _each(questions: list[Wanted], ask: Callable[[Wanted], object]) -> Work:
    turn = cycle(questions)
    return lambda: ask(next(turn))


def _ours(questions: Callable[[Path], list[Wanted]], folder: Path) -> Work:
    client = opened()
    ask = client.cached.materialize.query_table

    def work(wanted: Wanted) -> Any:  # noqa: ANN401  a frame
        return ask(SYNAPSES, filter_in_dict=wanted, split_positions=True)

    asked = client.tables[SYNAPSES](**questions(folder)[0])
    files = len(client.explain(asked).files)
    call = _each(questions(folder), work)
    return lambda: {"result": call(), "extra": {"files": files}}


def _duckdb_best(questions: Callable[[Path], list[Wanted]], folder: Path) -> Work:
    """Scan the range files that hold the roots, chosen by hand beforehand."""
    import duckdb

    client = opened()
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")

    def prepared(wanted: Wanted) -> Callable[[], object]:
        files = list(client.explain(client.tables[SYNAPSES](**wanted)).files)
        return lambda: con.execute(_sql(wanted), [files, *wanted.values()]).df()

    every = [prepared(one) for one in questions(folder)]
    turn = cycle(every)
    return lambda: next(turn)()  # noqa: PLW0108  another one each time


def _bare_read(questions: Callable[[Path], list[Wanted]], folder: Path) -> Work:
    """Read all bytes of the range files that hold the roots: the limit of the disk."""
    client = opened()

    def held(wanted: Wanted) -> list[str]:
        return list(client.explain(client.tables[SYNAPSES](**wanted)).files)

    turn = cycle([held(one) for one in questions(folder)])

    def work() -> None:
        for path in next(turn):
            with open(path, "rb", buffering=0) as file:  # noqa: PTH123  as any program
                while file.read(4 << 20):
                    pass

    return work


def _duckdb_flat(questions: Callable[[Path], list[Wanted]], folder: Path) -> Work:
    import duckdb

    con = duckdb.connect()
    files = [str(folder / FLAT)]
    return _each(
        questions(folder),
        lambda one: con.execute(_sql(one), [files, *one.values()]).df(),
    )


def _sql(wanted: Wanted) -> str:
    fits = " AND ".join(
        f"{column} IN (SELECT unnest(${number}))"
        for number, column in enumerate(wanted, 2)
    )
    return f"SELECT * FROM read_parquet($1) WHERE {fits}"


def _pandas(questions: Callable[[Path], list[Wanted]], folder: Path) -> Work:
    def ask(wanted: Wanted) -> Any:  # noqa: ANN401  a frame
        rows = read_flat(folder)
        for column, values in wanted.items():
            rows = rows[rows[column].isin(values)]
        return rows

    return _each(questions(folder), ask)


def _pandas_filters(questions: Callable[[Path], list[Wanted]], folder: Path) -> Work:
    import pandas as pd

    return _each(
        questions(folder),
        lambda one: pd.read_parquet(
            folder / FLAT,
            filters=[(column, "in", values) for column, values in one.items()],
            dtype_backend="numpy_nullable",
        ),
    )


def _feather(questions: Callable[[Path], list[Wanted]], folder: Path) -> Work:
    import pandas as pd

    path = folder / FEATHER

    def ask(wanted: Wanted) -> Any:  # noqa: ANN401  a frame
        rows = pd.read_feather(path)
        for column, values in wanted.items():
            rows = rows[rows[column].isin(values)]
        return rows

    return _each(questions(folder), ask)


def _csv(questions: Callable[[Path], list[Wanted]], folder: Path) -> Work:
    import pandas as pd

    path = folder / CSV
    kinds = read_flat(folder).dtypes.to_dict()

    def ask(wanted: Wanted) -> Any:  # noqa: ANN401  a frame
        rows = pd.read_csv(path, dtype=kinds)
        for column, values in wanted.items():
            rows = rows[rows[column].isin(values)]
        return rows

    return _each(questions(folder), ask)


def _polars(questions: Callable[[Path], list[Wanted]], folder: Path) -> Work:
    import polars as pl

    def ask(wanted: Wanted) -> Any:  # noqa: ANN401  a frame
        rows = pl.scan_parquet(folder / FLAT)
        for column, values in wanted.items():
            rows = rows.filter(pl.col(column).is_in(values))
        return rows.collect()

    return _each(questions(folder), ask)


def _box(rows: int) -> Case:
    jobs = [Job("cortical_cache", _our_box, files=(STORED,))]
    if rows <= PANDAS_UP_TO:
        jobs += [Job("pandas, whole Parquet", _pandas_box, files=(FLAT,)),
                 Job("DuckDB, same file", _duckdb_box, files=(FLAT,))]  # fmt: skip
    return Case(
        name=f"synapses/bounding box of {rows}",
        question=f"Synapses in a box of 40 x 40 x 80 µm, of {rows:,} rows",
        data=cortex(rows),
        jobs=tuple(jobs),
        rounds=3 if rows >= LARGE else None,
        note="No copy is sorted by place: every file is looked into.",
    )


def _our_box(folder: Path) -> Work:
    del folder
    ask = opened().using(approximate=True).cached.materialize.query_table
    box = {"ctr_pt_position": [list(BOX[0]), list(BOX[1])]}
    return lambda: ask(SYNAPSES, filter_spatial_dict=box, split_positions=True)


def _pandas_box(folder: Path) -> Work:
    def work() -> object:
        rows = read_flat(folder)
        for axis, low, high in zip("xyz", *BOX, strict=True):
            rows = rows[rows[f"ctr_pt_position_{axis}"].between(low, high)]
        return rows

    return work


def _duckdb_box(folder: Path) -> Work:
    import duckdb

    con = duckdb.connect()
    fits = " AND ".join(
        f"ctr_pt_position_{axis} BETWEEN {low} AND {high}"
        for axis, low, high in zip("xyz", *BOX, strict=True)
    )
    sql = f"SELECT * FROM read_parquet($1) WHERE {fits}"
    return lambda: con.execute(sql, [str(folder / FLAT)]).df()
