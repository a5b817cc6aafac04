"""A store that was filled once, and a machine without a network."""

import pytest

from cortical_cache import Client, load_client


@pytest.fixture
def blocked(server, monkeypatch):
    """Return a function that ends the server and blocks all sockets.

    Here, and in every process started from here: see ``tests/sockets``.
    """

    def block() -> None:
        server.stop()
        monkeypatch.setenv("CORTICAL_CACHE_TEST_SOCKETS", "none")

    return block


@pytest.fixture(params=["offline", "pinned"])
def without_network(request, blocked):
    """Return a function that gives a client which has no network to ask."""

    def client() -> Client:
        blocked()
        return load_client("demo", version=5, offline=request.param == "offline")

    return client


@pytest.fixture
def nowhere(no_sockets, monkeypatch, tmp_path):
    """Have datasets of a server whose name must be looked up, and no socket."""
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", "https://cave.invalid")
    monkeypatch.chdir(tmp_path)
    return no_sockets


@pytest.fixture
def empty(nowhere) -> Client:
    """Return an offline client of which nothing is held."""
    client = load_client("demo", offline=True)
    client.set_export_cloudpath("gs://no-such-bucket/exports")
    return client


@pytest.fixture
def bucket(server, monkeypatch) -> str:
    """Serve the world's dumps under Google's API, and return their location."""
    monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
    return f"gs://{server.world.bucket}/demo"
