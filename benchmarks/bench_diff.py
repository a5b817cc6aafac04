"""CPU-seconds of a diff of two tables of 100,000 rows, and of the merge in pandas.

``python benchmarks/bench_diff.py [ROWS]``. Both start from the same Parquet files, in
this process, warm, and end in a frame with the old and the new values of the rows that
differ; the median of five runs each.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cortical_cache.client.diff import TableDiff
from cortical_cache.engine.diff import differences
from cortical_cache.model.coverage import Piece
from cortical_cache.model.held import HeldRows
from cortical_cache.model.shape import Column, ColumnType, TableShape
from cortical_cache.repositories.diff import RowChanges

COLUMNS = (
    Column("id", ColumnType.BIGINT),
    Column("valid", ColumnType.BOOLEAN),
    Column("classification_system", ColumnType.VARCHAR),
    Column("cell_type", ColumnType.VARCHAR),
    Column("volume", ColumnType.DOUBLE),
    Column("pt_position", ColumnType.POINT),
    Column("pt_supervoxel_id", ColumnType.BIGINT),
    Column("pt_root_id", ColumnType.BIGINT),
)
SHAPE = TableShape(
    "cells", "table", COLUMNS, is_merged=True, voxel_resolution=(4, 4, 40)
)
TYPES = ("23P", "4P", "5P-IT", "BC", "MC", "astrocyte")
RUNS = 5
MISSING, MOVED, RENAMED = 0.01, 0.1, 0.02


def table(rows: int) -> pa.Table:
    dice = np.random.default_rng(0)
    points = {f"pt_position_{axis}": dice.integers(0, 2**18, rows) for axis in "xyz"}
    return pa.table(
        {
            "id": np.arange(rows) * 7 + 100_000,
            "valid": np.ones(rows, bool),
            "classification_system": pa.array(["is_neuron"] * rows),
            "cell_type": pa.array(dice.choice(TYPES, rows)),
            "volume": dice.random(rows).astype(np.float32),
            **{name: one.astype(np.int32) for name, one in points.items()},
            "pt_supervoxel_id": dice.integers(2**56, 2**57, rows),
            "pt_root_id": pa.array(
                864691135336055529 + dice.integers(0, 2**30, rows),
                mask=dice.random(rows) < MISSING,
            ),
        }
    )


def edited(rows: pa.Table) -> pa.Table:
    """Move a tenth of the rows to other roots, and give some another id."""
    dice = np.random.default_rng(1)
    count = rows.num_rows
    fresh = pa.array(864691135336055529 + dice.integers(0, 2**30, count))
    moved = pa.array(dice.random(count) < MOVED)
    roots = pc.if_else(moved, fresh, rows["pt_root_id"])
    place = rows.column_names.index("pt_root_id")
    changed = rows.set_column(place, "pt_root_id", roots)
    ids = rows["id"].to_numpy() + (dice.random(count) < RENAMED)
    return changed.set_column(0, "id", pa.array(ids))


def by_us(held: Sequence[HeldRows]) -> int:
    rows_old, rows_new, differing = differences(held[0], held[1], COLUMNS[2:])
    changes = RowChanges(rows_old, rows_new, COLUMNS[2:], differing, (), ())
    return len(TableDiff("demo", "cells", 1, 2, changes).to_frame())


def by_pandas(old: Path, new: Path) -> int:
    """Do what a user would write: merge by id, compare column by column."""
    one = pd.read_parquet(old, dtype_backend="numpy_nullable")
    other = pd.read_parquet(new, dtype_backend="numpy_nullable")
    both = one.merge(
        other, on="id", how="outer", suffixes=("_old", "_new"), indicator=True
    )
    differs = both["_merge"] != "both"
    for name in one.columns.drop(["id", "valid"]):
        before, after = both[f"{name}_old"], both[f"{name}_new"]
        unequal = (before != after).fillna(value=False)
        differs |= unequal | (before.isna() != after.isna())
    return len(both[differs])


def cpu(work: Callable[[], int]) -> tuple[float, int]:
    found = work()  # warm
    spent: list[float] = []
    for _ in range(RUNS):
        start = time.process_time()
        found = work()
        spent.append(time.process_time() - start)
    return median(spent), found


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder, "old.parquet"), Path(folder, "new.parquet")
        first = table(rows)
        for path, one in zip(files, (first, edited(first)), strict=True):
            pq.write_table(one, path, compression="zstd", row_group_size=32_768)
        held = [HeldRows(SHAPE, (Piece((str(path),)),)) for path in files]

        ours, found = cpu(lambda: by_us(held))
        theirs, expected = cpu(lambda: by_pandas(*files))

    if found != expected:
        message = f"{found} rows differ, pandas says {expected}"
        raise SystemExit(message)
    print(f"two tables of {rows:,} rows, {found:,} of them differ")
    print(f"diff   {ours:.3f} CPU-s")
    print(f"pandas {theirs:.3f} CPU-s, {theirs / ours:.1f} times as much")


if __name__ == "__main__":
    main()
