"""Of a large file what is read is compared with its commit first, and no more."""

import shutil
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cortical_cache.errors import CorruptStoreError
from cortical_cache.model.coverage import Whole
from cortical_cache.store.commit import SMALL
from cortical_cache.store.commit_json import commit_from_json, commit_to_json
from cortical_cache.store.sums import PART, FileParts, Sums

from .kit import PROVENANCE, SHAPE, open_synapses, pieces

ROWS = 600_000
KEYS = 5_000


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> Path:
    """Return a store with one table in one file of many parts and row groups."""
    root = tmp_path_factory.mktemp("kept") / "store"
    rng = np.random.default_rng(0)
    values = {name: rng.integers(0, 2**62, ROWS) for name in ("id", "pre")}
    values["post"] = rng.integers(0, KEYS, ROWS)
    open_synapses(root).append(
        pa.table(values),
        shape=SHAPE,
        coverage=Whole(),
        provenance=PROVENANCE,
        sort_by=("post", "id"),
    )
    return root


@pytest.fixture
def root(kept, tmp_path) -> Path:
    return Path(shutil.copytree(kept, tmp_path / "store"))


def data_file(root: Path) -> Path:
    (path,) = open_synapses(root).folder.glob("*.parquet")
    return path


def turn(path: Path, place: int, bit: int = 0) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1 << bit
    path.write_bytes(data)


def read(root: Path, keys: list[int]) -> list[tuple[int, ...]]:
    """Return the rows of some keys, as another process finds them."""
    (piece,) = pieces(open_synapses(root).state().held_for("post", keys))
    query = "SELECT * FROM read_parquet($files) WHERE post IN $keys ORDER BY ALL"
    given = {"files": list(piece.files), "keys": keys}
    return duckdb.execute(query, given).fetchall()


def groups_of(path: Path, keys: list[int]) -> list[tuple[int, int]]:
    """Return where the row groups lie that may have the keys, by the footer."""
    found = pq.read_metadata(path)
    places = []
    for number in range(found.num_row_groups):
        columns = [found.row_group(number).column(one) for one in range(3)]
        post = columns[2].statistics
        if any(post.min <= key <= post.max for key in keys):
            start = columns[0].data_page_offset
            size = sum(one.total_compressed_size for one in columns)
            places.append((start, start + size))
    return places


def test_the_file_has_many_parts_and_groups(kept):
    path = data_file(kept)

    assert path.stat().st_size > SMALL
    assert len(groups_of(path, [7])) == 1
    assert len(groups_of(path, list(range(KEYS)))) > 10


@pytest.mark.parametrize("seed", range(4))
def test_no_bit_that_is_turned_gives_a_wrong_answer(root, seed):
    rng = np.random.default_rng(seed)
    keys = rng.choice(KEYS, 3, replace=False).tolist()
    right = read(root, keys)
    assert {row[2] for row in right} == set(keys)
    path = data_file(root)
    whole = path.read_bytes()
    needed = groups_of(path, keys)
    size = len(whole)
    inside = [int(rng.integers(*place)) for place in needed for _ in range(3)]
    footer = rng.integers(size - 3_000, size, 5).tolist()
    anywhere = rng.integers(0, size, 5).tolist()

    for place in inside + footer + anywhere:
        turn(path, place, int(rng.integers(8)))
        try:
            assert read(root, keys) == right, place
            is_noticed = False
        except CorruptStoreError as error:
            is_noticed = True
            assert path.name in str(error)  # noqa: PT017  it may be right, or this
        assert is_noticed or place not in inside + footer
        path.write_bytes(whole)


def test_what_a_lookup_does_not_need_is_not_looked_at(root):
    right = read(root, [7])
    path = data_file(root)
    ((_, end),) = groups_of(path, [7])
    far = (end // PART + 1) * PART
    assert far < path.stat().st_size - 2 * PART
    turn(path, far)

    assert read(root, [7]) == right
    assert open_synapses(root).state().held_whole(extent="scanned") is not None
    with pytest.raises(CorruptStoreError, match=f"{far:,}"):
        open_synapses(root).state().held_whole()
    with pytest.raises(CorruptStoreError):
        read(root, [*range(KEYS)])


def test_a_part_is_compared_once(root):
    rows = open_synapses(root)
    assert pieces(rows.state().held_for("post", [7]))
    turn(data_file(root), 100)

    assert pieces(rows.state().held_for("post", [7]))
    with pytest.raises(CorruptStoreError):
        open_synapses(root).state().held_for("post", [7])


def test_a_column_that_files_are_not_sorted_by_needs_all(root):
    path = data_file(root)
    ((start, _),) = groups_of(path, [KEYS - 1])
    turn(path, start + 50)
    (low, _) = pq.read_table(path, columns=["pre"])["pre"].to_pylist()[:2]

    with pytest.raises(CorruptStoreError):
        open_synapses(root).state().held_for("pre", [low])


@pytest.mark.parametrize("length", [2**31, 12])
def test_a_file_with_right_sums_that_is_no_parquet_is_an_error_of_ours(
    tmp_path, length
):
    path = tmp_path / "a.parquet"
    path.write_bytes(bytes(PART) + length.to_bytes(4, "little") + b"PAR1")
    sums = Sums()
    sums.add(path.read_bytes())

    with pytest.raises(CorruptStoreError, match=path.name):
        FileParts(path, sums.parts).check_keys("post", [7])


def test_sums_are_the_same_however_it_is_written():
    rng = np.random.default_rng(1)
    data = rng.bytes(10 * 100 + 7)
    whole = Sums(100)
    whole.add(data)
    assert len(whole.parts) == 11

    cut = Sums(100)
    places = sorted(rng.integers(0, len(data), 30).tolist())
    for start, end in zip([0, *places], [*places, len(data)], strict=True):
        cut.add(data[start:end])

    assert cut.parts == whole.parts
    assert Sums().parts == ()


def test_a_commit_says_its_sums_and_older_ones_need_not(root):
    (commit,) = open_synapses(root).state().commits
    assert len(commit.files[0].sums) == -(-commit.files[0].nbytes // PART)
    assert commit_from_json(commit_to_json(commit)) == commit
    old = replace(commit, files=(replace(commit.files[0], sums=()),))
    body = commit_to_json(old)
    assert "crc32" not in str(body["files"])
    assert commit_from_json(body) == old

    short = replace(commit.files[0], sums=commit.files[0].sums[:-1])
    body = commit_to_json(replace(commit, files=(short,)))
    with pytest.raises(ValueError, match="sums"):
        commit_from_json(body)
