"""Level-2 attributes by id, and a skeleton with its synapses."""

import os
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.data.level2 import KEY, asked, files, nodes, opened, table
from benchmarks.data.neuron import NEURON, serve_neuron
from benchmarks.model import Case, Goal, Job, Work

__all__ = ["cases"]

ASKED = 1_000
LARGE, SMALL = 10_000_000, 1_000_000
VERSION = 117


def cases(sizes: tuple[int, ...]) -> Iterator[Case]:
    """Yield the cases; ten million nodes unless the largest table is small."""
    for rows in (SMALL, LARGE) if max(sizes) > SMALL else (SMALL,):
        yield Case(
            f"level2/{ASKED:,} ids of {rows}",
            f"Attributes of {ASKED:,} random level-2 ids among {rows:,}",
            nodes(rows),
            (
                Job("cortical_cache", _lookup, files=("**/*.npy", "**/*.json")),
                Job("cortical_cache, as a frame", _frame),
                Job("pandas, filters=", _pandas),
                Job("pyarrow, filter", _arrow),
            ),
            goals=(Goal("50 CPU-ms", "cpu", at_most=0.05),) if rows == LARGE else (),
        )
    yield Case(
        "level2/L2 ids of a root",
        "The level-2 ids of a real neuron, in a client that has been asked before",
        NEURON,
        (
            Job("cortical_cache", _l2_ids),
            Job("caveclient, loopback server", _caveclient_l2_ids),
        ),
        note="The server has no latency, and its own CPU is not counted.",
    )
    yield Case(
        "level2/skeleton",
        "get_skeleton of a real neuron with its synapses, held, in a client of its own",
        NEURON,
        (
            Job("cortical_cache", partial(_skeleton, cold=False), _PCG),
            Job("cold, loopback server", partial(_skeleton, cold=True), _PCG),
        ),
        goals=(Goal("20x less wall than cold", "wall", "cold, loopback server", 20),),
        note="Cold is an empty store; the server has no latency.",
    )


_PCG = ("pcg_skel",)


def _lookup(folder: Path) -> Work:
    facts, ids = table(opened()), asked(folder, ASKED)
    return lambda: len(facts.get(next(ids)).asked)


def _frame(folder: Path) -> Work:
    client, ids = opened(), asked(folder, ASKED)
    return lambda: len(client.get_l2data(next(ids)))


def _pandas(folder: Path) -> Work:
    import pandas as pd

    paths, ids = files(folder), asked(folder, ASKED)
    return lambda: len(pd.read_parquet(paths, filters=[(KEY, "in", next(ids))]))


def _arrow(folder: Path) -> Work:
    import pyarrow.compute as pc
    import pyarrow.dataset as ds

    held, ids = ds.dataset(files(folder)), asked(folder, ASKED)
    return lambda: held.to_table(filter=pc.field(KEY).isin(next(ids))).num_rows


def _l2_ids(folder: Path) -> Work:
    from cortical_cache import load_client

    root = serve_neuron(folder)
    os.environ["CORTICAL_CACHE_DIR"] = tempfile.mkdtemp()
    client = load_client("minnie_prod", version=VERSION)
    return lambda: len(client.get_l2_ids(root))


def _caveclient_l2_ids(folder: Path) -> Work:
    from caveclient import CAVEclient

    root = serve_neuron(folder)
    address = os.environ["CORTICAL_CACHE_SERVER"]
    ask = CAVEclient("minnie65_phase3_v1", server_address=address).chunkedgraph
    return lambda: len(ask.get_leaves(root, stop_layer=2))


def _skeleton(folder: Path, *, cold: bool) -> Work:
    import pcg_skel  # noqa: F401  imported before the clock runs

    from cortical_cache import load_client

    root = serve_neuron(folder)

    def ask(*, offline: bool) -> int:
        client = load_client("minnie_prod", version=VERSION, offline=offline)
        return len(client.get_skeleton(root).skeleton.vertices)

    def anew() -> int:
        os.environ["CORTICAL_CACHE_DIR"] = tempfile.mkdtemp()
        return ask(offline=False)

    anew()
    return anew if cold else partial(ask, offline=True)
