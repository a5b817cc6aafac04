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
