"""A small world, a worker, and stores to begin from."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cortical_cache.demo import LoopbackCave, World, WorldSettings, build_world
from tests.reliability.kit import Worker, why_not_traced
from tests.reliability.trial import JOBS, Trial


@pytest.fixture(scope="session")
def cave_world() -> World:
    return build_world(WorldSettings(synapses=3_000, cells=60))


@pytest.fixture
def server(start, monkeypatch: pytest.MonkeyPatch) -> LoopbackCave:
    """Run a CAVE whose cap the synapses exceed, so that they come in pages."""
    cave = start(row_cap=1_200)
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", cave.url)
    return cave


@pytest.fixture
def worker(server: LoopbackCave, home: Path) -> Iterator[Worker]:
    """Run a worker that asks the server."""
    with Worker() as worker:
        yield worker


@pytest.fixture(scope="session")
def traced() -> None:
    """Skip where system calls cannot be tampered with."""
    reason = why_not_traced()
    if reason is not None:
        pytest.skip(reason)


@pytest.fixture(params=JOBS)
def trial(request, worker: Worker, tmp_path: Path, server) -> Trial:
    folder = tmp_path / "trial"
    folder.mkdir()
    return Trial(worker, JOBS[request.param], folder)
