"""Many processes on one store, many versions in one store, many files in one table."""

import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.data.cells import CELLS, versions
from benchmarks.data.cortex import cortex
from benchmarks.data.manifest import manifest
from benchmarks.model import Case, Goal, Job, Work

__all__ = ["cases"]

READERS = (1, 2, 4, 8, 16)
READS = 50
OPENED = (1, 10, 100)
FILES = (10, 170)
SMALL = cortex(1_000_000)

_READER = f"""
import sys, time
import numpy as np
from cortical_cache import load_client
client = load_client("minnie_public", version=1300, offline=True)
roots = np.load(sys.argv[1])["cells"].tolist()
ask = client.cached.materialize.query_table
ask("nucleus_detection_v0", filter_equal_dict={{"pt_root_id": roots[0]}})
print("ready", flush=True)
sys.stdin.readline()
for root in roots[:{READS}]:
    ask("nucleus_detection_v0", filter_equal_dict={{"pt_root_id": root}})
"""

_OPEN = """
import os
os.environ["HOME"] = os.environ["CORTICAL_CACHE_DIR"]
from cortical_cache import load_client
client = load_client("demo", offline=True)
print('{"answer": %d}' % client.version)
"""


def cases(sizes: tuple[int, ...]) -> Iterator[Case]:
    """Yield the cases; the size of a synapse table is nothing to them."""
    del sizes
    yield Case(
        "processes/readers",
        f"{READS} lookups by each of so many processes at once",
        SMALL,
        tuple(
            Job(
                "cortical_cache" if number == 1 else f"{number} processes",
                partial(_readers, number),
            )
            for number in READERS
        ),
        rounds=1,
        note="The work grows with the processes: the ratio is at least their number.",
    )
    for number in OPENED:
        yield Case(
            f"processes/store with {number} versions",
            f"A process with a client of a store that holds {number} versions",
            versions(number, CELLS if number == 10 else 1_000),
            (Job("cortical_cache", script=_OPEN),),
            fresh=True,
        )
    for number in FILES:
        yield Case(
            f"processes/one root, table of {number} files",
            f"Synapses of a root in a table of {number} range files of 2 M rows each",
            manifest(number),
            (Job("cortical_cache", _lookup),),
            goals=(Goal("one range file", "files", at_most=1),),
            note="The commit names so many files; but for one they were never written.",
        )


def _readers(number: int, folder: Path) -> Work:
    def work() -> object:
        command = [sys.executable, "-c", _READER, str(folder / "pool.npz")]
        pipe = subprocess.PIPE
        running = [
            subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
            for _ in range(number)
        ]
        for one in running:
            assert one.stdout is not None
            one.stdout.readline()
        began = time.perf_counter()
        failed = 0
        for one in running:
            assert one.stdin is not None
            one.stdin.write("\n")
            one.stdin.flush()
        for one in running:
            one.communicate()
            failed += one.returncode != 0
        seconds = time.perf_counter() - began
        extra = {"lookups_a_second": number * READS / seconds}
        return {"result": failed, "extra": extra}

    return work


def _lookup(folder: Path) -> Work:
    from benchmarks.data.cortex import SYNAPSES, opened
    from benchmarks.data.manifest import root_of

    client, root = opened(), root_of(folder)
    ask = client.cached.materialize.query_table
    asked = client.tables[SYNAPSES](post_pt_root_id=root)
    files = len(client.explain(asked).files)

    def work() -> object:
        rows = ask(
            SYNAPSES, filter_equal_dict={"post_pt_root_id": root}, split_positions=True
        )
        return {"result": rows, "extra": {"files": files}}

    return work
