"""SQL over a large synapse table: what pruning, joins and the facade cost.

    python benchmarks/bench_sql.py             # 20 M rows, made by code; minutes
    python benchmarks/bench_sql.py questions --rows 2e6
    python benchmarks/bench_sql.py keys        # how key sets reach this DuckDB

``questions``: client.sql, and pandas on the columns needed of the whole copy.
``keys``: a semi-join by a table of keys with DuckDB's own limit of handed-over keys and
with none, and a list of constants; it says whether `engine/keysets.py` holds.
``facade``: a small aggregate by client.sql and by DuckDB on an open connection.
CPU-seconds of this process are the median of some rounds after a warm-up; MB are what
the process read.
"""

import argparse
import logging
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
from sql_world import VERSION, fill

from cortical_cache import load_client
from cortical_cache.client import Client
from cortical_cache.engine.keysets import FEW, HANDED_OVER

ROUNDS = 3
LISTED = 1_000
"""Constants that are written out at most."""
FACADE_MS = 2
SUMS = "count(*) AS n, sum(size) AS s, sum(ctr_pt_position_x)::DOUBLE AS x"
NEEDED = ["size", "ctr_pt_position_x"]


def measured(job: Callable[[], object], rounds: int = ROUNDS) -> tuple[float, float]:
    """Return the median CPU-seconds and MB read of a job."""
    job()
    cpu, read = [], []
    for _ in range(rounds):
        began, at = time.process_time(), _read()
        job()
        cpu.append(time.process_time() - began)
        read.append((_read() - at) / 1e6)
    return median(cpu), median(read)


def _read() -> int:
    """Return the bytes that this process has read so far (Linux; elsewhere 0)."""
    io = Path("/proc/self/io")
    return int(io.read_text().split()[1]) if io.exists() else 0


def questions(client: Client) -> None:
    roots = client.sql("SELECT root_id FROM cell_ids ORDER BY hash(cell_id)")["root_id"]
    for number in (1, 10, 100, 1000):
        chosen = roots[:number].tolist()
        few = f"(SELECT root_id FROM cell_ids ORDER BY hash(cell_id) LIMIT {number})"
        given = "keys.few"
        from_synapses = f"SELECT {SUMS} FROM synapses"
        for end in ("post", "pre"):
            column = f"{end}_pt_root_id"
            asked = {
                "keys": (
                    f"{from_synapses} WHERE {column} IN (SELECT id FROM {given})",
                    {"few": chosen},
                ),
                "join": (
                    f"SELECT {SUMS} FROM synapses JOIN {few} ON root_id = {column}",
                    {},
                ),
            }
            files = client.explain(asked["join"][0]).files
            files = [one for one in files if "synapses" in one]
            theirs = pandas(files, column, chosen)
            user = measured(lambda f=files, c=column, k=chosen: pandas(f, c, k), 1)
            for name, (query, params) in asked.items():
                ours = client.sql(query, params=params).iloc[0]
                assert ours["n"] == theirs[0]
                assert np.isclose(ours["s"], theirs[1], rtol=1e-4)
                named = client.explain(query, params=params).files
                count = sum("synapses" in one for one in named)
                cpu, read = measured(lambda q=query, p=params: client.sql(q, params=p))
                print(
                    f"{number:5} roots by {end:4} {name}: {cpu * 1e3:6.0f} CPU-ms, "
                    f"{read:6.1f} MB, {count:2} of {len(files)} files named; pandas "
                    f"{user[0]:5.2f} CPU-s, {user[0] / cpu:5.0f} times",
                    flush=True,
                )
    whole = f"SELECT {SUMS} FROM synapses"
    cpu, read = measured(lambda: client.sql(whole))
    print(f"the whole table:      {cpu * 1e3:6.0f} CPU-ms, {read:6.1f} MB")


def pandas(files: list[str], column: str, keys: list[int]) -> tuple[int, float]:
    frame = pd.concat(pd.read_parquet(one, columns=[column, *NEEDED]) for one in files)
    found = frame[frame[column].isin(keys)]
    return len(found), float(found["size"].sum())


def keys(client: Client) -> None:
    print(f"DuckDB {duckdb.__version__}")
    files = list(client.explain("SELECT * FROM synapses").files)
    roots = client.sql("SELECT root_id FROM cell_ids ORDER BY hash(cell_id)")["root_id"]
    with duckdb.connect() as raw:
        raw.execute("SET enable_external_file_cache = false")
        raw.execute("SET parquet_metadata_cache = true")
        raw.read_parquet(files).create_view("synapses")
        by_table = f"SELECT {SUMS} FROM synapses SEMI JOIN few ON id_ = post_pt_root_id"
        holds: dict[str, bool] = {}
        for number in (10, FEW, 100, 1000, HANDED_OVER, 2 * HANDED_OVER):
            chosen = roots[:number].tolist()
            raw.execute("DROP TABLE IF EXISTS few")
            raw.from_arrow(pa.table({"id_": chosen})).create("few")
            listed = by_table
            if number <= LISTED:
                values = map(duckdb.ConstantExpression, chosen)
                column = duckdb.ColumnExpression("post_pt_root_id")
                rows = raw.table("synapses").filter(column.isin(*values))
                listed = rows.aggregate(SUMS)
            found: dict[str, tuple[float, float]] = {}
            for name, limit in {"by itself": 50, "handed over": 10**9}.items():
                raw.execute(f"SET dynamic_or_filter_threshold = {limit}")
                found[name] = measured(lambda: raw.sql(by_table).fetchall())
            if listed is not by_table:
                found["list"] = measured(lambda rows=listed: rows.fetchall())
            told = ", ".join(
                f"{name} {cpu * 1e3:.0f} CPU-ms {read:.0f} MB"
                for name, (cpu, read) in found.items()
            )
            print(f"{number:6} keys: {told}", flush=True)
            holds[f"{number} keys"] = (
                found["handed over"][0] <= 1.15 * found["by itself"][0]
                or number > HANDED_OVER
            )
    for name, is_so in holds.items():
        print(f"handing over {name}:", "holds" if is_so else "CHANGE engine/keysets.py")


def facade(client: Client) -> None:
    query = "SELECT cell_type, count(*) AS n FROM cell_types GROUP BY ALL"
    files = list(client.explain(query).files)
    ours = measured(lambda: client.sql(query, output="arrow"), 50)[0]
    framed = measured(lambda: client.sql(query), 50)[0]
    with duckdb.connect() as raw:
        raw.execute("SET parquet_metadata_cache = true")
        raw.read_parquet(files).create_view("cell_types")
        bare = measured(lambda: raw.sql(query).to_arrow_table(), 50)[0]

    def fresh() -> None:
        with duckdb.connect() as one:
            one.read_parquet(files).create_view("cell_types")
            one.sql(query).to_arrow_table()

    opened = measured(fresh, 20)[0]
    print(
        f"a small aggregate, CPU-ms: client.sql {ours * 1e3:.2f} (as a frame "
        f"{framed * 1e3:.2f}), bare DuckDB {bare * 1e3:.2f}, newly opened "
        f"{opened * 1e3:.2f}"
    )
    over = (ours - bare) * 1e3
    verdict = "holds" if over <= FACADE_MS else "MISSED"
    print(f"over the bare SQL {over:.2f} ms, at most {FACADE_MS}: {verdict}")


JOBS = {"facade": facade, "keys": keys, "questions": questions}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("jobs", nargs="*", default=[*JOBS], choices=[*JOBS, []])
    parser.add_argument("--rows", type=float, default=20e6)
    parser.add_argument("--keep", type=Path, help="a folder for the store, kept")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = chosen.keep or Path(made)
        os.environ["CORTICAL_CACHE_DIR"] = os.environ["HOME"] = str(folder)
        client = load_client("demo", offline=True, version=VERSION)
        if not (folder / "demo").exists():
            fill(client, int(chosen.rows))
        for one in chosen.jobs:
            JOBS[one](client)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    main()
