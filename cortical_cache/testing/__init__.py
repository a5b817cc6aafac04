"""Test code that talks to CAVE, against a CAVE on this machine.

The loopback CAVE serves a synthetic cortex to the unmodified caveclient. With pytest,
the fixtures of `cortical_cache.testing.plugin` are there without an import::

    def test_my_analysis(cave_home, cave):
        client = CAVEclient("demo", server_address=cave.url)
        ...

Elsewhere, use `loopback_cave`. Nothing heavy is imported before it is used, because
pytest loads this package in every session.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # see above
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


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # `home` has all the names, its own and those of the demo.
    home = import_module("cortical_cache.testing.home")
    demo = import_module("cortical_cache.demo")
    return getattr(home if hasattr(home, name) else demo, name)
