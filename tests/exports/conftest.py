"""Exports in the loopback CAVE's bucket, and dumps written by hand."""

import gzip
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from cortical_cache import load_client
from cortical_cache.client.client import Client
from cortical_cache.demo import LoopbackCave, World, WorldSettings, build_world

Write = Callable[..., Path]


@pytest.fixture(scope="session")
def cave_world() -> World:
    return build_world(WorldSettings(synapses=4_000, cells=120))


@pytest.fixture(autouse=True)
def this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep Google's and Amazon's libraries from looking for their clouds."""
    monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def bucket(server: LoopbackCave, monkeypatch: pytest.MonkeyPatch) -> str:
    """Serve the world's dumps under Google's API; return their location."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
    return f"gs://{server.world.bucket}/demo/"


@pytest.fixture
def client(bucket: str) -> Client:
    client = load_client("demo", version=5)
    client.set_export_cloudpath(bucket)
    return client


@pytest.fixture
def dumps(tmp_path: Path) -> Path:
    """Return an empty folder for dumps."""
    folder = tmp_path / "dumps"
    folder.mkdir()
    return folder


@pytest.fixture
def write(dumps: Path) -> Write:
    """Return a function that writes a dump and its header."""
    return partial(write_dump, dumps)


def write_dump(
    folder: Path, name: str, header: str, rows: str, version: int = 5
) -> Path:
    """Write ``v{version}/{name}.csv.gz`` and its header; return the data's path."""
    base = folder / f"v{version}" / name
    base.parent.mkdir(parents=True, exist_ok=True)
    base.with_name(f"{name}_header.csv").write_text(header)
    path = base.with_name(f"{name}.csv.gz")
    path.write_bytes(gzip.compress(rows.encode()))
    return path
