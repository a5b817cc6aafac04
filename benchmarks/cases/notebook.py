"""What a notebook asks of its client: ours, with all of it held, and cortical_tools.

The same lines of each; the server is the demo world's, in a process of its own.
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.data.cortex import VERSION, cortex, opened
from benchmarks.data.dump import COLUMNS, dump
from benchmarks.data.server import start
from benchmarks.model import Case, Job, Work

__all__ = ["cases"]

CELLS = "nucleus_detection_v0"
LOOKUP = "nucleus_detection_lookup_v1"
ROWS = 1_000_000
SMALL = cortex(ROWS)
PEER = ("cortical_tools",)
NOTE = "The server has no latency, and its own CPU is not counted."

Question = Callable[[Any], Work]
"""Given a client, returns the lines of the notebook."""


def cases(sizes: tuple[int, ...]) -> Iterator[Case]:
    """Yield the cases; the demo world is as large as it is."""
    del sizes
    yield _case("synapses of 20 roots", "query_synapses, into them", _synapses)
    yield _case("view", "views.X().query() of all cells", _view)
    yield _case("cell ids", "root_id_to_cell_id of 100 root ids", _to_cells)
    yield _case("root ids", "cell_id_to_root_id of 100 cell ids", _to_roots)
    yield _case("L2 data", "get_l2_ids of a root, and get_l2data of them", _level2)
    yield _case(
        "skeleton",
        "A cell with skeleton and synapses, loaded by ossify from the client's CAVE",
        _skeleton,
        needs=("ossify",),
    )
    yield Case(
        "notebook/export",
        f"exports.get_table of {ROWS:,} synapses",
        dump(ROWS),
        (
            Job("cortical_cache", _get_table),
            Job("pandas.read_csv", _read_csv),
        ),
        rounds=1,
        note=(
            "Ours was brought into the store before. cortical_tools calls pandas every "
            "time, with ids as floats where one is missing, and loses the first row."
        ),
    )


def _case(
    name: str,
    text: str,
    question: Question,
    *,
    needs: tuple[str, ...] = (),
) -> Case:
    return Case(
        f"notebook/{name}",
        text,
        SMALL,
        (
            Job("cortical_cache", partial(_ours, question), needs=needs),
            Job("cortical_tools", partial(_theirs, question), needs=PEER + needs),
        ),
        note=NOTE,
    )


def _ours(question: Question, folder: Path) -> Work:
    del folder
    start(Path(tempfile.mkdtemp()), lifelike=True)
    os.environ["CORTICAL_CACHE_DIR"] = tempfile.mkdtemp()
    question(opened(offline=False))()
    return question(opened())


def _theirs(question: Question, folder: Path) -> Work:
    del folder
    from cortical_tools.common import DatasetClient
    from standard_transform.datasets import minnie_ds

    url = start(Path(tempfile.mkdtemp()), lifelike=True)
    client = DatasetClient(  # as its microns_public has it
        "minnie65_public",
        server_address=url,
        materialization_version=VERSION,
        cell_id_lookup_view=LOOKUP,
        root_id_lookup_main_table=CELLS,
        root_id_lookup_alt_tables=["nucleus_alternative_points"],
        dataset_transform=minnie_ds,
    )
    return question(client)


def _cells(client: Any, number: int) -> Any:  # noqa: ANN401  a frame
    """Return cells that have a root of their own."""
    cells = client.tables[CELLS]().query(split_positions=True)
    cells = cells[cells["pt_root_id"].fillna(0) > 0]
    return cells.drop_duplicates("pt_root_id", keep=False).sort_values("id")[:number]


def _synapses(client: Any) -> Work:  # noqa: ANN401  either client
    roots = _cells(client, 20)["pt_root_id"].tolist()
    return lambda: client.query_synapses(roots, post=True, progress=False)


def _view(client: Any) -> Work:  # noqa: ANN401  either client
    return lambda: client.views[LOOKUP]().query(split_positions=True)


def _to_cells(client: Any) -> Work:  # noqa: ANN401  either client
    roots = _cells(client, 100)["pt_root_id"].to_numpy("int64")
    return lambda: _sum(client.root_id_to_cell_id(roots))


def _to_roots(client: Any) -> Work:  # noqa: ANN401  either client
    cells = _cells(client, 100)["id"].to_numpy("int64")
    moment = client.version_timestamp(VERSION)
    ask = partial(client.cell_id_to_root_id, timestamp=moment)
    return lambda: _sum(ask(cells))


def _sum(found: Any) -> int:  # noqa: ANN401  a frame of one column, or a series
    return int(found.to_numpy("int64").sum() % 2**31)


def _level2(client: Any) -> Work:  # noqa: ANN401  either client
    root = int(_cells(client, 1)["pt_root_id"].iloc[0])
    return lambda: len(client.get_l2data(client.get_l2_ids(root)))


def _skeleton(client: Any) -> Work:  # noqa: ANN401  either client
    from ossify import load_cell_from_client

    made = client.skeletons_exist(root_ids=_cells(client, 40)["pt_root_id"].tolist())
    root = next(root for root, is_there in made.items() if is_there)
    cave = client.cached if hasattr(client, "cached") else client.cave
    return lambda: len(load_cell_from_client(root, cave, synapses=True).skeleton)


def _get_table(folder: Path) -> Work:
    os.environ["CORTICAL_CACHE_DIR"] = tempfile.mkdtemp()
    client = opened()
    client.set_export_cloudpath(str(folder))
    client.exports.get_table("synapses", 1)
    return lambda: len(client.exports.get_table("synapses", 1))


def _read_csv(folder: Path) -> Work:
    import pandas as pd

    path = folder / "v1" / "synapses.csv.gz"
    # with the exact ids that cortical_tools does not ask for, which would be floats
    kinds = {"bigint": "Int64", "double precision": "float64"}
    types = {name: kinds.get(kind, "object") for name, kind in COLUMNS.items()}
    read = partial(pd.read_csv, header=None, names=list(COLUMNS), dtype=types)
    return lambda: len(read(path))
