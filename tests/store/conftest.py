"""A store in a temporary folder."""

from pathlib import Path

import pytest

from cortical_cache.store import DatasetStore, RowSet, Store

from .kit import SERVER


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def store(root: Path) -> Store:
    return Store(root)


@pytest.fixture
def dataset(store: Store) -> DatasetStore:
    return store.dataset("minnie", datastack="minnie65", server=SERVER)


@pytest.fixture
def synapses(dataset: DatasetStore) -> RowSet:
    return dataset.rows("table", "synapses", 1300)
