"""Ten versions of a nucleus table: a third of the cells has another root in the next.

``frames/``: each version as a user would have saved it.
"""

from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from benchmarks.model import Data

__all__ = ["CELLS", "VERSIONS", "frames", "no_cells", "opened", "versions"]

VERSIONS, CELLS = 10, 150_000
EDITED = 0.3
ROOT = 864_691_130_000_000_000
BEGAN = datetime(2024, 1, 1, tzinfo=UTC)
MAIN, OTHER = "nucleus_detection_v0", "nucleus_alternative_points"


def versions(number: int = VERSIONS, cells: int = CELLS) -> Data:
    """Return so many versions of so many cells."""
    return Data(f"cells-{number}-{cells}", partial(_make, number=number, cells=cells))


def opened():  # noqa: ANN201  a Client
    """Return a client of the store that the environment names."""
    from cortical_cache import load_client

    return load_client("demo", offline=True)


def frames(folder: Path) -> list[pd.DataFrame]:
    """Return the versions as a user would hold them: cell_id and root_id, int64."""
    return [pd.read_parquet(path) for path in sorted((folder / "frames").iterdir())]


def no_cells(number: int) -> np.ndarray:
    """Return roots that were alive all the time and have no cell."""
    rng = np.random.default_rng(13)
    return ROOT + 10**16 + rng.integers(0, 10**15, number)


def _make(folder: Path, *, number: int, cells: int) -> None:
    import os

    from cortical_cache.cache.keyed import MISSING, Keyed
    from cortical_cache.model.moments import to_micros

    os.environ["CORTICAL_CACHE_DIR"] = str(folder / "store")
    os.environ["HOME"] = str(folder)
    store = opened().repositories.store
    (folder / "frames").mkdir()
    rng = np.random.default_rng(7)
    ids = rng.choice(10_000_000, cells, replace=False).astype(np.int64)
    roots = ROOT + rng.integers(0, 10**15, cells)
    for version in range(1, number + 1):
        moved = rng.random(cells) < EDITED
        roots[moved] = ROOT + rng.integers(0, 10**15, int(moved.sum()))
        _write(store, version, ids, roots)
        frame = pd.DataFrame({"cell_id": ids, "root_id": roots})
        frame.to_parquet(folder / "frames" / f"{version:03}.parquet")
    bare = no_cells(500_000)
    begin, end = to_micros(BEGAN), to_micros(BEGAN + timedelta(days=999))
    lives = Keyed(
        store.rows("graph", "root_lives", 0),
        "root_id",
        ("created_at", "ended_at", "seen_at"),
        "bench",
    )
    lives.add([bare, *(np.full(len(bare), one) for one in (begin, MISSING, end))])


def _write(store, version: int, ids: np.ndarray, roots: np.ndarray) -> None:  # noqa: ANN001  a DatasetStore
    from cortical_cache.model.coverage import Whole
    from cortical_cache.model.shape import Column, ColumnType, TableShape
    from cortical_cache.store import Provenance

    stamp = BEGAN + timedelta(days=version)
    store.write_version(
        version,
        {
            "version": version,
            "datastack": "demo",
            "time_stamp": stamp.isoformat(),
            "status": "AVAILABLE",
            "valid": True,
            "is_merged": True,
            "expires_on": (stamp + timedelta(days=9999)).isoformat(),
        },
    )
    axes = {f"voxel_resolution_{axis}": 4.0 for axis in "xyz"}
    records = [
        {"table_name": name, "schema_type": "nucleus_detection", **axes, "valid": True}
        for name in (MAIN, OTHER)
    ]
    store.write_fact("tables", records, version, stamp)
    store.write_fact("views", {}, version, stamp)
    few = min(100, len(ids))
    tables = {
        MAIN: {"id": ids},
        OTHER: {"id": np.arange(few), "target_id": ids[:few]},
    }
    for name, columns in tables.items():
        number = len(columns["id"])
        columns["pt_supervoxel_id"] = ids[:number] + 10**16
        columns["pt_root_id"] = roots[:number]
        shape = TableShape(
            name,
            "table",
            tuple(Column(one, ColumnType.BIGINT) for one in columns),
            is_merged=True,
            voxel_resolution=(4.0, 4.0, 40.0),
        )
        store.rows("table", name, version).append(
            pa.table(columns),
            shape=shape,
            coverage=Whole(),
            provenance=Provenance("cave", "http://127.0.0.1:1", stamp),
        )
