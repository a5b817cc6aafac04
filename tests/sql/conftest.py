"""A dataset's client, the same one offline, and the command in this process."""

import pytest

from cortical_cache import Client, load_client
from cortical_cache.cli.app import run
from tests.kit import Command, Ran


@pytest.fixture
def client(server) -> Client:
    """Return a client of the loopback CAVE."""
    return load_client("demo", version=5)


@pytest.fixture
def offline(server) -> Client:
    """Return a client that may open no socket."""
    return load_client("demo", version=5, offline=True)


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Return a function that runs ``cortical-cache``, as in a pipe."""

    def command(*arguments: str) -> Ran:
        capsys.readouterr()
        try:
            code = run([*arguments])
        except SystemExit as end:  # the parser's, for a wrong command line
            code = int(end.code or 0)
        return Ran(code, *capsys.readouterr())

    return command
