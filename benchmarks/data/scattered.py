"""One large synapse table and its neurons, for what SQL asks of few among many.

In- and outputs of neurons are heavy-tailed (log-normal, sigma 1), root ids scatter over
their whole range, and the other ends lie in fragments of a few synapses each: as in the
volumes themselves.
"""

import os
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.model import Data
from cortical_cache.model.coverage import Whole
from cortical_cache.model.shape import Column, ColumnType, TableShape
from cortical_cache.store import DatasetStore, Provenance
from cortical_cache.store.writer import RowWriter

__all__ = ["NEURONS", "opened", "scattered"]

VERSION = 1
NEURONS = 20_000
ONTO_NEURONS, FROM_NEURONS = 0.6, 0.4
FRAGMENT_ROWS = 4
FILE_ROWS = 2_000_000
ROOT = 864_691_130_000_000_000
AT = datetime(2024, 1, 1, tzinfo=UTC)
HERE = Provenance("cave", "http://127.0.0.1:1", AT)

BIGINT, POINT, BOOLEAN, DOUBLE = (
    ColumnType.BIGINT, ColumnType.POINT, ColumnType.BOOLEAN, ColumnType.DOUBLE
)  # fmt: skip
COLUMNS = {
    "id": BIGINT,
    "valid": BOOLEAN,
    "pre_pt_position": POINT,
    "post_pt_position": POINT,
    "ctr_pt_position": POINT,
    "size": DOUBLE,
    "pre_pt_supervoxel_id": BIGINT,
    "pre_pt_root_id": BIGINT,
    "post_pt_supervoxel_id": BIGINT,
    "post_pt_root_id": BIGINT,
}


def scattered(rows: int) -> Data:
    """Return a store with so many synapses of neurons whose ids scatter."""
    return Data(f"scattered-{rows}", partial(_make, rows=rows))


def opened() -> Any:  # noqa: ANN401  a Client
    """Return a client of the store that the environment names."""
    from cortical_cache import load_client

    return load_client("demo", offline=True, version=VERSION)


def _make(folder: Path, *, rows: int) -> None:
    """Hold the tables of the version, as a sync would have left them."""
    os.environ["CORTICAL_CACHE_DIR"] = str(folder / "store")
    store = opened().repositories.store
    store.write_version(
        VERSION,
        {
            "version": VERSION,
            "datastack": "demo",
            "time_stamp": AT.isoformat(),
            "status": "AVAILABLE",
            "valid": True,
            "is_merged": True,
            "expires_on": None,
        },
    )
    rng = np.random.default_rng(7)
    fragments = max(rows // FRAGMENT_ROWS, 10)
    roots = ROOT + rng.choice(10**13, NEURONS + fragments, replace=False) * 211
    _neurons(store, rng, roots[:NEURONS])
    made = _synapses(rng, roots, rows)
    row_set = store.rows("table", "synapses", VERSION)
    per_file = min(FILE_ROWS, max(rows // 10, 1))
    with row_set.writer(
        shape=_shape("synapses", "table", COLUMNS),
        coverage=Whole(),
        provenance=HERE,
        sort_by=("post_pt_root_id", "id"),
        rows_per_file=per_file,
    ) as writer:
        _write(writer, made, "post_pt_root_id", per_file)
        writer.start_copy(("pre_pt_root_id", "id"))
        _write(writer, made, "pre_pt_root_id", per_file)


def _write(
    writer: RowWriter, made: dict[str, np.ndarray], column: str, step: int
) -> None:
    order = np.argsort(made[column], kind="stable")
    for start in range(0, len(order), step):
        part = order[start : start + step]
        writer.write(pa.table({name: one[part] for name, one in made.items()}))


def _synapses(
    rng: np.random.Generator, roots: np.ndarray, rows: int
) -> dict[str, np.ndarray]:
    made: dict[str, np.ndarray] = {"id": np.arange(1, rows + 1)}
    made["valid"] = np.ones(rows, bool)
    centre = rng.integers(
        (0, 0, 14_000), (400_000, 300_000, 28_000), (rows, 3), np.int32
    )
    for name in ("pre", "post", "ctr"):
        for place, axis in enumerate("xyz"):
            near = rng.integers(-50, 50, rows, np.int32)
            made[f"{name}_pt_position_{axis}"] = centre[:, place] + near
    made["size"] = rng.lognormal(7, 1, rows).astype(np.float32)
    for end, share in (("pre", FROM_NEURONS), ("post", ONTO_NEURONS)):
        made[f"{end}_pt_supervoxel_id"] = rng.integers(8e16, 1.2e17, rows)
        weights = rng.lognormal(0, 1, NEURONS)
        neurons = rng.choice(NEURONS, rows, p=weights / weights.sum())
        others = NEURONS + rng.integers(0, len(roots) - NEURONS, rows)
        made[f"{end}_pt_root_id"] = roots[
            np.where(rng.random(rows) < share, neurons, others)
        ]
    return {
        one: made[one]
        for name, kind in COLUMNS.items()
        for one in Column(name, kind).stored
    }


def _neurons(store: DatasetStore, rng: np.random.Generator, roots: np.ndarray) -> None:
    ids = rng.choice(1_000_000, NEURONS, replace=False)
    cells = {
        "id": np.sort(ids),
        "pt_root_id": roots,
        "pt_supervoxel_id": rng.integers(8e16, 1.2e17, NEURONS),
    }
    kinds = dict.fromkeys(cells, BIGINT)
    store.rows("view", "nucleus_detection_lookup", VERSION).append(
        pa.table(cells),
        shape=_shape("nucleus_detection_lookup", "view", kinds),
        coverage=Whole(),
        provenance=HERE,
    )
    types = {
        "id": np.arange(NEURONS),
        "target_id": cells["id"],
        "cell_type": rng.choice(np.array(["23P", "4P", "5P-ET", "BC"]), NEURONS),
    }
    store.rows("table", "cell_types", VERSION).append(
        pa.table(types),
        shape=_shape(
            "cell_types",
            "table",
            {"id": BIGINT, "target_id": BIGINT, "cell_type": ColumnType.VARCHAR},
        ),
        coverage=Whole(),
        provenance=HERE,
    )


def _shape(name: str, kind: str, columns: dict[str, ColumnType]) -> TableShape:
    return TableShape(
        name,
        "view" if kind == "view" else "table",
        tuple(Column(*one) for one in columns.items()),
        True,  # noqa: FBT003  it is merged
        (4.0, 4.0, 40.0),
    )
