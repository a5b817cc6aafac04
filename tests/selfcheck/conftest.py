"""Run the probes against a loopback CAVE, or a server that stands before one."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from cortical_cache.demo import LoopbackCave
from cortical_cache.registry import resolve
from cortical_cache.selfcheck import Finding, connect, findings
from cortical_cache.settings import read_settings
from tests.selfcheck.proxy import Proxy, standing_before

Examine = Callable[..., dict[str, Finding]]


@pytest.fixture
def token(home: Path) -> None:
    """Keep the token of all loopback servers, at whatever address they listen."""
    folder = home / ".cloudvolume" / "secrets"
    folder.mkdir(parents=True, exist_ok=True)
    secret = json.dumps({"token": "0123456789abcdef0123456789abcdef"})
    (folder / "cave-secret.json").write_text(secret, encoding="utf-8")


@pytest.fixture
def before(token: None) -> Iterator[Callable[[LoopbackCave, Proxy], str]]:
    """Return a function that stands a proxy before a server."""
    with ExitStack() as stack:
        yield lambda cave, proxy: stack.enter_context(standing_before(cave, proxy))


@pytest.fixture
def examine(token: None) -> Examine:
    """Return a function that asks all probes of a server, by name."""

    def examine(
        url: str, name: str = "demo", version: int | None = None
    ) -> dict[str, Finding]:
        dataset = resolve(name, read_settings(), server_address=url).dataset
        server = connect(replace(dataset, server_address=url), version)
        return {one.probe.name: one for one in findings(server)}

    return examine
