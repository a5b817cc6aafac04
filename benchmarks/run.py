"""Run the jobs of a case in turns, each in a process of its own."""

import importlib.util
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any, Self

from benchmarks.model import Case, Data, Job

__all__ = ["CaseError", "ensure", "run_case"]

ROOT = Path(__file__).parents[1]
MEASURES = ("cpu", "wall", "peak_mb", "read_mb")
NOTHING_SAID = {"read_mb": 0.0, "answer": None, "extra": {}, "calls": 1}
CALLS = 21
"""In a sample, at most: some cases ask seven questions in turn."""


class CaseError(Exception):
    """A case cannot be measured: no data, a job that fails, answers that differ."""


def ensure(data: Data, folder: Path) -> Path:
    """Return the folder with the data, made now if it is not there.

    A folder is there whole or not at all: it is made under another name.
    """
    path = folder / data.name
    if not path.exists():
        work = folder / f".making-{data.name}"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        context = multiprocessing.get_context("spawn")  # it may change its environment
        maker = context.Process(target=data.make, args=(work,))
        maker.start()
        maker.join()
        if maker.exitcode:
            raise CaseError(f"the data of {data.name} cannot be made")
        work.rename(path)
    return path


def run_case(case: Case, data: Path, rounds: int) -> dict[str, Any]:
    """Measure every job of a case.

    Returns
    -------
    dict
        ``jobs``: for each its figures (medians, and the lowest and highest of each),
        the first call as ``cold``, the ``answer``; ``left_out``: why, by job.
    """
    left_out = {job.name: why for job in case.jobs if (why := _missing(job))}
    there = {
        number: job for number, job in enumerate(case.jobs) if job.name not in left_out
    }
    samples: dict[str, list[dict[str, Any]]] = {job.name: [] for job in there.values()}
    rounds = case.rounds or rounds
    if case.fresh:
        for _ in range(rounds):
            for number, job in there.items():
                _forget(data, job)
                samples[job.name].append(_whole(case, number, data))
    else:
        with ExitStack() as stack:
            workers = {}
            for number, job in there.items():
                worker = stack.enter_context(_Worker(case, number, data))
                _forget(data, job)
                samples[job.name].append(worker.sample(1))
                workers[job.name] = worker
            for _ in range(rounds):
                for name, worker in workers.items():
                    samples[name].append(worker.sample(CALLS))
    answers = {name: taken[0]["answer"] for name, taken in samples.items()}
    distinct = {json.dumps(one) for one in answers.values() if one is not None}
    if len(distinct) > 1:
        raise CaseError(f"{case.name}: the answers differ: {answers}")
    figures = {
        name: _figures(taken, is_fresh=case.fresh) for name, taken in samples.items()
    }
    for job in there.values():
        if job.files:
            nbytes = sum(one.stat().st_size for one in _files(data, job))
            figures[job.name]["disk_mb"] = nbytes / 1e6
    return {"jobs": figures, "left_out": left_out}


def _figures(taken: list[dict[str, Any]], *, is_fresh: bool) -> dict[str, Any]:
    warm = taken if is_fresh or len(taken) == 1 else taken[1:]
    calls = median(one["calls"] for one in warm)
    figures: dict[str, Any] = {"samples": len(warm), "calls": calls}
    for measure in MEASURES:
        values = [one[measure] for one in warm]
        figures[measure] = median(values)
        figures[f"{measure}_range"] = [min(values), max(values)]
    if not is_fresh:
        figures["cold"] = {one: taken[0][one] for one in MEASURES}
    for name in taken[-1]["extra"]:
        figures[name] = median(one["extra"][name] for one in warm)
    figures["answer"] = taken[0]["answer"]
    return figures


def _missing(job: Job) -> str | None:
    lacking = [one for one in job.needs if importlib.util.find_spec(one) is None]
    return f"{', '.join(lacking)} is not installed" if lacking else None


def _environment(data: Path) -> Mapping[str, str]:
    server = data / "server"  # a store belongs to the server that it was made from
    address = {"CORTICAL_CACHE_SERVER": server.read_text()} if server.exists() else {}
    return {
        **os.environ,
        **address,
        "HOME": str(data),
        "CORTICAL_CACHE_DIR": str(data / "store"),
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "ignore",
    }


# What the system says of a finished process counts its parent's memory at the fork.
_PEAK = """
import re
status = open("/proc/self/status").read()
print(int(re.search(r"VmHWM:\\s+(\\d+)", status)[1]) / 1024)
"""


def _command(case: Case, number: int, data: Path) -> list[str]:
    script = case.jobs[number].script
    if script is not None:
        return [sys.executable, "-c", script + _PEAK]
    return [
        sys.executable, "-m", "benchmarks.worker", case.name, str(number), str(data),
    ]  # fmt: skip


class _Worker:
    """A process that has prepared a job and waits to be called."""

    def __init__(self, case: Case, number: int, data: Path) -> None:
        self._name = f"{case.name}: {case.jobs[number].name}"
        self._process = subprocess.Popen(
            _command(case, number, data),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=_environment(data),
        )

    def __enter__(self) -> Self:
        self._line()
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.communicate()

    def sample(self, most: int) -> dict[str, Any]:
        """Do the work once, or at most so many times if it takes little."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{most}\n")
        self._process.stdin.flush()
        return json.loads(self._line())

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            _, errors = self._process.communicate()
            raise CaseError(f"{self._name} failed:\n{errors[-4000:]}")
        return line


def _whole(case: Case, number: int, data: Path) -> dict[str, Any]:
    """Measure a process from its start to its end, by what the system says of it."""
    began = time.perf_counter()
    process = subprocess.Popen(
        _command(case, number, data),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=_environment(data),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("1\n")
    process.stdin.close()
    lines = process.stdout.read().splitlines()
    process.stdout.close()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = status
    if status or not lines:
        raise CaseError(f"{case.name}: {case.jobs[number].name} failed ({status})")
    wall, cpu = time.perf_counter() - began, used.ru_utime + used.ru_stime
    if case.jobs[number].script is None:
        return {**json.loads(lines[-1]), "wall": wall, "cpu": cpu}
    said, peak = lines[-2:]
    return {
        **NOTHING_SAID,
        **json.loads(said),
        "wall": wall,
        "cpu": cpu,
        "peak_mb": float(peak),
    }


def _forget(data: Path, job: Job) -> None:
    """Put the files of a job out of the page cache."""
    for path in _files(data, job):
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _files(data: Path, job: Job) -> Iterator[Path]:
    for pattern in job.files or ("**/*",):
        yield from (path for path in data.glob(pattern) if path.is_file())
