"""What a store holds, told from its files; and a worker to harm. Not a test."""

import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cortical_cache.model.coverage import Coverage, Keys, Request, Span, Whole
from cortical_cache.store import DatasetStore, RowSet, Store
from cortical_cache.store.layout import (
    fact_files,
    is_temporary,
    object_files,
    objects_folders,
    used_file,
)
from cortical_cache.store.sealed import read_sealed
from tests.kit import PYTHON

RowSetName = tuple[str, str, int]
WORKER = Path(__file__).with_name("worker.py")
CHANGES = (
    "write", "pwrite64", "writev", "pwritev", "fsync", "fdatasync",
    "rename", "renameat", "renameat2", "link", "linkat",
    "mkdir", "mkdirat", "unlink", "unlinkat", "rmdir",
    "utimensat", "ftruncate", "truncate", "fallocate", "chmod", "fchmod",
)  # fmt: skip
"""The system calls by which files are changed, but for those that make empty ones."""

CREATES = "openat"
"""The system call that makes an empty file, with ``O_CREAT``."""

MOMENTS = {"seen_at", "asked_at", "observed_at", "checked_at"}
"""Columns that tell when something was learnt."""


@dataclass(frozen=True)
class Ended:
    """How a child of the worker ended, and what it said."""

    code: int
    said: str

    @property
    def was_killed(self) -> bool:
        return self.code == -signal.SIGKILL


class Worker:
    """A process whose children do things to stores."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [PYTHON, str(WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def do(
        self,
        what: str,
        root: Path,
        *arguments: object,
        inject: str = "",
        kill_after: float | None = None,
        **order: object,
    ) -> Ended:
        """Have it done by a child, traced or killed after some seconds."""
        pid = self.begin(what, root, *arguments, **order)
        tracer = attach(pid, inject) if inject else None
        killer = None
        if kill_after is not None:
            killer = threading.Timer(kill_after, kill, (pid,))
            killer.start()
        self.go()
        ended = self.end()
        if killer is not None:
            killer.cancel()
        if tracer is not None:
            tracer.communicate(timeout=30)
        return ended

    def begin(self, what: str, root: Path, *arguments: object, **order: object) -> int:
        """Let a child stand ready; return its process id."""
        self._tell({"do": what, "root": str(root), "with": arguments, **order})
        return json.loads(self._process.stdout.readline())["pid"]

    def go(self) -> None:
        """Let it go."""
        self._tell("go")

    def end(self) -> Ended:
        """Return how it ended."""
        return Ended(**json.loads(self._process.stdout.readline()))

    def pause(self, what: str, root: Path, *arguments: object, at: str) -> int:
        """Have it begun, and stopped at a system call; return its process id."""
        log = root.with_name(f"{root.name}.trace")
        pid = self.begin(what, root, *arguments)
        self._tracer = attach(pid, at.replace(":", ":signal=SIGSTOP:", 1), log=log)
        self.go()
        wait_until(lambda: "stopped by SIGSTOP" in log.read_text("utf-8", "replace"))
        return pid

    def resume(self, pid: int) -> Ended:
        """Let what was paused go on; return how it ended."""
        done = threading.Event()

        def go_on() -> None:  # each thread of it stops at such a call of its own
            while not done.wait(0.02):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

        waker = threading.Thread(target=go_on)
        waker.start()
        try:
            return self.end()
        finally:
            done.set()
            waker.join()
            self._tracer.communicate(timeout=30)

    def trace(self, what: str, root: Path, *arguments: object) -> list[str]:
        """Return the lines of a tracer: what it changes, and the files it opens."""
        log = root.with_name(f"{root.name}.trace")
        pid = self.begin(what, root, *arguments)
        tracer = attach(pid, "", log=log)
        self.go()
        ended = self.end()
        tracer.communicate(timeout=30)
        assert ended.code == 0, ended.said
        return log.read_text("utf-8", "replace").splitlines()

    def moments(self, what: str, root: Path, *arguments: object) -> list[str]:
        """Return what each thread changes, each time: ``write:when=3`` and the like.

        A thread that makes a file opens it; what it opens only to read is left out.
        """
        made: Counter[tuple[str, str]] = Counter()
        found: dict[tuple[str, int], None] = {}
        for line in self.trace(what, root, *arguments):
            match = re.match(r"(\d+) +(\w+)\(", line)
            if match is None:
                continue
            thread, call = match.groups()
            made[thread, call] += 1
            if call != CREATES or "O_CREAT" in line:
                found[call, made[thread, call]] = None
        return [f"{call}:when={number}" for call, number in sorted(found)]

    def _tell(self, value: object) -> None:
        self._process.stdin.write(json.dumps(value) + "\n")
        self._process.stdin.flush()


def attach(
    pid: int, inject: str, *, log: Path | None = None
) -> "subprocess.Popen[str]":
    """Trace a process that stands ready; return once that is so."""
    calls = inject.partition(":")[0] or ",".join((*CHANGES, CREATES))
    tracer = subprocess.Popen(
        ["strace", "-f", "-y", "-p", str(pid)]
        + ["-e", f"trace={calls}", "-e", "signal=SIGSTOP"]
        + (["-e", f"inject={inject}"] if inject else [])
        + ["-o", str(log or "/dev/null")],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    said = tracer.stderr.readline()
    assert "attached" in said, said
    return tracer


def kill(pid: int) -> None:
    """End a process at once, unless it has ended."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def why_not_traced() -> str | None:
    """Return why system calls cannot be tampered with here; None if they can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    probe = [
        "strace", "-qq", "-f", "-e", "trace=getppid",
        "-e", "inject=getppid:error=EPERM", "-o", "/dev/null",
        PYTHON, "-S", "-c", "import os, sys; sys.exit(os.getppid() != -1)",
    ]  # fmt: skip
    done = subprocess.run(probe, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return None
    return f"tracing is denied here: {done.stderr.strip()[:200]}"


def dataset_of(root: Path) -> DatasetStore:
    """Open the one dataset of a store, whoever's it is."""
    for binding in root.glob("*/dataset.json"):
        whose = read_sealed(binding)
        (name,) = Store(root).datasets()
        return Store(root).dataset(
            name, datastack=str(whose.get("datastack")), server=str(whose.get("server"))
        )
    return Store(root).dataset("demo", datastack="demo", server="http://localhost")


def row_sets(root: Path) -> dict[RowSetName, RowSet]:
    """Return every row set that has a commit."""
    store = dataset_of(root)
    found = [one for version in store.versions() for one in store.row_sets(version)]
    return {
        (one.kind, one.name, one.version): one for one in (*found, *store.graph_sets())
    }


@dataclass
class Content:
    """What a store holds, without names, times and the number of commits.

    Rows stand by what they are all of: the whole, a key, a page, a request.
    """

    rows: dict[RowSetName, dict[str, frozenset[str]]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)


def content(root: Path) -> Content:
    """Read a store; commits of two processes that say the same count once."""
    found = Content()
    for name, row_set in row_sets(root).items():
        parts: dict[str, frozenset[str]] = {}
        for commit in row_set.state().commits:
            rows = pa.concat_tables(
                pq.read_table(row_set.folder / file.name) for file in commit.copy()
            )
            for label, part in pieces(commit.coverage, rows):
                some = lines(part)
                if label not in {"whole", "facts"} and "=" not in label:
                    assert len(some) == len({*some}), (name, label, "rows twice")
                    assert parts.get(label, {*some}) == {*some}, (name, label)
                parts[label] = parts.get(label, frozenset[str]()).union(some)
        found.rows[name] = parts
    folder = dataset_of(root).folder
    for part in (folder, *folder.glob("v*")):
        for path in fact_files(part):
            found.facts[str(path.relative_to(folder))] = read_sealed(path)["value"]
    for _, _, part in objects_folders(folder):
        for path in object_files(part):
            found.objects[str(path.relative_to(folder))] = path.read_bytes()
    return found


def pieces(coverage: Coverage, rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Yield what the rows are all of, part by part: key by key, if of keys."""
    match coverage:
        case Keys(column, values):
            for key in sorted(values):
                yield f"{column} {key}", rows.filter(pc.equal(rows[column], key))
        case Whole():
            yield "whole", rows
        case Span(column, low, high):
            yield f"page {column} {low} {high}", rows
        case Request(digest):
            yield digest, rows
        case other:
            yield repr(other), rows


def lines(rows: pa.Table) -> list[str]:
    """Return the rows as text, in any order, without when they were learnt."""
    kept = sorted(name for name in rows.column_names if name not in MOMENTS)
    return [repr(tuple(row.values())) for row in rows.select(kept).to_pylist()]


def litter(root: Path) -> list[str]:
    """Return the files that no commit names, and what writers left unfinished."""
    named: set[Path] = set()
    for path in root.rglob("commits/*.json"):
        named |= {path.parents[1] / str(one["name"]) for one in files_of(path)}
    return sorted(
        str(path.relative_to(root))
        for path in root.rglob("*")
        if path.is_file()
        and (is_temporary(path) or (path.suffix == ".parquet" and path not in named))
    )


def files_of(commit: Path) -> list[dict[str, Any]]:
    """Return what a commit says of its files."""
    return json.loads(json.dumps(read_sealed(commit)["files"]))


def shape_of(root: Path) -> Counter[str]:
    """Count the files of each folder: equal for two stores of the same history.

    But for locks, and for the files that say when something was last read.
    """
    return Counter(
        str(path.relative_to(root).parent)
        for path in root.rglob("*")
        if path.is_file()
        and path.suffix not in {".lock", ".lease"}
        and path != used_file(path.parent)
    )


def is_sound(root: Path) -> bool:
    """Tell whether every file is as it was written."""
    names = Store(root).datasets()
    return not any(Store(root).verify(name, deep=True) for name in names)


def sweep_later(root: Path) -> None:
    """Sweep as if a year had passed."""
    Store(root).sweep(datetime.now(UTC) + timedelta(days=365))


def wait_until(true, seconds: float = 60) -> None:
    """Wait for something to come true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.005)
