"""Tables as a notebook asks for them: small ones, whole ones, joins, positions."""

import os
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.data.cortex import FLAT, SYNAPSES, VERSION, cortex, opened
from benchmarks.data.server import start
from benchmarks.model import Case, Goal, Job, Work

__all__ = ["cases"]

STORED = f"store/**/{SYNAPSES}/*.parquet"
TABLE, REFERENCE = "nucleus_detection_v0", "nucleus_ref_neuron_svm"
CELLS = 200
SMALL = cortex(1_000_000)
WHOLE_UP_TO = 5_000_000
APPENDED = 5_000
ALIVE = datetime(2025, 6, 1, tzinfo=UTC)


def cases(sizes: tuple[int, ...]) -> Iterator[Case]:
    """Yield the cases; those of whole tables for each of the sizes."""
    yield Case(
        "tables/query of a small table",
        "client.tables.X(pt_root_id=[...]).query() of some hundred rows",
        SMALL,
        (
            Job("cortical_cache", partial(_manager, cached=True)),
            Job("bare DuckDB on the same file", _bare),
            Job("pandas on Parquet", _pandas_small),
            Job("caveclient, loopback server", partial(_manager, cached=False)),
            Job("cortical_tools, loopback server", _peer, needs=("cortical_tools",)),
        ),
        goals=(
            Goal(
                "facade overhead at most 2 ms", "cpu", "bare DuckDB on the same file",
                at_most=0.002, is_difference=True,
            ),
        ),
        note=(
            "The server is on this machine and has no latency; a real one has, and its "
            "own CPU is not counted. What is over the bare SQL is pandas' frame of "
            "nullable columns, half of it, and looking whether the files changed."
        ),
    )  # fmt: skip
    yield Case(
        "tables/reference join",
        "A reference table with the columns of the table that it refers to",
        SMALL,
        (
            Job("cortical_cache", partial(_reference, cached=True)),
            Job("caveclient, loopback server", partial(_reference, cached=False)),
        ),
    )
    yield Case(
        "tables/live query",
        "live_query of a past moment, held before",
        SMALL,
        (
            Job("cortical_cache", partial(_live, cached=True)),
            Job("caveclient, loopback server", partial(_live, cached=False)),
        ),
    )
    yield Case(
        "tables/position columns",
        "Split positions to arrays, 300,000 rows of three points",
        SMALL,
        (
            Job("cortical_cache", _joined),
            Job("caveclient's concatenation", _concatenated),
        ),
        goals=(Goal("6x faster", "cpu", "caveclient's concatenation", 6),),
        note="Ours begins with Arrow columns and makes the rest of the frame as well.",
    )
    yield Case(
        "tables/append of 5,000 rows",
        "Write through what a query has fetched, durable when it returns",
        SMALL,
        (Job("cortical_cache", _append), Job("pandas to_parquet", _to_parquet)),
        goals=(Goal("30 ms", "wall", at_most=0.03),),
        note="pandas neither syncs its file nor says what it is all of.",
    )
    for rows in sizes:
        if rows <= WHOLE_UP_TO:
            yield Case(
                f"tables/whole table of {rows}",
                f"All {rows:,} rows as a frame, positions split",
                cortex(rows),
                (
                    Job("cortical_cache", _whole, files=(STORED,)),
                    Job("pandas, numpy_nullable", _whole_pandas, files=(FLAT,)),
                    Job("pyarrow, no frame", _whole_arrow, files=(FLAT,)),
                    Job("bare read of the bytes", _whole_bytes, files=(FLAT,)),
                ),
                goals=(
                    Goal(
                        "at most 1.1x pandas",
                        "cpu",
                        "pandas, numpy_nullable",
                        at_most=1.1,
                        is_cost=True,
                        why="the design asks it of small tables; one of over two "
                        "million rows lies by root, and its rows come by id as all do: "
                        "to sort and gather them is a third of it",
                    ),
                ),
            )


def _client(*, cached: bool) -> Any:  # noqa: ANN401  either client
    if cached:
        return opened().cached
    from caveclient import CAVEclient

    url = start(Path(tempfile.mkdtemp()))
    client = CAVEclient("minnie65_public", server_address=url)
    client.version = VERSION
    return client


def _wanted(folder: Path) -> list[int]:
    import numpy as np

    return np.load(folder / "pool.npz")["cells"][:CELLS].tolist()


def _manager(folder: Path, *, cached: bool) -> Work:
    client, roots = _client(cached=cached), _wanted(folder)
    tables = client.materialize.tables
    return lambda: tables[TABLE](pt_root_id=roots).query(split_positions=True)


def _peer(folder: Path) -> Work:
    from cortical_tools.common import DatasetClient

    url = start(Path(tempfile.mkdtemp()))
    client = DatasetClient(
        "minnie65_public", server_address=url, materialization_version=VERSION
    )
    roots = _wanted(folder)
    return lambda: client.tables[TABLE](pt_root_id=roots).query(split_positions=True)


def _bare(folder: Path) -> Work:
    import duckdb

    client, roots = opened(), _wanted(folder)
    files = list(client.explain(client.tables[TABLE](pt_root_id=roots)).files)
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    sql = "SELECT * FROM read_parquet($1) WHERE pt_root_id IN (SELECT unnest($2))"
    return lambda: con.execute(sql, [files, roots]).df()


def _pandas_small(folder: Path) -> Work:
    import pandas as pd

    path = Path(tempfile.mkdtemp()) / "table.parquet"
    opened().tables[TABLE]().query(split_positions=True).to_parquet(path)
    roots = _wanted(folder)

    def work() -> object:
        rows = pd.read_parquet(path, dtype_backend="numpy_nullable")
        return rows[rows["pt_root_id"].isin(roots)]

    return work


def _reference(folder: Path, *, cached: bool) -> Work:
    del folder
    client = _client(cached=cached)
    return lambda: client.materialize.query_table(REFERENCE, split_positions=True)


def _live(folder: Path, *, cached: bool) -> Work:
    roots = _wanted(folder)[:20]
    if not cached:
        return partial(_live_query, _client(cached=False), roots)
    os.environ["CORTICAL_CACHE_DIR"] = tempfile.mkdtemp()
    start(Path(tempfile.mkdtemp()))
    _live_query(opened(offline=False).cached, roots)
    return partial(_live_query, opened().cached, roots)


def _live_query(client: Any, roots: list[int]) -> object:  # noqa: ANN401  either one
    wanted = {"filter_in_dict": {"pt_root_id": roots}}
    return client.materialize.live_query(TABLE, ALIVE, split_positions=True, **wanted)


def _some_synapses(folder: Path) -> Callable[[], Any]:
    ask = opened().cached.materialize.query_table
    from benchmarks.data.synapses import pool

    roots = pool(folder).roots(100)
    wanted = {"filter_in_dict": {"post_pt_root_id": roots}}
    return lambda: ask(SYNAPSES, split_positions=True, **wanted)


def _joined(folder: Path) -> Work:
    """Make the frame as the engine does once DuckDB has answered."""
    from cortical_cache.engine.frames import frame
    from cortical_cache.model.arguments import table_query
    from cortical_cache.model.output import outputs, resolution

    shape = opened().repositories.store.rows("table", SYNAPSES, VERSION).state().shape
    query = table_query(SYNAPSES, datastack="minnie65_public", version=VERSION)
    shapes = {SYNAPSES: shape}
    shown = [one for one in outputs(query, shapes) if one.shown]
    rows = _stored(folder, [name for one in shown for name in one.column.stored])
    units = resolution(query, shapes)
    return lambda: frame(rows, shown, shapes, units, split_positions=False)


def _stored(folder: Path, columns: list[str]) -> Any:  # noqa: ANN401  an Arrow table
    import pyarrow.dataset as ds

    wanted = ds.field("id").isin(_some_synapses(folder)()["id"].tolist())
    state = opened().repositories.store.rows("table", SYNAPSES, VERSION).state()
    held = state.held_whole()
    files = [file for piece in held.pieces for file in piece.files] if held else []
    rows = ds.dataset(files).to_table(filter=wanted).sort_by("id")
    return rows.select(columns).combine_chunks()


def _concatenated(folder: Path) -> Work:
    from caveclient.materializationengine import concatenate_position_columns

    rows = _some_synapses(folder)()
    return lambda: concatenate_position_columns(rows)


def _append(folder: Path) -> Work:
    from cortical_cache.model.coverage import Keys
    from cortical_cache.store import Provenance, Store

    held = opened().repositories.store.rows("table", SYNAPSES, VERSION)
    shape = held.state().shape
    rows = _arrow_rows(folder)
    store = Store(Path(tempfile.mkdtemp())).dataset(
        "bench", datastack="bench", server="http://127.0.0.1:1"
    )
    row_set = store.rows("table", SYNAPSES, VERSION)
    provenance = Provenance("cave", "http://127.0.0.1:1", datetime.now(UTC))
    key = iter(range(1, 10**9))

    def work() -> object:
        coverage = Keys("post_pt_root_id", frozenset({next(key)}))
        row_set.append(rows, shape=shape, coverage=coverage, provenance=provenance)
        return APPENDED

    return work


def _arrow_rows(folder: Path) -> Any:  # noqa: ANN401  an Arrow table
    import pyarrow.parquet as pq

    path = next((folder / "store").rglob(f"{SYNAPSES}/*.parquet"))
    return pq.read_table(path).slice(0, APPENDED)


def _to_parquet(folder: Path) -> Work:
    rows = _arrow_rows(folder).to_pandas()
    target = Path(tempfile.mkdtemp()) / "rows.parquet"

    def work() -> object:
        rows.to_parquet(target, compression="zstd")
        return APPENDED

    return work


def _whole(folder: Path) -> Work:
    del folder
    ask = opened().cached.materialize.query_table
    return lambda: ask(SYNAPSES, split_positions=True)


def _whole_pandas(folder: Path) -> Work:
    from benchmarks.data.cortex import read_flat

    return lambda: read_flat(folder)


def _whole_bytes(folder: Path) -> Work:
    def work() -> None:
        with (folder / FLAT).open("rb") as file:
            while file.read(4 << 20):
                pass

    return work


def _whole_arrow(folder: Path) -> Work:
    import pyarrow.parquet as pq

    return lambda: pq.read_table(folder / FLAT)
