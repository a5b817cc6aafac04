"""Every test stays on this machine and has a home, a store and no settings."""

import os
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest

from cortical_cache.cli.app import run
from cortical_cache.demo import (
    LoopbackCave,
    ServerSettings,
    World,
    WorldSettings,
    build_world,
)
from cortical_cache.settings import SETTINGS
from cortical_cache.testing import forget_client_caches, write_token
from tests.kit import Command, Ran, Start

TREE = Path(__file__).parents[1]
SOCKETS = TREE / "tests" / "sockets"
ATTEMPTS = runpy.run_path(str(SOCKETS / "sitecustomize.py"))["ATTEMPTS"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty home; nothing of the user's own is seen or touched."""
    folder = tmp_path / "home"
    folder.mkdir()
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for one in SETTINGS:
        monkeypatch.delenv(one.variable, raising=False)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("CORTICAL_CACHE_DIR", str(tmp_path / "store"))
    # The package of this tree in subprocesses, too, whichever is installed.
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(SOCKETS), str(TREE)]))
    return folder


@pytest.fixture
def no_sockets(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have every socket refused from now on, and return those that were asked for."""
    ATTEMPTS.clear()
    monkeypatch.setenv("CORTICAL_CACHE_TEST_SOCKETS", "none")
    return ATTEMPTS


@pytest.fixture
def store_dir(tmp_path: Path) -> Path:
    """Return the root of the store, which need not exist yet."""
    return tmp_path / "store"


@pytest.fixture(scope="session")
def minnie_world() -> World:
    """Return a world that stands in for minnie65_public."""
    return build_world(WorldSettings(datastack="minnie65_public"))


@pytest.fixture
def start(home: Path, cave_world: World) -> Iterator[Start]:
    """Return a function that starts a CAVE; its token is in the home."""
    running: list[LoopbackCave] = []
    forget_client_caches()

    def start(world: World | None = None, **settings: object) -> LoopbackCave:
        server = LoopbackCave(world or cave_world, ServerSettings(**settings)).start()
        running.append(server)
        write_token(home, server)
        return server

    yield start
    for server in running:
        server.stop()
    forget_client_caches()


@pytest.fixture
def server(start: Start, monkeypatch: pytest.MonkeyPatch) -> LoopbackCave:
    """Run a CAVE that all datasets are asked of."""
    cave = start()
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", cave.url)
    return cave


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Return a function that runs ``cortical-cache`` in this process, as in a pipe."""

    def command(*arguments: str) -> Ran:
        capsys.readouterr()
        try:
            code = run([*arguments])
        except SystemExit as end:  # the parser's, for a wrong command line
            code = int(end.code or 0)
        return Ran(code, *capsys.readouterr())

    return command
