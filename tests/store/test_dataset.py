"""Dataset folders: bound to their source; facts that are whole or absent."""

import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cortical_cache.errors import (
    CorruptStoreError,
    InvalidQueryError,
    StoreError,
    StoreMismatchError,
)
from cortical_cache.store import DatasetStore, RowSet, Store

from .kit import SERVER, append_keys

NOON = datetime(2026, 1, 22, 12, tzinfo=UTC)


def test_the_first_write_claims_the_folder(
    store: Store, dataset: DatasetStore, root: Path
):
    dataset.bind()
    dataset.bind()

    assert store.datasets() == ("minnie",)
    tag = (root / "CACHEDIR.TAG").read_bytes()
    assert tag.startswith(b"Signature: 8a477f597d28d172789f06886806bc55")


@pytest.mark.parametrize(
    ("datastack", "server"), [("minnie65", "https://other"), ("v1dd", SERVER)]
)
def test_another_source_may_neither_read_nor_write(
    store: Store, synapses: RowSet, datastack: str, server: str
):
    append_keys(synapses, "post", [1])
    other = store.dataset("minnie", datastack=datastack, server=server)

    for use in (
        other.bind,
        other.versions,
        lambda: other.row_sets(1300),
        lambda: other.read_fact("x"),
        lambda: other.write_fact("x", 1),
        lambda: other.rows("table", "synapses", 1300).state(),
        lambda: append_keys(other.rows("table", "synapses", 1300), "post", [2]),
    ):
        with pytest.raises(StoreMismatchError, match=server):
            use()
    assert synapses.state().covered("post", [1, 2]) == {1}


def test_the_server_may_be_spelt_with_a_slash(store: Store, dataset: DatasetStore):
    dataset.bind()

    store.dataset("minnie", datastack="minnie65", server=SERVER + "/").bind()


def test_a_folder_that_lost_its_binding_is_nobodys(
    store: Store, synapses: RowSet, root: Path
):
    append_keys(synapses, "post", [1])
    (root / "minnie" / "dataset.json").unlink()
    anew = store.dataset("minnie", datastack="minnie65", server=SERVER)

    with pytest.raises(CorruptStoreError, match=r"dataset\.json is missing"):
        anew.versions()
    with pytest.raises(CorruptStoreError, match=r"dataset\.json is missing"):
        anew.bind()


def test_facts_are_read_back_as_captured(dataset: DatasetStore):
    value = {"tables": ["a", "b"], "n": [1, 2.5, None, True]}
    dataset.write_fact("info", value, captured_at=NOON)
    dataset.write_fact("info", [1], 1300, captured_at=NOON)
    dataset.write_version(1300, {"status": "AVAILABLE"})

    fact, of_version = dataset.read_fact("info"), dataset.read_fact("info", 1300)
    record = dataset.read_version(1300)

    assert fact is not None
    assert (fact.value, fact.captured_at) == (value, NOON)
    assert of_version is not None
    assert of_version.value == [1]
    assert record is not None
    assert record.value == {"status": "AVAILABLE"}
    assert dataset.read_fact("other") is None
    assert dataset.read_version(1301) is None


def test_the_last_capture_wins_not_the_last_writer(dataset: DatasetStore):
    dataset.write_fact("info", "new", captured_at=NOON)
    dataset.write_fact("info", "old", captured_at=NOON - timedelta(hours=1))

    fact = dataset.read_fact("info")

    assert fact is not None
    assert fact.value == "new"


def test_a_capture_from_the_future_gives_way(dataset: DatasetStore):
    later = datetime.now(UTC) + timedelta(days=400)
    dataset.write_fact("info", "wrong clock", captured_at=later)
    dataset.write_fact("info", "now")

    fact = dataset.read_fact("info")

    assert fact is not None
    assert fact.value == "now"


def test_a_time_without_zone_is_refused(dataset: DatasetStore):
    with pytest.raises(InvalidQueryError, match="time zone"):
        dataset.write_fact("info", 1, captured_at=datetime(2026, 1, 1))


def test_versions_are_those_with_anything_held(dataset: DatasetStore, root: Path):
    append_keys(dataset.rows("view", "v", 943), "post", [1])
    dataset.write_fact("counts", {}, 1300)
    dataset.write_version(1412, {})
    (root / "minnie" / "v7" / "tables" / "a").mkdir(parents=True)
    (root / "minnie" / "v08").mkdir()
    (root / "minnie" / "vain").mkdir()

    assert dataset.versions() == (943, 1300, 1412)


def test_row_sets_are_listed_though_one_is_damaged(dataset: DatasetStore, root: Path):
    for kind, name in (
        ("view", "V iew"),
        ("table", "b"),
        ("table", "a"),
    ):
        append_keys(dataset.rows(kind, name, 1300), "post", [1])
    (damaged,) = (root / "minnie/v1300/tables/b/commits").iterdir()
    damaged.write_bytes(damaged.read_bytes().replace(b"post", b"pest"))
    anew = Store(root).dataset("minnie", datastack="minnie65", server=SERVER)

    found = anew.row_sets(1300)

    assert [(rows.kind, rows.name) for rows in found] == [
        ("table", "a"),
        ("table", "b"),
        ("view", "V iew"),
    ]
    assert found[0].state().exists
    with pytest.raises(CorruptStoreError, match=damaged.name):
        found[1].state()


def test_no_flipped_bit_of_a_document_goes_unnoticed(dataset: DatasetStore, root: Path):
    dataset.write_fact("info", {"root": 864691135336055529}, captured_at=NOON)
    path = root / "minnie" / "facts" / "info.json"
    good = path.read_bytes()

    for position in range(len(good)):
        for bit in range(8):
            flipped = good[position] ^ (1 << bit)
            path.write_bytes(good[:position] + bytes([flipped]) + good[position + 1 :])
            with pytest.raises(StoreError, match=r"info\.json"):
                dataset.read_fact("info")


def test_a_damaged_fact_is_repaired_by_writing_it(dataset: DatasetStore, root: Path):
    dataset.write_fact("info", 1)
    (root / "minnie" / "facts" / "info.json").write_bytes(b"{}")

    dataset.write_fact("info", 2)

    fact = dataset.read_fact("info")
    assert fact is not None
    assert fact.value == 2


def test_a_newer_format_asks_for_an_upgrade(synapses: RowSet, root: Path):
    append_keys(synapses, "post", [1])
    (path,) = root.rglob("commits/*.json")
    path.write_bytes(path.read_bytes().replace(b'{"format":1,', b'{"format":2,', 1))
    anew = Store(root).dataset("minnie", datastack="minnie65", server=SERVER)

    with pytest.raises(StoreError, match="upgrade"):
        anew.rows("table", "synapses", 1300).state()


@pytest.mark.skipif(os.name == "nt", reason="modes are a POSIX matter")
@pytest.mark.parametrize("umask", [0o000, 0o002, 0o027])
def test_files_are_the_users_alone_whatever_the_umask_allows(
    synapses: RowSet, root: Path, umask: int
):
    before = os.umask(umask)
    try:
        append_keys(synapses, "post", [1])
    finally:
        os.umask(before)

    for path in root.rglob("*"):
        expected = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == expected, path
