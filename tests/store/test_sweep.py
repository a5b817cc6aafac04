"""A sweep takes what no one can need, a day later, and nothing else."""

import gzip
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cortical_cache.errors import UnknownNameError
from cortical_cache.model.coverage import Keys
from cortical_cache.store import Store
from cortical_cache.store.verify import verify

from .kit import (
    PROVENANCE,
    SHAPE,
    append_keys,
    files_under,
    open_dataset,
    open_synapses,
    rows_of,
    sweep_later,
)

TABLE = Path("minnie/v1300/tables/synapses")


def replace_keys(root: Path, old: str) -> str:
    commit = open_synapses(root).append(
        rows_of("post", [1]),
        shape=SHAPE,
        coverage=Keys("post", frozenset({1})),
        provenance=PROVENANCE,
        supersedes=[old],
    )
    return commit.id


def hours(number: float) -> datetime:
    return datetime.now(UTC) + timedelta(hours=number)


def test_superseded_files_stay_for_a_day(root: Path, store: Store):
    old = append_keys(open_synapses(root), "post", [1])
    replace_keys(root, old)
    before = files_under(root)

    assert store.sweep(hours(23.9)).removed == ()
    assert files_under(root) == before

    report = store.sweep(hours(24.1))
    assert {path.suffix for path in report.removed} == {".json", ".parquet"}
    assert report.nbytes > 0
    assert files_under(root) == before - set(report.removed)
    assert store.sweep(hours(24.1)).removed == ()


def test_a_superseded_commit_outlives_its_own_day_for_those_before_it(
    root: Path, store: Store
):
    first = append_keys(open_synapses(root), "post", [1])
    second = replace_keys(root, first)
    commits = root / TABLE / "commits"
    # As if the second had been superseded for long, and the first only just.
    replace_keys(root, second)
    recent = time.time() + 30 * 3600
    os.utime(commits / f"{second}.json", (recent, recent))

    store.sweep(hours(25))

    assert (commits / f"{first}.json").exists()
    assert (commits / f"{second}.json").exists()


def test_litter_goes_wherever_a_writer_can_leave_it(root: Path, store: Store):
    append_keys(open_synapses(root), "post", [1])
    open_dataset(root).write_fact("a", 1)
    open_dataset(root).write_fact("a", 1, 1300)
    with open_synapses(root).fetch_lock("key") as held:
        assert held
    kept = {path for path in files_under(root) if path.suffix != ".lock"}
    for folder in (".", "minnie", "minnie/facts", "minnie/v1300", "minnie/v1300/facts"):
        (root / folder / ".x.tmp").touch()
    (root / TABLE / ".x.parquet.tmp").touch()
    (root / TABLE / "commits" / ".x.tmp").touch()
    (root / TABLE / "01a202a3-d3b2-7ef6-8a62-b09756181ba8.parquet").touch()

    assert store.sweep().removed == ()
    store.sweep(hours(25))

    assert files_under(root) == kept


def test_what_is_not_ours_stays(root: Path):
    append_keys(open_synapses(root), "post", [1])
    alien = {root / "notes.txt", root / TABLE / "notes.txt", root / ".hidden"}
    for path in alien:
        path.touch()

    sweep_later(root)

    assert alien <= files_under(root)


def test_with_an_unreadable_commit_nothing_of_the_row_set_is_removed(root: Path):
    old = append_keys(open_synapses(root), "post", [1])
    replace_keys(root, old)
    damaged = root / TABLE / "commits" / f"{old}.json"
    damaged.write_bytes(b"{}")
    (root / TABLE / "01a202a3-d3b2-7ef6-8a62-b09756181ba8.parquet").touch()
    before = files_under(root)

    report = sweep_later(root)

    assert files_under(root) == before
    assert str(damaged) in report.skipped[0]


@pytest.mark.parametrize("harmed", ["*.parquet", "commits/*.json"])
def test_what_was_set_aside_stays_for_a_day_however_old(
    root: Path, store: Store, harmed: str
):
    append_keys(open_synapses(root), "post", [1])
    for path in files_under(root):
        os.utime(path, (0, 0))
    (path,) = (root / TABLE).glob(harmed)
    path.write_bytes(path.read_bytes()[:-1])
    os.utime(path, (0, 0))
    (problem,) = store.verify("minnie")

    open_dataset(root).set_aside(problem)

    assert not open_synapses(root).state().exists
    assert store.sweep(hours(23.9)).removed == ()
    open_dataset(root).put_back(problem)
    assert store.verify("minnie") == (problem,)
    open_dataset(root).set_aside(problem)
    gone = store.sweep(hours(24.1)).removed
    assert {one.suffix for one in gone} == {".tmp", ".parquet"}
    open_dataset(root).put_back(problem)
    assert not open_synapses(root).state().exists


def test_a_sweep_of_nothing_does_nothing(root: Path, store: Store):
    assert store.sweep().removed == ()
    assert not root.exists()


def test_verify_finds_each_kind_of_damage(root: Path, store: Store):
    append_keys(open_synapses(root), "post", [1])
    append_keys(open_synapses(root), "post", [2])
    append_keys(open_synapses(root), "post", [3])
    open_dataset(root).write_fact("fact", 1, 1300)
    assert store.verify("minnie", deep=True) == ()
    gone, cut, _ = sorted((root / TABLE).glob("*.parquet"))
    gone.unlink()
    cut.write_bytes(b"PAR1")
    fact = root / "minnie/v1300/facts/fact.json"
    fact.write_bytes(fact.read_bytes()[:-3])
    binding = root / "minnie/dataset.json"
    binding.unlink()

    problems = store.verify("minnie")

    assert {problem.path for problem in problems} == {gone, cut, fact, binding}
    assert all(str(problem.path) in problem.what for problem in problems)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs Linux")
def test_verify_names_what_the_disk_cannot_read_and_goes_on(root: Path, store: Store):
    append_keys(open_synapses(root), "post", [1])
    append_keys(open_synapses(root), "post", [2])
    objects = open_dataset(root).objects("skeletons", "v4")
    objects.write("1", gzip.compress(b"{}"))
    bad = root / "minnie/objects/skeletons/v4/1.json.gz"
    bad.unlink()
    bad.symlink_to("/proc/self/mem")  # EIO, as of a failing disk
    commit = min((root / TABLE / "commits").glob("*.json"))
    commit.unlink()
    commit.symlink_to("/proc/self/mem")

    problems = store.verify("minnie", deep=True)

    assert {one.path for one in problems} == {bad, commit}
    assert all("cannot be read: Input/output error" in one.what for one in problems)


def test_what_goes_while_it_is_verified_is_no_damage(root: Path):
    for name in "12":
        open_dataset(root).objects("skeletons", "v4").write(name, gzip.compress(b"{}"))
    both = set((root / "minnie/objects/skeletons/v4").glob("*.gz"))
    for path in both:
        path.write_bytes(b"{}")

    found = verify(root / "minnie", deep=True)
    (other,) = both - {next(found).path}
    other.unlink()

    assert list(found) == []


def test_verify_of_an_unknown_dataset_names_those_that_exist(root: Path, store: Store):
    open_dataset(root).bind()

    with pytest.raises(UnknownNameError, match="minnie"):
        store.verify("mini")
