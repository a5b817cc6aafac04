"""Does one thing to a store, in a child of a process that has imported all it needs.

Run as ``python worker.py``. It reads a line ``{"do": ..., "root": ...}``, forks,
answers ``{"pid": ...}``, and at the next line lets the child go; the last answer is how
it ended and what it said. A child's report is sent, not written: so every ``write`` of
it is one to the store, and a tracer can count them.
"""

import ctypes
import io
import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

import cortical_cache.cache.opening
import cortical_cache.cache.staging
import cortical_cache.engine
import cortical_cache.sources.cave.fetch
import cortical_cache.sources.cave.skeletons
import cortical_cache.store.writer  # noqa: F401  imported before the fork, once
from cortical_cache import load_client
from cortical_cache.cache.keyed import Keyed
from cortical_cache.cli.app import run
from cortical_cache.errors import CorticalCacheError
from tests.reliability.kit import dataset_of, sweep_later

SYNAPSES, KEY, VERSION = "synapses_demo", "pre_pt_root_id", 5
FACTS = "facts_of_ours"
PR_SET_PTRACER, ANYONE = 0x59616D61, -1


def write_through(keys: list[int]) -> int:
    """Ask for rows, and for objects and facts of the graph, that are not held."""
    client = load_client("demo", version=VERSION)
    ask = client.cached.materialize.query_table
    ask(SYNAPSES, filter_in_dict={KEY: keys}, metadata=False)
    client.cached.chunkedgraph.get_root_timestamps(keys)
    client.cached.chunkedgraph.get_leaves(keys[0])
    client.cached.skeleton.get_skeleton(keys[0])
    return 0


def facts(root: Path, at: int) -> Keyed:
    """Open a small table of facts that is joined at so many commits."""
    row_set = dataset_of(root).rows("graph", FACTS, 0)
    return Keyed(row_set, "id", ("value",), "http://localhost", compact_at=at)


def add_facts(root: Path, low: int) -> int:
    """Keep ten facts more."""
    ids = np.arange(low, low + 10)
    facts(root, 10**6).add((ids, ids * 7))
    return 0


def compact(root: Path) -> int:
    """Join the commits of the facts."""
    facts(root, 2).compact()
    return 0


def sweep(root: Path) -> int:
    """Sweep, as if a year had passed."""
    sweep_later(root)
    return 0


def herd(root: Path, processes: int, keys: list[int], nuclei: int) -> int:
    """Let many processes use the store at once; return how many had an error."""
    children = [
        os.fork() or member(root, number, keys, nuclei) for number in range(processes)
    ]
    return sum(os.waitpid(child, 0)[1] != 0 for child in children)


def member(root: Path, number: int, keys: list[int], nuclei: int) -> NoReturn:
    """Read, write through, sync, compact and prune, and end."""
    code = 1
    try:
        client = load_client("demo", version=VERSION)
        ask = client.cached.materialize.query_table
        key = keys[number % len(keys)]
        for turn in range(3):
            assert len(ask("nucleus_detection_v0")) == nuclei
            rows = ask(SYNAPSES, filter_in_dict={KEY: [key]})
            assert set(rows[KEY]) == {key}
            add_facts(root, 1000 * number + 10 * turn)
            found = facts(root, 10**6).get(np.arange(1000 * number, 1000 * number + 10))
            assert {*found.columns["value"]} == {
                7 * one for one in range(1000 * number, 1000 * number + 10)
            }
            match (number + turn) % 4:
                case 0:
                    assert compact(root) == 0
                case 1:
                    assert run(["sync", "demo", "5", "--tables", "cell_types"]) == 0
                case 2:
                    assert run(["prune", "demo", "--keep", "1", "--yes"]) == 0
                case _:
                    dataset_of(root).sweep()
        code = 0
    except BaseException:  # noqa: BLE001  the child must end here
        import traceback

        with Path(f"{root}.errors").open("a") as file:
            traceback.print_exc(file=file)
    os._exit(code)


DO: dict[str, Callable[..., int]] = {
    "command": lambda _, words: run(words),
    "write": lambda _, keys: write_through(keys),
    "compact": compact,
    "add": add_facts,
    "sweep": sweep,
    "herd": herd,
}


def child(order: dict[str, Any], go: int, report: socket.socket) -> None:
    """Wait for the word, do it, report, and end."""
    if order.get("unlocked"):  # a file system on which flock does nothing
        import fcntl

        fcntl.flock = lambda *_: None
    ctypes.CDLL(None).prctl(PR_SET_PTRACER, ANYONE, 0, 0, 0)
    os.environ["CORTICAL_CACHE_DIR"] = order["root"]
    said = io.StringIO()
    sys.stdout = sys.stderr = said
    sys.stdin = io.StringIO()
    os.read(go, 1)
    if "largest" in order:  # bytes of a file, as on a disk that is full
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (order["largest"],) * 2)
    try:
        code = DO[order["do"]](Path(order["root"]), *order.get("with", []))
    except CorticalCacheError as error:  # told, as it should be
        said.write(f"{type(error).__name__}: {error}\n")
        code = 1
    except BaseException as error:  # noqa: BLE001  the child must end here
        import traceback

        traceback.print_exc()
        said.write(f"{type(error).__name__}: {error}\n")
        code = 70
    report.sendall(said.getvalue().encode("utf-8", "replace")[-60_000:])
    os._exit(code)


def serve() -> None:
    """Read orders until there are no more."""
    for line in sys.stdin:
        order = json.loads(line)
        awaited, go = os.pipe()
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            ours.close()
            os.close(go)
            child(order, awaited, theirs)
        theirs.close()
        os.close(awaited)
        answer({"pid": pid})
        sys.stdin.readline()
        os.write(go, b"!")
        said = b""
        while part := ours.recv(1 << 16):
            said += part
        _, status = os.waitpid(pid, 0)
        os.close(go)
        ours.close()
        code = os.waitstatus_to_exitcode(status)
        answer({"code": code, "said": said.decode("utf-8", "replace")})


def answer(value: object) -> None:
    """Write a line."""
    sys.__stdout__.write(json.dumps(value) + "\n")
    sys.__stdout__.flush()


if __name__ == "__main__":
    serve()
