"""Test code that talks to CAVE, against a CAVE on this machine.

The loopback CAVE serves a synthetic cortex to the unmodified caveclient. With pytest,
the fixtures of `cortical_cache.testing.plugin` are there without an import::

    def test_my_analysis(cave_home, cave):
        client = CAVEclient("demo", server_address=cave.url)
        ...

Elsewhere, use `loopback_cave`.
"""

from cortical_cache.demo import (
    LoggedRequest,
    LoopbackCave,
    ServerSettings,
    World,
    WorldSettings,
    build_world,
)
from cortical_cache.testing.home import (
    forget_client_caches,
    loopback_cave,
    write_token,
)

__all__ = [
    "LoggedRequest",
    "LoopbackCave",
    "ServerSettings",
    "World",
    "WorldSettings",
    "build_world",
    "forget_client_caches",
    "loopback_cave",
    "write_token",
]
