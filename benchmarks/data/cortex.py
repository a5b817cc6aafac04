"""The demo world in a store, its synapse table as large as one likes; and its rivals.

``store/``: ours, at version 1300 of minnie_public. ``flat/``: the same synapses as a
user would have saved them, in the server's order, in one file of each format.
"""

import os
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import feather

from benchmarks.data.synapses import ROWS_PER_FILE, Pool, blocks
from benchmarks.model import Data

__all__ = [
    "CSV",
    "CSV_UP_TO",
    "DATASET",
    "FEATHER",
    "FEATHER_UP_TO",
    "FLAT",
    "SYNAPSES",
    "VERSION",
    "cortex",
    "fill",
    "opened",
    "read_flat",
]  # fmt: skip

DATASET, VERSION, SYNAPSES = "minnie_public", 1300, "synapses_pni_2"
FLAT = "flat/synapses.parquet"
FEATHER = "flat/synapses.feather"
FEATHER_UP_TO = 5_000_000  # an uncompressed frame of twenty million rows is 2 GB
CSV = "flat/synapses.csv.gz"
CSV_UP_TO = 1_000_000  # pandas reads a million rows of it in seconds


def cortex(rows: int) -> Data:
    """Return the demo world with so many synapses."""
    return Data(f"cortex-{rows}", partial(_make, rows=rows))


def opened(*, offline: bool = True, **options: object):  # noqa: ANN201  a Client
    """Return a client of the store that the environment names."""
    from cortical_cache import load_client

    return load_client(DATASET, version=VERSION, offline=offline, **options)


def read_flat(folder: Path) -> pd.DataFrame:
    """Return all synapses as pandas reads them, with the dtypes that caveclient has."""
    return pd.read_parquet(folder / FLAT, dtype_backend="numpy_nullable")


def fill(folder: Path, *, rows: int, rows_per_file: int = ROWS_PER_FILE) -> Pool:
    """Make a store with so many synapses; return what they were drawn from."""
    from cortical_cache.demo import WorldSettings
    from cortical_cache.testing import loopback_cave

    os.environ["CORTICAL_CACHE_DIR"] = str(folder / "store")
    with loopback_cave(WorldSettings(datastack="minnie65_public")) as cave:
        client = opened(offline=False, server_address=cave.url)
        for name in client.cached.materialize.get_tables():
            client.tables[name]().query()
        cells = client.tables.nucleus_detection_v0().query()["pt_root_id"]
        roots = cells.dropna().astype(np.int64).to_numpy()
        drawn = Pool(rows, roots[roots > 0])
        np.savez(folder / "pool.npz", rows=rows, cells=roots[roots > 0])
        _store(client, drawn, rows_per_file)
        (folder / "server").write_text(cave.url)
    return drawn


def _make(folder: Path, *, rows: int) -> None:
    _save(folder, fill(folder, rows=rows))


def _store(client, drawn: Pool, rows_per_file: int) -> None:  # noqa: ANN001  a Client
    """Write the synapses as a sync would have, in place of the demo's few."""
    from cortical_cache.cache.pages import sort_orders
    from cortical_cache.model.coverage import Whole
    from cortical_cache.store import Provenance
    from cortical_cache.store.runs import Runs

    store = client.repositories.store
    row_set = store.rows("table", SYNAPSES, VERSION)
    state = row_set.state()
    shape = state.shape
    orders = [tuple(one) for one in sort_orders(shape, drawn.rows, rows_per_file)]
    work = store.folder / "making"
    work.mkdir()
    runs = {order: Runs(work, order) for order in orders}
    for block in blocks(drawn):
        fit = _fitted(block, shape)
        for one in runs.values():
            one.add(fit)
    with row_set.writer(
        shape=shape,
        coverage=Whole(),
        provenance=Provenance(
            "cave", "http://127.0.0.1:1", client.repositories.clock()
        ),
        supersedes=[one.id for one in state.commits],
        sort_by=orders[0],
        rows_per_file=rows_per_file,
    ) as writer:
        for number, order in enumerate(orders):
            if number:
                writer.start_copy(order)
            for table in runs[order].tables():
                writer.write(table)
            runs[order].close()
    work.rmdir()


def _fitted(block: pa.Table, shape) -> pa.Table:  # noqa: ANN001  a TableShape
    rows = block.num_rows
    for column in shape.columns:
        if column.name == "created":
            stamp = pa.scalar(0, pa.timestamp("us", "UTC"))
            block = block.append_column("created", pa.repeat(stamp, rows))
        elif column.name == "superceded_id":
            nothing = pa.nulls(rows, pa.int64())
            block = block.append_column("superceded_id", nothing)
    return block.select(shape.stored_columns)


def _save(folder: Path, drawn: Pool) -> None:
    path = folder / FLAT
    path.parent.mkdir()
    kept: list[pa.Table] = []
    with pq.ParquetWriter(path, next(blocks(drawn)).schema, compression="zstd") as file:
        for block in blocks(drawn):
            file.write_table(block)
            if drawn.rows <= FEATHER_UP_TO:
                kept.append(block)
    if kept:
        feather.write_feather(pa.concat_tables(kept), folder / FEATHER)
    if drawn.rows <= CSV_UP_TO:
        pd.read_parquet(path).to_csv(folder / CSV, index=False)
