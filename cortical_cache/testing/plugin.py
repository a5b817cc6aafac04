"""pytest fixtures: a synthetic world, a running loopback CAVE, a home for caveclient.

pytest loads this module in every session, so imports of any weight wait inside.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # the plugin must stay light for sessions that never use it
    from cortical_cache.demo import LoopbackCave, World


@pytest.fixture(scope="session")
def cave_world() -> "World":
    """Return the small demo world, the same in every session."""
    from cortical_cache.demo import build_world

    return build_world()


@pytest.fixture
def cave(cave_world: "World") -> "Iterator[LoopbackCave]":
    """Run a loopback CAVE that serves `cave_world`."""
    from cortical_cache.demo import LoopbackCave

    with LoopbackCave(cave_world) as running:
        yield running


@pytest.fixture
def cave_home(
    cave: "LoopbackCave", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """Point ``HOME`` at a directory with the token of `cave`; forget client caches."""
    from cortical_cache.testing.home import (
        forget_client_caches,
        write_token,
    )

    write_token(tmp_path, cave)
    monkeypatch.setenv("HOME", str(tmp_path))
    forget_client_caches()
    yield tmp_path
    forget_client_caches()
