"""Does what the tests ask of many processes, as a process of its own without threads.

Run as ``python fork.py <what> <root> ...``. It forks, so it must not live in pytest's
process, which may have threads by then.
"""

import os
import random
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import kit
import pyarrow as pa

from cortical_cache.model.coverage import Whole
from cortical_cache.store import Disk

# pyarrow imports pandas for its first table; once here, not once in every child.
PREPARED = kit.table(kit.CORTEX)


def fork(work: Callable[[], None]) -> int:
    """Do `work` in a child; return its process id."""
    child = os.fork()
    if child:
        return child
    try:
        work()
    except BaseException as error:  # noqa: BLE001  # the child must end here
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def replace(root: Path, disk: Disk) -> None:
    """Append what supersedes everything, and keep a fact."""
    dataset = kit.open_dataset(root, disk)
    rows = dataset.rows("table", "synapses", 1300)
    with rows.writer(
        shape=kit.SHAPE,
        coverage=Whole(),
        provenance=kit.PROVENANCE,
        supersedes=[commit.id for commit in rows.state().commits],
        rows_per_file=30,
    ) as writer:
        writer.write(PREPARED)
    dataset.write_fact("counts", 60, 1300)


def sweep(root: Path, disk: Disk) -> None:
    """Sweep, a year from now."""
    kit.sweep_later(root, disk)


def read_facts(root: Path, disk: Disk) -> None:
    """Look into a table of facts that is large enough to be mapped."""
    rows = kit.open_dataset(root, disk).rows("graph", "facts", 0)
    for commit in rows.state().commits:
        for file in commit.files:
            rows.segment(file, rows.folder)


def crash(what: Callable[[Path, Disk], None], root: Path) -> None:
    """Do it in copies of `root` named 1, 2, ..., killed at operation 1, 2, ..."""
    number, status = 0, -1
    while status != 0:
        number += 1
        copy = root.parent / str(number)
        shutil.copytree(root, copy) if root.exists() else None
        disk = kit.deadly_disk(number)
        _, status = os.waitpid(fork(lambda: what(copy, disk)), 0)  # noqa: B023  # now
        if os.WIFEXITED(status) and status != 0:
            sys.exit(1)
    sys.stdout.write(f"{number - 1}\n")


def herd(root: Path, processes: int) -> None:
    """Let `processes` append a key of their own each, all at the same moment."""
    start = time.time() + 1

    def work(key: int) -> None:
        rows = kit.open_synapses(root)
        table = kit.table((key * 10 + n, n, key) for n in range(5))
        time.sleep(max(0.0, start - time.time()))
        kit.append_table(rows, "post", [key], table)

    children = [fork(lambda key=key: work(key)) for key in range(processes)]
    statuses = [os.waitpid(child, 0)[1] for child in children]
    sys.exit(any(statuses))


def churn(root: Path, seconds: float) -> None:
    """Replace the table by itself, over and over, until killed or the time is up.

    Every version of the table holds one number only, so a mixture would be noticed.
    """
    rows = kit.open_synapses(root)
    end = time.time() + seconds
    while time.time() < end:
        number = random.randrange(1 << 60)  # noqa: S311  # no secret
        old = [commit.id for commit in rows.state().commits]
        with rows.writer(
            shape=kit.SHAPE,
            coverage=Whole(),
            provenance=kit.PROVENANCE,
            supersedes=old,
            rows_per_file=500,
        ) as writer:
            ids = pa.array(range(1500), pa.int64())
            same = pa.array([number] * 1500, pa.int64())
            writer.write(pa.table({"id": ids, "pre": same, "post": same}))


if __name__ == "__main__":
    what, root, *rest = sys.argv[1:]
    match what:
        case "crash-replace":
            crash(replace, Path(root))
        case "crash-map":
            crash(read_facts, Path(root))
        case "crash-sweep":
            crash(sweep, Path(root))
        case "herd":
            herd(Path(root), int(rest[0]))
        case "churn":
            churn(Path(root), float(rest[0]))
        case _:
            sys.exit(f"{what}?")
