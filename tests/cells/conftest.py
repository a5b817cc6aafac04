"""A client of a CAVE on this machine."""

from pathlib import Path

import pytest

from cortical_cache import load_client
from cortical_cache.client import Client
from cortical_cache.demo import LoopbackCave
from tests.cells.kit import MAIN, OTHER


@pytest.fixture
def client(server: LoopbackCave) -> Client:
    """Return a client that holds nothing yet."""
    return load_client("demo")


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a configuration with a dataset of two cell tables and no lookup view."""
    path = tmp_path / "config.toml"
    path.write_text(
        "[datasets.no_view]\n"
        'datastack = "demo"\nserver_address = "http://127.0.0.1:1"\n'
        f'main_table = "{MAIN}"\nalternative_tables = ["{OTHER}"]\n'
    )
    monkeypatch.setenv("CORTICAL_CACHE_CONFIG", str(path))
    return path


@pytest.fixture
def no_view(server: LoopbackCave, config: Path) -> Client:
    """Return a client whose dataset has no lookup view."""
    return load_client("no_view")
