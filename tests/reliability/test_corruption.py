"""Any file of a store harmed in any way: the right answer or an error, no other."""

import json
import random
import shutil
import sys
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from cortical_cache import load_client
from cortical_cache.cache.keyed import Keyed
from cortical_cache.errors import CorruptStoreError, CorticalCacheError
from tests.reliability.freeze import SERVER, VERSION, answer, questions
from tests.reliability.kit import dataset_of

RANDOM = random.Random()  # noqa: S311  no secret


def flip(path: Path, _: list[Path]) -> None:
    data = bytearray(path.read_bytes())
    data[RANDOM.randrange(len(data))] ^= 1 << RANDOM.randrange(8)
    path.write_bytes(data)


def cut(path: Path, _: list[Path]) -> None:
    path.write_bytes(path.read_bytes()[: RANDOM.randrange(path.stat().st_size)])


def lengthen(path: Path, _: list[Path]) -> None:
    path.write_bytes(path.read_bytes() + RANDOM.randbytes(7))


def remove(path: Path, _: list[Path]) -> None:
    path.unlink()


def swap(path: Path, every: list[Path]) -> None:
    """Exchange it with another file of its kind."""
    others = [one for one in every if one.suffix == path.suffix and one != path]
    other = RANDOM.choice(others or [path])
    mine, theirs = path.read_bytes(), other.read_bytes()
    path.write_bytes(theirs)
    other.write_bytes(mine)


HARM: dict[str, Callable[[Path, list[Path]], None]] = {
    "flip": flip,
    "cut": cut,
    "lengthen": lengthen,
    "remove": remove,
    "swap": swap,
}


@pytest.fixture
def intact() -> Path:
    """Return a store with a file of every kind, as this release writes it."""
    return max((Path(__file__).parent / "frozen").iterdir())


def ask_everything(roots: list[int]) -> dict[str, str]:
    """Return the answers of a fresh offline client; errors of ours are left out."""
    client = load_client("demo", version=VERSION, offline=True)
    answers: dict[str, str] = {}
    for name, ask in questions(roots).items():
        try:
            answers[name] = answer(ask(client))
        except CorticalCacheError:
            continue
    return answers


def harm_and_ask(intact: Path, store_dir: Path, harm: str, times: int) -> int:
    """Harm one file after the other, each in a copy; return how many it was."""
    kept = json.loads((intact / "answers.json").read_text("utf-8"))
    names = sorted(
        path.relative_to(intact / "store")
        for path in (intact / "store").rglob("*")
        if path.is_file() and path.suffix in {".json", ".parquet", ".gz"}
    )
    chosen = names if times >= len(names) else RANDOM.sample(names, times)
    for name in chosen:
        shutil.copytree(intact / "store", store_dir)
        every = [store_dir / one for one in names]
        before = [one.read_bytes() for one in every]
        HARM[harm](store_dir / name, every)
        is_harmed = before != [
            one.read_bytes() if one.exists() else b"" for one in every
        ]
        seen = ask_everything(kept["roots"])
        assert seen.items() <= kept["answers"].items(), (harm, name)
        if harm != "remove" or name.suffix == ".parquet":
            try:
                found = dataset_of(store_dir).verify(deep=True)
            except CorticalCacheError as error:
                found = (error,)
            assert bool(found) == is_harmed, (harm, name)
        shutil.rmtree(store_dir)
    return len(chosen)


@pytest.mark.parametrize("harm", HARM)
def test_some_files_harmed(intact, store_dir, monkeypatch, harm: str):
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", SERVER)

    assert harm_and_ask(intact, store_dir, harm, 4) == 4


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("harm", HARM)
def test_every_file_harmed(intact, store_dir, monkeypatch, harm: str):
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", SERVER)

    assert harm_and_ask(intact, store_dir, harm, 10**6) > 40


def exchanged_and_found(intact: Path, store_dir: Path, times: int) -> int:
    """Exchange two files, and back again, so many times; see each found.

    Returns how often.
    """
    shutil.copytree(intact / "store", store_dir)
    store = dataset_of(store_dir)
    names = [path for path in sorted(store_dir.rglob("*.*")) if path.is_file()]
    pairs = [
        (one, other)
        for one, other in combinations(names, 2)
        if one.read_bytes() != other.read_bytes()
    ]
    chosen = pairs if times >= len(pairs) else RANDOM.sample(pairs, times)
    for one, other in chosen:
        exchange(one, other)
        try:
            found = bool(store.verify(deep=True))
        except CorticalCacheError:
            found = True
        assert found, (one, other)
        exchange(one, other)
    assert store.verify(deep=True) == ()
    return len(chosen)


def exchange(one: Path, other: Path) -> None:
    """Give each of two files the other's name."""
    aside = one.with_name("aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


def test_two_files_exchanged_are_found(intact, store_dir):
    assert exchanged_and_found(intact, store_dir, 100) == 100


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_any_two_files_exchanged_are_found(intact, store_dir):
    pairs = exchanged_and_found(intact, store_dir, 10**9)

    sys.stdout.write(f"{pairs} pairs\n")
    assert pairs > 900


def test_a_flipped_bit_of_a_large_file_is_found_by_a_deep_look(store_dir):
    """Else of its parts only, when they are read; see tests/store/test_sums.py."""
    ids = np.random.default_rng(1).integers(0, 2**62, 1_200_000)
    rows = dataset_of(store_dir).rows("graph", "ours", 0)
    Keyed(rows, "id", ("value",), SERVER, compact_at=100).add([ids, ids])
    (path,) = rows.folder.glob("*.parquet")
    assert path.stat().st_size > 8 << 20
    assert dataset_of(store_dir).verify(deep=True) == ()

    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        byte = file.read(1)[0]
        file.seek(-1, 1)
        file.write(bytes([byte ^ 1]))

    assert dataset_of(store_dir).verify(deep=False) == ()
    (problem,) = dataset_of(store_dir).verify(deep=True)
    assert problem.path == path


@pytest.fixture
def store(intact, store_dir) -> Path:
    """Put a store in place; return its dataset's folder."""
    shutil.copytree(intact / "store", store_dir)
    return next(store_dir.glob("*/dataset.json")).parent


def test_a_fact_in_the_place_of_another_is_no_fact(store, store_dir):
    mine, other, *_ = sorted((store / "v5" / "facts").glob("*.json"))
    shutil.copyfile(other, mine)

    with pytest.raises(CorruptStoreError, match="it was moved"):
        dataset_of(store_dir).read_fact(mine.stem, 5)


def test_an_object_in_the_place_of_another_is_none(store, store_dir):
    objects = dataset_of(store_dir).objects("skeletons", "v4")
    (path,) = (store / "objects" / "skeletons" / "v4").glob("*.gz")
    assert objects.read(path.name.partition(".")[0])
    shutil.copyfile(path, path.with_name("864691135000000001.json.gz"))

    with pytest.raises(CorruptStoreError, match="another name"):
        objects.read("864691135000000001")


def test_a_commit_in_another_table_is_none(store, store_dir):
    (path,) = (store / "v5" / "tables" / "synapses_demo" / "commits").glob("*.json")
    shutil.copyfile(
        path, store / "v5" / "tables" / "cell_types" / "commits" / path.name
    )

    with pytest.raises(CorruptStoreError, match="a commit of v5/tables/synapses_demo"):
        dataset_of(store_dir).rows("table", "cell_types", 5).state()


@pytest.mark.parametrize("what", ["get", "compact"])
def test_damaged_facts_are_neither_read_nor_joined(store, store_dir, what: str):
    rows = dataset_of(store_dir).rows("graph", "ours", 0)
    kept = Keyed(rows, "id", ("value",), SERVER, compact_at=100)
    for low in (0, 10):
        kept.add([np.arange(low, low + 10), np.arange(low, low + 10)])
    path = next(rows.folder.glob("*.parquet"))
    data = bytearray(path.read_bytes())
    data[30] ^= 1
    path.write_bytes(data)
    fresh = Keyed(
        dataset_of(store_dir).rows("graph", "ours", 0),
        "id",
        ("value",),
        SERVER,
        compact_at=2,
    )

    with pytest.raises(CorruptStoreError, match="checksum"):
        fresh.compact() if what == "compact" else fresh.get(np.arange(20))


def test_another_document_in_the_place_of_the_binding_is_damage(store, store_dir):
    shutil.copyfile(store / "v5" / "version.json", store / "dataset.json")

    (problem,) = dataset_of(store_dir).verify(deep=False)

    assert "whose the data are" in problem.what
