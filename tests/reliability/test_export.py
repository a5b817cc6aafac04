"""A copy for others is there whole or not at all, whatever becomes of its writer."""

import os
import random
import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from tests.reliability.kit import CHANGES, Ended, Worker, content, lines
from tests.reliability.trial import TABLES

RANDOM = random.Random()  # noqa: S311  no secret
FEW = 4
DAYS = 2 * 24 * 3600.0
Copy = dict[str, list[str]]


@dataclass
class Export:
    """An export of one store, to a place of which nothing else makes use."""

    worker: Worker
    store: Path
    to: Path
    kills: int = 0
    seconds: float = field(init=False)
    truth: Copy = field(init=False)

    def __post_init__(self) -> None:
        self.to.parent.mkdir()
        assert self.run().code == 0
        self.held = content(self.store)
        self.truth = self.copy()
        self.remove()
        begin = time.monotonic()
        assert self.run().code == 0
        self.seconds = time.monotonic() - begin  # the first run is slower than any
        self.remove()

    @property
    def order(self) -> tuple[str, Path, list[str]]:
        words = ["export", "demo", "5", "--to", str(self.to)]
        return "command", self.store, words

    def run(self, *, inject: str = "", kill_after: float | None = None) -> Ended:
        """Export, harmed or not."""
        return self.worker.do(*self.order, inject=inject, kill_after=kill_after)

    def calls(self, what: str) -> list[str]:
        """Return every system call of it, with what to inject at it."""
        moments = self.worker.moments(*self.order)
        self.remove()
        return [one.replace(":", f":{what}:", 1) for one in moments]

    def copy(self) -> Copy:
        """Read what is there, table by table."""
        if self.to.is_dir():
            found = {
                path.stem: sorted(lines(pq.read_table(path)))
                for path in self.to.glob("*.parquet")
            }
            return {**found, "macros": [(self.to / "units.sql").read_text()]}
        with duckdb.connect(str(self.to), read_only=True) as shell:
            names = [name for (name,) in shell.sql("SHOW TABLES").fetchall()]
            found = {
                name: sorted(lines(shell.table(name).to_arrow_table()))
                for name in names
            }
            macros = shell.sql(
                "SELECT macro_definition FROM duckdb_functions() WHERE NOT internal "
                "AND function_type LIKE '%macro' ORDER BY ALL"
            ).fetchall()
        return {**found, "macros": [repr(macros)]}

    def remove(self) -> None:
        """Remove the copy."""
        shutil.rmtree(self.to) if self.to.is_dir() else self.to.unlink(missing_ok=True)

    def leftovers(self) -> list[Path]:
        """Return what is beside the copy."""
        return sorted(one for one in self.to.parent.iterdir() if one != self.to)

    def kill(self, *, inject: str = "", after: float | None = None) -> bool:
        """Kill it, see that all is well; tell whether it was in time."""
        ended = self.run(inject=inject, kill_after=after)
        assert ended.was_killed or ended.code == 0, ended.said
        self.kills += ended.was_killed
        self.recovers()
        return ended.was_killed

    def recovers(self) -> None:
        """See that the copy is whole or absent, and that the next run makes it."""
        if self.to.exists():
            assert self.copy() == self.truth
            self.remove()
        for one in self.leftovers():
            os.utime(one, (time.time() - DAYS,) * 2)
        again = self.run()
        assert again.code == 0, again.said
        assert self.copy() == self.truth
        assert self.leftovers() == []
        assert content(self.store) == self.held
        self.remove()


@pytest.fixture
def store(worker: Worker, store_dir: Path) -> Path:
    """Return a store that holds some tables whole."""
    ended = worker.do("command", store_dir, ["sync", "demo", "5", *TABLES])
    assert ended.code == 0, ended.said
    return store_dir


@pytest.fixture(params=["copy.duckdb", "copy"])
def export(request, worker: Worker, store: Path, tmp_path: Path) -> Export:
    return Export(worker, store, tmp_path / "copies" / request.param)


def test_killed_at_some_calls_and_moments(export: Export, traced):
    every = export.calls("signal=SIGKILL")

    assert len(every) > FEW
    assert any(export.kill(inject=one) for one in every[:: len(every) // FEW])
    export.kill(after=RANDOM.uniform(0, export.seconds))


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_killed_at_every_call(export: Export, traced):
    every = export.calls("signal=SIGKILL")
    missed = [one for one in every if not export.kill(inject=one)]

    sys.stdout.write(f"{export.kills} kills\n")
    assert len(missed) < len(every) / 10, missed


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_killed_at_many_moments(export: Export):
    for _ in range(25):
        export.kill(after=RANDOM.uniform(0, export.seconds))

    sys.stdout.write(f"{export.kills} kills\n")
    assert export.kills > 5


def refused(export: Export, inject: str) -> Ended:
    """Let the disk refuse something, see that all is well; return what was said."""
    ended = export.run(inject=inject)
    assert ended.code in {0, 1}, (inject, ended.said)
    assert "Traceback" not in ended.said, (inject, ended.said)
    assert ended.code or export.copy() == export.truth
    export.recovers()
    return ended


def test_no_space_at_some_calls(export: Export, traced):
    every = [
        one
        for one in export.calls("error=ENOSPC")
        if one.startswith(("write", "pwrite64", "fsync", "mkdir", "rename:"))
    ]
    told = [refused(export, one) for one in every[:: len(every) // FEW]]

    assert any("No space left" in one.said for one in told)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("how", ["error=ENOSPC", "error=EIO"])
def test_the_disk_refuses_at_every_call(export: Export, traced, how: str):
    every = [one for one in export.calls(how) if one.partition(":")[0] in CHANGES]
    told = [refused(export, one) for one in every]

    sys.stdout.write(f"{len(told)} faults\n")
    assert sum(one.code != 0 for one in told) > len(told) / 2


def test_what_a_live_export_has_made_so_far_is_not_swept(export: Export, traced):
    pid = export.worker.pause(*export.order, at="write:when=3")
    unfinished = export.leftovers()
    assert unfinished

    with Worker() as other:
        assert other.do(*export.order).code == 0
    assert export.copy() == export.truth
    assert export.leftovers() == unfinished
    export.remove()
    ended = export.worker.resume(pid)

    assert ended.code == 0, ended.said
    assert export.copy() == export.truth
    assert export.leftovers() == []


def test_a_copy_made_meanwhile_is_not_written_over(export: Export, traced):
    pid = export.worker.pause(*export.order, at="write:when=3")
    mine = export.to if export.to.suffix else export.to / "mine"
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("mine")

    ended = export.worker.resume(pid)

    assert ended.code == 1
    assert "is there already" in ended.said
    assert mine.read_text() == "mine"
    assert export.leftovers() == []


def test_leftovers_go_though_the_name_is_taken(export: Export):
    left = export.to.with_name(f".{export.to.name}.cortical-cache-left")
    left.mkdir()
    os.utime(left, (time.time() - DAYS,) * 2)
    export.to.mkdir()

    assert "is there already" in export.run().said
    assert export.leftovers() == []


def test_all_bytes_are_synced_before_they_have_their_name(export: Export, traced):
    trace = export.worker.trace(*export.order)
    (at,) = (n for n, line in enumerate(trace) if f'"{export.to}")' in line)
    before = "\n".join(line for line in trace[:at] if " fsync(" in line)
    after = "\n".join(line for line in trace[at:] if " fsync(" in line)

    names = [one.name for one in export.to.iterdir()] if export.to.is_dir() else []
    assert bool(names) != bool(export.to.suffix)
    assert all(
        f"/made{name}>" in before for name in ["", *(f"/{one}" for one in names)]
    )
    assert f"<{export.to.parent}>" in after
