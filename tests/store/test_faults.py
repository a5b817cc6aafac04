"""Crashes, full disks, damage and crowds: what was held stays held, and right."""

import gzip
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import cortical_cache
from cortical_cache.errors import CorruptStoreError, StoreError, StoreMismatchError
from cortical_cache.model.coverage import Keys, Whole
from cortical_cache.store import DatasetStore, Disk, RowSet, RowSetState, Store
from cortical_cache.store.commit_file import commit_file, read_commit, write_commit
from cortical_cache.store.sealed import read_sealed, write_sealed

from .kit import (
    CORTEX,
    PROVENANCE,
    SERVER,
    SHAPE,
    CountingDisk,
    append_keys,
    files_under,
    full_disk,
    ids,
    open_dataset,
    open_synapses,
    pieces,
    sweep_later,
    table,
)

POST_1 = sorted(row[0] for row in CORTEX if row[2] == 1)
ALL = [row[0] for row in CORTEX]
TABLE = Path("minnie/v1300/tables/synapses")


def run(*arguments: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [
            sys.executable,
            str(Path(__file__).with_name("fork.py")),
            *map(str, arguments),
        ],
        env={
            **os.environ,
            "PYTHONPATH": str(Path(cortical_cache.__file__).parents[1]),
        },
        stdout=subprocess.PIPE,
        text=True,
    )


def is_old_or_new(rows: RowSet) -> str:
    """Say which of the two states the row set is in; fail if it is in neither."""
    state = rows.state()
    if state.is_whole:
        assert len(state.commits) == 1
        assert ids(state.held_whole()) == ALL
        return "new"
    assert state.covered("post", [0, 1, 2]) == {1}
    assert ids(state.held_for("post", [1])) == POST_1
    return "old"


def test_killed_at_any_operation_the_old_or_the_new_state_remains(tmp_path: Path):
    base = tmp_path / "base"
    append_keys(open_synapses(base), "post", [1])

    operations = int(run("crash-replace", base).communicate()[0])

    assert operations > 20
    seen: list[str] = []
    for number in range(1, operations + 1):
        root = tmp_path / str(number)
        rows = open_synapses(root)
        seen.append(is_old_or_new(rows))
        assert Store(root).verify("minnie", deep=True) == ()
        fact = open_dataset(root).read_fact("counts", 1300)
        assert fact is None or (fact.value == 60 and seen[-1] == "new")

        append_keys(rows, "post", [2])
        assert rows.state().covered("post", [1, 2]) == {1, 2}
        sweep_later(root)
        assert open_synapses(root).state().covered("post", [1, 2]) == {1, 2}
        assert not [path for path in files_under(root) if path.name.startswith(".")]
    assert seen == sorted(seen, reverse=True)  # old until one moment, then new
    assert {"old", "new"} == set(seen)


def test_killed_in_the_very_first_write_the_next_one_works(tmp_path: Path):
    base = tmp_path / "base"

    operations = int(run("crash-replace", base).communicate()[0])

    assert operations > 30
    for number in range(1, operations + 1):
        root = tmp_path / str(number)
        rows = open_synapses(root)
        assert rows.state().is_whole in {True, False}
        append_keys(rows, "post", [1])
        assert ids(rows.state().held_for("post", [1])) == POST_1
        assert Store(root).datasets() == ("minnie",)


def test_a_sweep_killed_at_any_operation_changes_no_answer(tmp_path: Path):
    base = tmp_path / "base"
    rows = open_synapses(base)
    # A chain: were the second to go before the first, the first would count again.
    old: list[str] = []
    for keys in ([0], [0, 2], [1]):
        append_keys(rows, "post", keys)
        commits = rows.state().commits
        old = [commit.id for commit in commits]
        rows.append(
            table(row for row in CORTEX if row[2] == 1),
            shape=SHAPE,
            coverage=commits[-1].coverage if keys == [1] else commits[0].coverage,
            provenance=PROVENANCE,
            supersedes=old,
        )
    (base / TABLE / ".litter.parquet.tmp").touch()
    (base / TABLE / "01a202a3-d3b2-7ef6-8a62-b09756181ba8.parquet").touch()
    assert rows.state().covered("post", [0, 1, 2]) == {1}

    operations = int(run("crash-sweep", base).communicate()[0])

    assert operations > 10
    for number in range(1, operations + 2):
        root = tmp_path / str(number)
        assert is_old_or_new(open_synapses(root)) == "old"
        assert Store(root).verify("minnie", deep=True) == ()
        sweep_later(root)
        assert is_old_or_new(open_synapses(root)) == "old"
        assert len(list(root.rglob("*.parquet"))) == 1
        assert len(list(root.rglob("commits/*"))) == 1


@pytest.mark.parametrize("for_ever", [False, True])
def test_a_disk_that_fills_up_at_any_operation_loses_nothing(
    tmp_path: Path,
    for_ever: bool,
):
    number, done = 0, False
    while not done:
        number += 1
        root = tmp_path / str(number)
        append_keys(open_synapses(root), "post", [1])
        before = files_under(root)
        disk = full_disk(number, for_ever=for_ever)
        try:
            with open_synapses(root, disk).writer(
                shape=SHAPE,
                coverage=Whole(),
                provenance=PROVENANCE,
                supersedes=[open_synapses(root).state().commits[0].id],
                rows_per_file=30,
            ) as writer:
                writer.write(table(CORTEX))
            done = disk.operations < number
        except OSError as error:
            assert error.errno == 28, error  # noqa: PT017  # done is the other case

        rows = open_synapses(root)
        if is_old_or_new(rows) == "old":
            assert files_under(root) == before
        assert Store(root).verify("minnie", deep=True) == ()
        append_keys(rows, "post", [2])
        assert rows.state().covered("post", [1, 2]) == {1, 2}
    assert number > 20


def test_a_full_disk_keeps_the_old_fact(tmp_path: Path):
    open_dataset(tmp_path).write_fact("a", 1)
    before = files_under(tmp_path)
    for number in range(1, 4):
        dataset = open_dataset(tmp_path, full_disk(number, for_ever=True))
        with pytest.raises(OSError, match="No space"):
            dataset.write_fact("a", 2)

        fact = dataset.read_fact("a")
        assert fact is not None
        assert fact.value == 1
        assert files_under(tmp_path) == before


def test_everything_is_synced_before_the_commit_that_names_it(tmp_path: Path):
    unsynced: set[str] = set()  # paths whose bytes or folder entry may not survive

    def before(_: int, operation: str, arguments: tuple[object, ...]) -> None:
        match operation, arguments:
            case "create", (Path() as path,):
                unsynced.add(str(path))
            case "sync", (file,):
                assert isinstance(file.name, Path | str)
                unsynced.discard(str(file.name))
            case "rename" | "link", (Path() as source, Path() as target):
                assert str(source) not in unsynced
                if target.parent.name == "commits":
                    assert not unsynced, f"{target} may outlive {unsynced}"
                unsynced.add(str(target))
            case "sync_folder", (Path() as folder,):
                for one in [one for one in unsynced if Path(one).parent == folder]:
                    unsynced.discard(one)
            case _:
                pass

    append_keys(open_synapses(tmp_path / "root", CountingDisk(before)), "post", [1])

    assert not unsynced


def test_32_processes_with_32_keys_leave_all_32_covered(root: Path):
    with run("herd", root, 32) as herd:
        pass
    assert herd.returncode == 0

    state = open_synapses(root).state()

    assert state.covered("post", range(32)) == frozenset(range(32))
    assert len(state.commits) == 32
    expected = sorted(key * 10 + n for key in range(32) for n in range(5))
    assert ids(state.held_for("post", range(32))) == expected
    assert Store(root).verify("minnie", deep=True) == ()


def test_a_folder_claimed_while_it_is_looked_at_is_no_damage(root: Path):
    class RacingPath(type(Path())):
        """Another process claims the folder and fills it just before it is listed."""

        def iterdir(self) -> Iterator[Path]:
            open_dataset(root).write_fact("a", 1, 1300)
            return super().iterdir()

    folder = RacingPath(root / "minnie")
    dataset = DatasetStore(
        folder, "minnie65", SERVER, disk=Disk(), prepare=lambda: None
    )

    assert dataset.check()


def read_while_writers_die(root: Path, kills: int) -> int:
    """Read while a writer is killed and started again; count the readings."""

    def ask(state: RowSetState) -> set[int]:
        if not state.exists:
            return set()
        (piece,) = pieces(state.held_whole())
        rows = [pq.read_table(file) for file in piece.files]
        assert sum(part.num_rows for part in rows) == 1500
        return {number for part in rows for number in part["post"].to_pylist()}

    rows = open_synapses(root)
    readings = 0
    for kill in range(kills):
        writer = run("churn", root, 600)
        seen: set[int] = set()
        try:
            # Let it replace the table a few times, then kill it at some odd moment.
            while len(seen) < 4 + kill % 5:
                numbers = rows.read(ask)
                assert len(numbers) == bool(seen or numbers)  # never a mixture
                seen |= numbers
                readings += 1
            time.sleep(kill * 0.0037 % 0.02)
        finally:
            writer.kill()
            writer.communicate()
    return readings


def test_readers_see_whole_tables_only_while_writers_are_killed(root: Path):
    readings = read_while_writers_die(root, 4)

    assert readings >= 16
    assert Store(root).verify("minnie", deep=True) == ()
    sweep_later(root)
    assert len(list(root.rglob("commits/*.json"))) == 1


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_readers_see_whole_tables_only_while_many_writers_are_killed(root: Path):
    assert read_while_writers_die(root, 40) >= 160


def test_no_flipped_bit_of_a_commit_goes_unnoticed(root: Path):
    append_keys(open_synapses(root), "post", [1])
    (path,) = root.rglob("commits/*.json")
    good = path.read_bytes()

    for position in range(len(good)):
        flipped = good[position] ^ (1 << position % 8)
        path.write_bytes(good[:position] + bytes([flipped]) + good[position + 1 :])
        with pytest.raises(OSError, match=path.name):
            open_synapses(root).state()
        (problem,) = Store(root).verify("minnie")
        assert problem.path == path


def test_a_flipped_bit_of_a_data_file_is_found_and_never_read(root: Path):
    append_keys(open_synapses(root), "post", [1])
    (path,) = root.rglob("*.parquet")
    good = path.read_bytes()

    for position in range(0, len(good), 7):
        flipped = good[position] ^ (1 << position % 8)
        path.write_bytes(good[:position] + bytes([flipped]) + good[position + 1 :])
        with pytest.raises(CorruptStoreError, match=path.name):
            open_synapses(root).state().held_for("post", [1])
        assert Store(root).verify("minnie") == ()
        (problem,) = Store(root).verify("minnie", deep=True)
        assert problem.path == path


def test_an_object_that_is_cut_anywhere_is_damage(root: Path):
    objects = open_dataset(root).objects("skeletons", "v4.swc")
    objects.write("1", gzip.compress(b"1 1 0 0 0 1 -1\n"))
    (path,) = root.rglob("1.*.gz")
    whole = path.read_bytes()

    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(CorruptStoreError):
            objects.read("1")

    path.write_bytes(whole)
    assert objects.read("1") == b"1 1 0 0 0 1 -1\n"


def test_a_commit_cannot_point_out_of_its_folder(root: Path):
    append_keys(open_synapses(root), "post", [1])
    (path,) = root.rglob("*.parquet")
    (commit,) = root.rglob("commits/*.json")
    path.rename(root / path.name)
    body = json.loads(json.dumps(read_sealed(commit)))
    body["files"][0]["name"] = f"../../../../{path.name}"
    write_sealed(Disk(), commit, body)  # its checksum is right

    with pytest.raises(CorruptStoreError, match="not a commit"):
        open_synapses(root).state()


def test_two_servers_that_claim_a_folder_at_once_do_not_share_it(root: Path):
    other = Store(root).dataset("minnie", datastack="minnie65", server="https://other")

    def before(_: int, operation: str, __: tuple[object, ...]) -> None:
        if operation == "link":
            other.bind()

    mine = open_dataset(root, CountingDisk(before))
    with pytest.raises(StoreMismatchError):
        mine.bind()

    other.check()
    with pytest.raises(StoreMismatchError):
        mine.write_fact("a", 1)


def test_a_renamed_commit_is_damage(root: Path):
    append_keys(open_synapses(root), "post", [1])
    (path,) = root.rglob("commits/*.json")
    path.rename(path.with_name("01a202a3-d3b2-7ef6-8a62-b09756181ba8.json"))

    with pytest.raises(CorruptStoreError, match="renamed"):
        open_synapses(root).state()


@pytest.mark.parametrize(
    "sort_by", [("id",), ()]
)  # the last file is yet to come, or not
def test_files_swept_before_their_commit_are_not_committed(
    root: Path, sort_by: tuple[str, ...]
):
    def write() -> None:
        with open_synapses(root).writer(
            shape=SHAPE,
            coverage=Whole(),
            provenance=PROVENANCE,
            sort_by=sort_by,
            rows_per_file=20,
        ) as writer:
            writer.write(table(CORTEX[:40]))
            next(root.rglob("*.parquet")).unlink()

    with pytest.raises(StoreError, match="swept before its commit"):
        write()

    assert not open_synapses(root).state().exists
    assert not list(root.rglob("*.parquet"))


@pytest.mark.parametrize("how", ["sweep", "remove"])
@pytest.mark.parametrize("behind", [False, True], ids=["", "a clock that was behind"])
def test_superseded_commits_go_durably_before_those_that_supersede_them(
    root: Path, how: str, *, behind: bool
):
    log: list[str] = []

    def before(_: int, operation: str, arguments: tuple[object, ...]) -> None:
        match operation, arguments:
            case (("remove" | "sync_folder"), (Path() as path,)) if (
                "commits" in path.parts
            ):
                log.append(path.stem)
            case _:
                pass

    rows = open_synapses(root)
    chain = [append_keys(rows, "post", [1])]
    chain += [supersede_all(rows) for _ in range(2)]
    if behind:  # whoever wrote the last one had another idea of the time
        last = read_commit(commit_file(rows.folder, chain[-1]))
        commit_file(rows.folder, last.id).unlink()
        chain[-1] = "01a00000-0000-7000-8000-000000000000"
        write_commit(rows.disk, rows.folder, replace(last, id=chain[-1]))
    if how == "sweep":
        sweep_later(root, CountingDisk(before))
        assert log == [chain[0], "commits", chain[1], "commits"]
        return

    (taken,) = (one for one in open_dataset(root).taken() if one.kind == "table")
    open_dataset(root, CountingDisk(before)).remove(taken)

    assert log == [name for one in chain for name in (one, "commits")]
    assert not open_synapses(root).state().exists


def supersede_all(rows: RowSet) -> str:
    commit = rows.append(
        table(row for row in CORTEX if row[2] == 1),
        shape=SHAPE,
        coverage=Keys("post", frozenset({1})),
        provenance=PROVENANCE,
        supersedes=[one.id for one in rows.state().commits],
    )
    return commit.id


def test_sweeps_under_a_reader_never_bring_back_or_hide_anything(root: Path):
    append_keys(open_synapses(root), "post", [0, 1, 2])
    supersede_all(open_synapses(root))
    done = threading.Event()

    def replace_and_sweep() -> None:
        while not done.is_set():
            rows = open_synapses(root)
            for _ in range(8):
                supersede_all(rows)
            Store(root).sweep(grace=timedelta(0))

    writer = threading.Thread(target=replace_and_sweep)
    writer.start()
    try:
        end = time.monotonic() + 2
        readings = 0
        while time.monotonic() < end:
            state = open_synapses(root).state()
            assert state.covered("post", [0, 1, 2]) == {1}
            readings += 1
    finally:
        done.set()
        writer.join()
    assert readings > 20
