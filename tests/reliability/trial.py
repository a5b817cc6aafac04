"""Jobs that change a store, and a trial of one of them. Not a test."""

import gzip
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from tests.reliability.kit import (
    Content,
    Ended,
    RowSetName,
    Worker,
    content,
    dataset_of,
    lines,
    litter,
    row_sets,
    shape_of,
    sweep_later,
)

TABLES = ["--tables", "nucleus_detection_v0", "cell_types", "synapses_demo"]
SYNAPSES = ("table", "synapses_demo", 5)


@dataclass(frozen=True)
class Job:
    """Something that changes a store, and what to begin from.

    `may_lose` says that what is held goes, one row set at a time.
    """

    what: str
    arguments: Callable[[Path], tuple[object, ...]]
    prepare: tuple[tuple[str, tuple[object, ...]], ...] = ()
    may_lose: bool = False


def command(*words: str) -> tuple[str, tuple[object, ...]]:
    return ("command", ([*words],))


def roots(root: Path) -> list[int]:
    """Return four roots of the nuclei that are held."""
    nuclei = row_sets(root)["table", "nucleus_detection_v0", 5]
    (path,) = nuclei.folder.glob("*.parquet")
    return [one for one in pq.read_table(path)["pt_root_id"].to_pylist() if one][:4]


def dumps(root: Path) -> Path:
    """Return a folder with a bulk export, beside the store."""
    folder = root.parent / "dumps"
    path = folder / "v5" / "mine.csv.gz"
    if not path.exists():
        path.parent.mkdir(parents=True)
        path.with_name("mine_header.csv").write_text("id,bigint\npt_root_id,bigint\n")
        rows = "".join(f"{number},{number % 97}\n" for number in range(5_000))
        path.write_bytes(gzip.compress(rows.encode()))
    return folder


NUCLEI = command("sync", "demo", "5", "--tables", "nucleus_detection_v0")
JOBS = {
    "sync": Job("command", lambda _: (["sync", "demo", "5", "--jobs", "1", *TABLES],)),
    "write-through": Job("write", lambda root: (roots(root),), (NUCLEI,)),
    "compaction": Job(
        "compact",
        lambda _: (),
        tuple(("add", (low,)) for low in range(0, 60, 6)),
    ),
    "prune": Job(
        "command",
        lambda _: (["prune", "demo", "--keep", "1", "--yes"],),
        (command("sync", "demo", "4", *TABLES), NUCLEI),
        may_lose=True,
    ),
    "sweep": Job(
        "sweep",
        lambda _: (),
        (
            command("sync", "demo", "5", *TABLES),
            *(("add", (low,)) for low in range(0, 60, 6)),
            ("compact", ()),
        ),
    ),
    "bulk export": Job(
        "command",
        lambda root: (
            ["sync", "demo", "5", "--exports", "mine", "--from", str(dumps(root))],
        ),
        (NUCLEI,),
    ),
}


@dataclass
class Trial:
    """A job in a scratch folder, and what it leads to where nothing is in its way."""

    worker: Worker
    job: Job
    folder: Path
    kills: int = 0
    old: Content = field(init=False)
    new: Content = field(init=False)

    def __post_init__(self) -> None:
        self.base = self.folder / "base"
        self.base.mkdir()
        for what, arguments in self.job.prepare:
            ended = self.worker.do(what, self.base, *arguments)
            assert ended.code == 0, ended.said
        if self.job.what == "write":  # or all synapses would be fetched at once
            dataset_of(self.base).write_fact("row_counts.synapses_demo", 10**7, 5)
        self.arguments = self.job.arguments(self.base)
        self.old = content(self.base)
        self.whole = self.copy("whole")
        self.run(self.whole)
        self.new = content(self.whole)
        sweep_later(self.whole)
        again = self.copy("again")
        begin = time.monotonic()
        self.run(again)
        self.seconds = time.monotonic() - begin  # the first run is slower than any
        other = content(again).facts
        self.varying = {one for one in other if other[one] != self.new.facts.get(one)}

    def copy(self, name: str) -> Path:
        """Return a copy of the store to begin from."""
        return Path(shutil.copytree(self.base, self.folder / name))

    def run(self, root: Path) -> None:
        """Do the job, unharmed."""
        ended = self.worker.do(self.job.what, root, *self.arguments)
        assert ended.code == 0, ended.said

    def calls(self, what: str, only: tuple[str, ...] = ()) -> Iterator[str]:
        """Yield every system call of the job, with what to inject at it."""
        root = self.copy("count")
        for moment in self.worker.moments(self.job.what, root, *self.arguments):
            call, _, when = moment.partition(":")
            if not only or call in only:
                yield f"{call}:{what}:{when}"

    def kill(self, *, inject: str = "", after: float | None = None) -> bool:
        """Kill the job, see that all is well; tell whether it was in time."""
        root = self.copy("killed")
        ended = self.worker.do(
            self.job.what, root, *self.arguments, inject=inject, kill_after=after
        )
        assert ended.was_killed or ended.code == 0, ended.said
        self.kills += ended.was_killed
        self.recovers(root)
        return ended.was_killed

    def fail(self, *, inject: str = "", **order: object) -> Ended:
        """Let the disk refuse something, see that all is well; return what was said."""
        root = self.copy("failed")
        ended = self.worker.do(
            self.job.what, root, *self.arguments, inject=inject, **order
        )
        assert ended.code in {0, 1, 3}, (inject, ended.said)
        assert "Traceback" not in ended.said, ended.said
        self.recovers(root)
        return ended

    def recovers(self, root: Path) -> None:
        """See that a store is as before or after the job, and the next run ends it."""
        self.is_between(content(root))
        self.run(root)
        self.is_new(content(root))
        sweep_later(root)
        assert litter(root) == []
        assert shape_of(root) == shape_of(self.whole)
        self.is_new(content(root))
        shutil.rmtree(root)

    def is_new(self, seen: Content) -> None:
        """See that a store is as if the job had never been interrupted."""
        assert seen.rows == self.new.rows
        assert seen.objects == self.new.objects
        assert seen.facts.keys() == self.new.facts.keys()
        for name in seen.facts.keys() - self.varying:
            assert seen.facts[name] == self.new.facts[name], name

    def is_between(self, seen: Content) -> None:
        """See that every part of a store is as before the job, or as after it."""
        for name in {*seen.rows, *self.old.rows}:
            old, new = self.old.rows.get(name, {}), self.new.rows.get(name, {})
            there = seen.rows.get(name, {})
            for label, rows in there.items():
                if label == "facts":
                    assert old.get(label, frozenset()) <= rows <= new[label], name
                elif label.startswith("page"):
                    assert rows == self.page(name, label), (name, label)
                else:
                    assert rows in {old.get(label), new.get(label)}, (name, label)
            if not self.job.may_lose:
                assert "whole" in there or old.keys() <= there.keys(), name
        for name, value in seen.objects.items():
            assert value in {self.old.objects.get(name), self.new.objects.get(name)}
        for name in seen.facts.keys() - self.varying:
            values = (self.old.facts.get(name), self.new.facts.get(name))
            assert seen.facts[name] in values, name
        assert self.old.facts.keys() <= seen.facts.keys()
        assert self.old.objects.keys() <= seen.objects.keys()

    def page(self, name: RowSetName, label: str) -> frozenset[str]:
        """Return the rows of a page, as the whole table has them."""
        _, column, low, high = label.split()
        (commit,) = row_sets(self.whole)[name].state().commits
        rows = pq.read_table(row_sets(self.whole)[name].folder / commit.files[0].name)
        ids = rows[column]
        inside = pc.and_(pc.greater_equal(ids, int(low)), pc.less(ids, int(high)))
        return frozenset(lines(rows.filter(inside)))
