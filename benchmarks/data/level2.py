"""Level-2 attributes of millions of nodes, most in one commit, the newest by neurons.

``files``: the paths of the large commit's Parquet files, for rivals that read those.
"""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.model import Data

__all__ = ["KEY", "asked", "files", "nodes", "opened", "table"]

FRAGMENTS, NEURON = 60, 5_000
CACHE, KEY = "demo_l2", "l2_id"
LAYER_2 = 2 << 56


def nodes(rows: int) -> Data:
    """Return a store with the attributes of so many nodes."""
    return Data(f"level2-{rows}", partial(_make, rows=rows))


def opened():  # noqa: ANN201  a Client
    """Return a client of the store that the environment names."""
    from cortical_cache import load_client

    return load_client("demo", offline=True)


def table(client):  # noqa: ANN001, ANN201  a Client, its Keyed
    """Return the facts as the library looks them up."""
    from cortical_cache.cache.keyed import Keyed

    whole, real = _attributes()
    row_set = client.repositories.store.rows("graph", f"l2_data.{CACHE}", 0)
    names = ("asked", "asked_at", *whole)
    return Keyed(row_set, KEY, names, "http://127.0.0.1:1", floats=real)


def files(folder: Path) -> list[str]:
    """Return the files of the large commit."""
    names = json.loads((folder / "files").read_text())
    return [str(next((folder / "store").rglob(name))) for name in names]


def asked(folder: Path, number: int) -> Iterator[np.ndarray]:
    """Yield ids of the large commit, others each time."""
    rows = int((folder / "rows").read_text())
    rng = np.random.default_rng(5)
    while True:
        yield np.sort(_ids(rng.choice(rows, number, replace=False)))


def _attributes() -> tuple[list[str], list[str]]:
    from cortical_cache.model.level2 import ATTRIBUTES

    whole = [name for one in ATTRIBUTES if one.is_whole for name in one.columns]
    real = [name for one in ATTRIBUTES if not one.is_whole for name in one.columns]
    return whole, real


def _ids(numbers: np.ndarray) -> np.ndarray:
    """Spread ids as those of chunks are."""
    return LAYER_2 + numbers * 1_000 + numbers % 7


def _columns(ids: np.ndarray) -> list[np.ndarray]:
    from cortical_cache.model.level2 import ATTRIBUTES

    whole, real = _attributes()
    rng = np.random.default_rng(int(ids[0]) % 2**32)
    size = len(ids)
    known = np.full(size, 2 ** len(ATTRIBUTES) - 1)
    return [
        ids,
        known,
        np.full(size, 1_700_000_000_000_000),
        *(rng.integers(0, 10**6, size) for _ in whole),
        *(rng.integers(0, 10**6, size) / 8 for _ in real),
    ]


def _make(folder: Path, *, rows: int) -> None:
    from cortical_cache.model.coverage import Request
    from cortical_cache.model.shape import Column, ColumnType, TableShape
    from cortical_cache.policy.freshness import Fact
    from cortical_cache.store import Provenance

    os.environ["CORTICAL_CACHE_DIR"] = str(folder / "store")
    os.environ["HOME"] = str(folder)
    client = opened()
    row_set = client.repositories.store.rows("graph", f"l2_data.{CACHE}", 0)
    whole, real = _attributes()
    names = (KEY, "asked", "asked_at", *whole, *real)
    types = dict.fromkeys(names, ColumnType.BIGINT)
    types |= dict.fromkeys(real, ColumnType.DOUBLE)
    shape = TableShape(
        row_set.name,
        "view",
        tuple(Column(*one) for one in types.items()),
        is_merged=True,
        voxel_resolution=(1.0, 1.0, 1.0),
    )
    with row_set.writer(
        shape=shape,
        coverage=Request("facts"),
        provenance=Provenance("cave", "http://127.0.0.1:1", datetime.now(UTC)),
        sort_by=(KEY,),
    ) as writer:
        step = min(rows, 10**6)
        for start in range(0, rows, step):
            ids = _ids(np.arange(start, min(start + step, rows)))
            writer.write(pa.table(dict(zip(names, _columns(ids), strict=True))))
    facts = table(client)
    for number in range(FRAGMENTS):
        ids = _ids(rows + np.arange(NEURON) * FRAGMENTS + number)
        said = _columns(ids)
        facts.add(said[: -len(real)], said[-len(real) :])
    remembered = client.repositories.facts
    remembered.keep(Fact.L2_CACHES, {"demo_pcg": {"l2cache_id": CACHE}})
    remembered.keep(Fact.INFO, {"segmentation_source": "graphene://https://x/demo_pcg"})
    facts.get(_ids(np.arange(10)))  # maps what was written
    names_of = [file.name for file in writer.commit.files]
    (folder / "files").write_text(json.dumps(names_of))
    (folder / "rows").write_text(str(rows))
