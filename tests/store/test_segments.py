"""Facts by id are mapped where they are many; what is mapped is only ever a copy."""

import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from cortical_cache.cache.keyed import MISSING, Keyed
from cortical_cache.errors import CorruptStoreError
from cortical_cache.store.segments import MAPPED_ROWS

from .kit import CountingDisk, full_disk, open_dataset, sweep_later
from .test_faults import run

SERVER = "https://global.example.org"
COUNT = MAPPED_ROWS + 5_000
FIRST = 864691135336055500


def facts(root, disk=None, compact_at=100):
    rows = open_dataset(root, disk).rows("graph", "facts", 0)
    columns, floats = ("whole",), ("real",)
    return rows, Keyed(
        rows, "key", columns, SERVER, floats=floats, compact_at=compact_at
    )


def said(count=COUNT):
    """Return keys with some repeats, and what is said of them, NULL among it."""
    rng = np.random.default_rng(count)
    keys = FIRST + rng.integers(0, count, count)
    whole = rng.integers(-5, 2**62, count)
    whole[::7] = MISSING
    real = rng.normal(size=count)
    real[::5] = np.nan
    return keys, whole, real


def fill(root, count=COUNT):
    keys, whole, real = said(count)
    facts(root)[1].add([keys, whole], [real])
    return keys, whole, real


def answers(table, keys):
    """Return what is said as sets of plain values, one for each key."""
    found = table.get(keys)
    sets = [set() for _ in keys]
    for at, whole, real in zip(
        found.asked, found.columns["whole"], found.floats["real"], strict=True
    ):
        sets[at].add((int(whole), None if np.isnan(real) else float(real)))
    return sets


def expected(rows, keys):
    """Read the Parquet files by other code."""
    found = {int(key): set() for key in keys}
    for path in rows.folder.glob("*.parquet"):
        table = pq.read_table(path)
        columns = (table[name].to_pylist() for name in ("key", "whole", "real"))
        for key, whole, real in zip(*columns, strict=True):
            if key in found:
                found[key].add((MISSING if whole is None else whole, real))
    return [found[int(key)] for key in keys]


def some_keys():
    """Return keys that are there and some that are not, in no order."""
    rng = np.random.default_rng(1)
    return FIRST + rng.permutation(COUNT + 100)[:500] - 50


@pytest.mark.parametrize("count", [1, MAPPED_ROWS - 1, MAPPED_ROWS, COUNT])
def test_the_same_is_found_whether_mapped_or_not(root, count):
    fill(root, count)
    rows, table = facts(root)

    assert answers(table, some_keys()) == expected(rows, some_keys())
    mapped = [*rows.folder.glob("segments/*")]
    assert len(mapped) == (count >= MAPPED_ROWS)
    assert rows.segment_nbytes == sum(path.stat().st_size for path in mapped)


def test_numpy_alone_reads_what_is_mapped(root):
    keys, whole, real = fill(root)
    rows, table = facts(root)
    table.get(keys[:1])

    with next(rows.folder.glob("segments/*.npy")).open("rb") as file:
        ids, found, sums = (np.load(file) for _ in range(3))

    order = np.argsort(keys, kind="stable")
    assert ids.tolist() == found["key"].tolist() == keys[order].tolist()
    assert found["whole"].tolist() == whole[order].tolist()
    assert np.array_equal(found["real"], real[order], equal_nan=True)
    assert sums[1] == zlib.crc32(found[64:128].tobytes())


@pytest.mark.parametrize("harm", ["gone", "empty", "cut", "longer", "alien", "other"])
def test_what_is_mapped_is_made_anew(root, tmp_path, harm):
    fill(root)
    rows, table = facts(root)
    right = answers(table, some_keys())
    (path,) = rows.folder.glob("segments/*")
    whole = path.read_bytes()
    texts = {
        "empty": b"",
        "cut": whole[:-100],
        "longer": whole + b"x",
        "alien": b"PK" * 99,
    }
    if harm == "other":
        fill(tmp_path / "other", COUNT - 1)
        others, table = facts(tmp_path / "other")
        table.get(some_keys())
        texts[harm] = next(others.folder.glob("segments/*")).read_bytes()
    path.unlink()
    if harm in texts:
        path.write_bytes(texts[harm])

    assert answers(facts(root)[1], some_keys()) == right
    assert path.read_bytes() == whole


def test_a_deep_look_finds_what_was_turned(root):
    fill(root)
    rows, table = facts(root)
    table.get(some_keys())
    (path,) = rows.folder.glob("segments/*")
    store = open_dataset(root)
    assert not store.verify(deep=True)
    sums = 4 * COUNT // 64
    for place in (200, -sums - 400, -200):  # an id, a value, a checksum
        whole = path.read_bytes()
        turned = bytearray(whole)
        turned[place] ^= 1
        path.write_bytes(turned)

        assert not store.verify(deep=False)
        (problem,) = store.verify(deep=True)
        assert problem.path == path
        store.set_aside(problem)

        assert answers(facts(root)[1], some_keys()) == expected(rows, some_keys())
        assert path.read_bytes() == whole
        assert not store.verify(deep=True)


@pytest.mark.parametrize("seed", range(8))
def test_what_was_turned_is_noticed_by_whoever_reads_it(root, seed):
    rng = np.random.default_rng(seed)
    fill(root)
    rows, table = facts(root)
    keys = np.sort(some_keys())[:: len(some_keys()) // 4]
    right = answers(table, keys)
    (path,) = rows.folder.glob("segments/*")
    whole = path.read_bytes()
    noticed = 0
    # Half of them in what is read, or leads the bisection there.
    ids = np.load(path)
    starts = [128 + 8 * int(np.searchsorted(ids, key)) for key in keys]
    near = [start + int(rng.integers(8)) for start in starts for _ in range(5)]
    far = rng.integers(0, len(whole), 20).tolist()
    for place in near + far:
        turned = bytearray(whole)
        turned[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(turned)
        try:
            assert answers(facts(root)[1], keys) == right
        except CorruptStoreError as error:
            noticed += 1
            assert path.name in str(error)  # noqa: PT017  it may be right, or this
    assert noticed >= 10


def test_a_full_disk_costs_memory_only(root):
    fill(root)
    steps = CountingDisk(lambda *_: None)
    rows, table = facts(root, steps)
    right = answers(table, some_keys())
    assert steps.operations > 5
    shutil.rmtree(rows.folder / "segments")

    for number in range(1, steps.operations + 1):
        for for_ever in (True, False):
            rows, table = facts(root, full_disk(number, for_ever=for_ever))
            assert answers(table, some_keys()) == right
            assert not [*rows.folder.glob("segments/.*")]
            shutil.rmtree(rows.folder / "segments", ignore_errors=True)


def test_killed_at_any_operation_the_answers_stay_right(tmp_path: Path):
    base = tmp_path / "base"
    fill(base)
    operations = int(run("crash-map", base).communicate()[0])
    assert operations > 5
    right = answers(facts(base)[1], some_keys())

    for number in range(1, operations + 1):
        rows, table = facts(tmp_path / str(number))
        assert answers(table, some_keys()) == right
        sweep_later(tmp_path / str(number))
        assert len([*rows.folder.glob("segments/*")]) == 1
        assert not [*rows.folder.glob("segments/.*")]


def test_a_sweep_takes_what_is_mapped_of_files_that_do_not_count(root):
    fill(root)
    rows, table = facts(root, compact_at=2)
    table.get(some_keys())
    (old,) = rows.folder.glob("segments/*")
    fill(root, COUNT - 1)
    assert len(rows.state().commits) == 2
    table.compact()
    right = expected(rows, some_keys())
    assert len(rows.state().commits) == 1
    assert answers(table, some_keys()) == right
    assert len([*rows.folder.glob("segments/*")]) == 2

    report = sweep_later(root)

    assert old in report.removed
    assert len([*rows.folder.glob("segments/*")]) == 1
    assert answers(facts(root)[1], some_keys()) == right
    open_dataset(root).remove(rows)
    assert not [*rows.folder.glob("**/*.npy")]


def test_readers_see_all_that_was_written_while_commits_are_joined(root):
    code = f"""
import numpy as np
from cortical_cache.cache.keyed import Keyed
from cortical_cache.store import Store
store = Store({str(root)!r}).dataset("minnie", datastack="minnie65", server={SERVER!r})
rows = store.rows("graph", "facts", 0)
table = Keyed(rows, "key", ("whole",), "x", floats=("real",), compact_at=4)
for number in range(60):
    keys = np.arange(number * 900, number * 900 + 1000)
    table.add([keys, keys * 3], [keys / 7])
    print(number, flush=True)
"""
    (rows, table), looked = facts(root), 0
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        for line in writer.stdout:
            keys = np.arange(int(line) * 900 + 1000)
            found = answers(table, keys)
            assert found == [{(key * 3, key / 7)} for key in keys.tolist()]
            looked += 1
    assert writer.returncode == 0
    assert looked == 60
    assert len(rows.state().commits) < 10
    total = sum(commit.rows for commit in rows.state().commits)
    assert total < 60_000  # the hundred keys that two commits share are there once


def test_damage_is_noticed_before_anything_is_read(root):
    fill(root, 100)
    rows, table = facts(root)
    (path,) = rows.folder.glob("*.parquet")
    whole = bytearray(path.read_bytes())
    whole[100] ^= 255
    path.write_bytes(whole)

    with pytest.raises(CorruptStoreError, match=path.name):
        table.get(some_keys())
