"""The fixtures of the public plugin, and clients of the small demo world."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from caveclient import CAVEclient

from cortical_cache.demo import LoopbackCave, ServerSettings, World
from cortical_cache.testing import forget_client_caches, write_token
from cortical_cache.testing.plugin import cave, cave_home, cave_world

__all__ = ["cave", "cave_home", "cave_world"]

Serve = Callable[..., CAVEclient]


@pytest.fixture
def client(cave: LoopbackCave, cave_home: Path) -> CAVEclient:
    """Return the real client of the private demo datastack."""
    assert cave_home.is_dir()
    return CAVEclient("demo", server_address=cave.url)


@pytest.fixture
def serve(
    cave_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Serve]:
    """Return a function that serves a world with settings and returns a client."""
    running: list[LoopbackCave] = []
    monkeypatch.setenv("HOME", str(tmp_path))
    forget_client_caches()

    def start(
        settings: ServerSettings | None = None,
        *,
        world: World | None = None,
        datastack: str = "demo",
    ) -> CAVEclient:
        server = LoopbackCave(world or cave_world, settings).start()
        running.append(server)
        write_token(tmp_path, server)
        return CAVEclient(datastack, server_address=server.url)

    yield start
    for server in running:
        server.stop()
    forget_client_caches()


@pytest.fixture(scope="session")
def end_of_world() -> datetime:
    """Return a moment just before the demo world's last day ends."""
    return datetime(2025, 8, 31, 12, 0, 0, 1000, tzinfo=UTC)
