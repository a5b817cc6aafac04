"""The process that one job of a case runs in; `run` writes a number, it answers a line.

Of its own, so that memory, threads and caches of one job are not another's.
"""

import gc
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.cases import case_of

__all__ = ["answer_of", "main"]

ENOUGH = 0.2
"""Seconds after which a sample has calls enough: what takes less is called again, or
all that is seen is the first millisecond after an idle moment."""


def answer_of(result: Any) -> object:  # noqa: ANN401  whatever a job returns
    """Return rows and the sum of the first integer column, if it is a table.

    A frame of any library, an Arrow table, or plain values.
    """
    if isinstance(result, int | str | float | list | tuple | dict) or result is None:
        return result
    if hasattr(result, "to_arrow"):
        result = result.to_arrow()
    if hasattr(result, "to_batches"):
        import pyarrow as pa
        import pyarrow.compute as pc

        for name in sorted(result.column_names):
            if pa.types.is_integer(result.schema.field(name).type):
                total = pc.sum(pc.bit_wise_and(result[name], (1 << 31) - 1)).as_py()
                return [result.num_rows, total or 0]
        return [result.num_rows]
    if hasattr(result, "columns"):
        import pyarrow as pa
        from pandas.api.types import is_integer_dtype

        for name in sorted(map(str, result.columns)):
            if is_integer_dtype(result[name].dtype):
                return answer_of(pa.table({name: pa.array(result[name])}))
        return [len(result)]
    return len(result)


def _status(name: str) -> float:
    with open("/proc/self/status") as file:  # noqa: PTH123  cheap
        line = next(one for one in file if one.startswith(name))
    return int(line.split()[1]) / 1024


def _read() -> float:
    with open("/proc/self/io") as file:  # noqa: PTH123  cheap
        return int(next(one for one in file if one.startswith("rchar")).split()[1])


def _cpu() -> float:
    mine = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(one.ru_utime + one.ru_stime for one in (mine, children))


def _sample(work: Callable[[], object], most: int) -> dict[str, object]:
    gc.collect()
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    read, cpu, wall = _read(), _cpu(), time.perf_counter()
    result, calls = work(), 1
    while calls < most and time.perf_counter() - wall < ENOUGH:
        work()
        calls += 1
    wall, cpu = time.perf_counter() - wall, _cpu() - cpu
    read, peak = _read() - read, _status("VmHWM")
    extra: dict[str, float] = {}
    if isinstance(result, dict) and "extra" in result:
        result, extra = result["result"], result["extra"]
    return {
        "cpu": cpu / calls,
        "wall": wall / calls,
        "peak_mb": peak,
        "read_mb": read / calls / 1e6,
        "calls": calls,
        "answer": answer_of(result),
        "extra": extra,
    }


def main() -> None:
    """Prepare; for each line that comes, call the work at most as often as it says."""
    name, number, folder = sys.argv[1:]
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever the libraries print is not a reply
    prepare = case_of(name).jobs[int(number)].prepare
    assert prepare is not None
    work = prepare(Path(folder))
    print("ready", file=replies, flush=True)
    for line in sys.stdin:
        print(json.dumps(_sample(work, int(line))), file=replies, flush=True)


if __name__ == "__main__":
    main()
