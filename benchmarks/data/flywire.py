"""The real connections of FlyWire, in a store, where they are to be had.

They lie beside the checkout, in ``../shared/data/flywire``: who is connected to whom,
by how many synapses. Their degrees are a brain's and not a formula's.
"""

import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.model import Data

__all__ = ["CONNECTIONS", "ENDS", "FLYWIRE", "SOURCE", "VERSION", "opened", "some"]

SOURCE = (
    Path(__file__).parents[3] / "shared" / "data" / "flywire"
    / "edges_left_right.parquet"
)  # fmt: skip
CONNECTIONS, VERSION = "connections", 783
ENDS = ("pre_pt_root_id", "post_pt_root_id")
ROWS_PER_FILE = 500_000
RENAMED = {
    "a_root_id": "pre_pt_root_id",
    "b_root_id": "post_pt_root_id",
    "syn_count": "syn_count",
}
"""What stands in the source, and what it is called here."""


def opened():  # noqa: ANN201  a Client
    """Return a client of the store that the environment names."""
    from cortical_cache import load_client

    return load_client("demo", offline=True, version=VERSION)


def some(number: int, column: str = "a_root_id") -> list[int]:
    """Return some of the roots, by chance: large ones and small ones."""
    roots = np.unique(pq.read_table(SOURCE, columns=[column])[0].to_numpy())
    return np.random.default_rng(3).choice(roots, number, replace=False).tolist()


def _make(folder: Path) -> None:
    from cortical_cache.model.coverage import Whole
    from cortical_cache.model.shape import Column, ColumnType, TableShape
    from cortical_cache.store import Provenance

    os.environ["CORTICAL_CACHE_DIR"] = str(folder / "store")
    os.environ["HOME"] = str(folder)
    store = opened().repositories.store
    now = datetime.now(UTC)
    facts = {
        "version": VERSION, "datastack": "demo", "time_stamp": now.isoformat(),
        "status": "AVAILABLE", "valid": True, "is_merged": True, "expires_on": None,
    }  # fmt: skip
    store.write_version(VERSION, facts)
    rows = pq.read_table(SOURCE, columns=[*RENAMED]).rename_columns([*RENAMED.values()])
    rows = rows.add_column(0, "id", pa.array(np.arange(1, rows.num_rows + 1)))
    types = [Column(name, ColumnType.BIGINT) for name in rows.column_names]
    rows = rows.cast(pa.schema([(name, pa.int64()) for name in rows.column_names]))
    with store.rows("table", CONNECTIONS, VERSION).writer(
        shape=TableShape(CONNECTIONS, "table", tuple(types), True, (1.0, 1.0, 1.0)),  # noqa: FBT003  is_merged
        coverage=Whole(),
        provenance=Provenance("cave", "http://127.0.0.1:1", now),
        sort_by=(ENDS[1], "id"),
        rows_per_file=ROWS_PER_FILE,
    ) as writer:
        for number, end in enumerate((ENDS[1], ENDS[0])):
            if number:
                writer.start_copy((end, "id"))
            writer.write(rows.sort_by([(end, "ascending"), ("id", "ascending")]))


FLYWIRE = Data("flywire", _make, source=SOURCE)
