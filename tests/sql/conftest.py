"""A dataset's client, and the same one offline."""

import pytest

from cortical_cache import Client, load_client


@pytest.fixture
def client(server) -> Client:
    """Return a client of the loopback CAVE."""
    return load_client("demo", version=5)


@pytest.fixture
def offline(server) -> Client:
    """Return a client that may open no socket."""
    return load_client("demo", version=5, offline=True)
