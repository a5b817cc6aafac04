"""A CAVE in trouble, and a client that asks it."""

import pytest

from cortical_cache import load_client

LOGGED_IN = "nucleus_detection_v0"


@pytest.fixture
def impatient(monkeypatch):
    """Let a server be silent for half a second only."""
    monkeypatch.setenv("CORTICAL_CACHE_TIMEOUT", "0.5")


@pytest.fixture
def a_second(monkeypatch):
    """Let a server be silent for a second only, and six for the whole of an answer."""
    monkeypatch.setenv("CORTICAL_CACHE_TIMEOUT", "1")


@pytest.fixture
def client(server):
    """Return a client that knows the version and the table, and holds no rows."""
    client = load_client("demo", version=5)
    client.cached.materialize.get_table_metadata(LOGGED_IN)
    client.cached.materialize.get_tables_metadata()
    server.clear_log()
    return client


@pytest.fixture
def ask(client):
    """Return a function that asks for a table which is not held."""

    def ask() -> object:
        return client.cached.materialize.query_table(LOGGED_IN)

    return ask


@pytest.fixture
def nothing_is_stored(store_dir):
    """Fail if the test left a row in the store, or changed a fact of it."""
    yield
    assert not list(store_dir.rglob("*.parquet"))
    assert not list(store_dir.rglob("commits/*.json"))
