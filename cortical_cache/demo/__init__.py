"""A synthetic cortex and a CAVE deployment that serves it on this machine.

Independent of the rest of the package, so that it can judge the rest.
"""

from cortical_cache.demo.generate.build import build_world
from cortical_cache.demo.server.http import LoggedRequest, LoopbackCave
from cortical_cache.demo.settings import ServerSettings, WorldSettings
from cortical_cache.demo.world import World

__all__ = [
    "LoggedRequest",
    "LoopbackCave",
    "ServerSettings",
    "World",
    "WorldSettings",
    "build_world",
]
