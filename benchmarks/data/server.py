"""A loopback CAVE in a process of its own, for jobs that ask a server."""

import atexit
import multiprocessing
import os
from multiprocessing.connection import Connection
from pathlib import Path

__all__ = ["start"]

_open: list[Connection] = []
"""Our ends of the pipes: a server ends when its own is closed."""


def start(home: Path, *, lifelike: bool = False) -> str:
    """Start a CAVE that stands in for minnie65_public; return its address.

    It ends with this process. ``HOME`` becomes `home`, which then has its token.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(home, theirs, lifelike), daemon=True)
    process.start()
    atexit.register(process.kill)
    _open.append(ours)
    os.environ["HOME"] = str(home)
    url = ours.recv()
    os.environ["CORTICAL_CACHE_SERVER"] = url
    return url


def _serve(home: Path, pipe: Connection, lifelike: bool) -> None:  # noqa: FBT001  of a process
    from cortical_cache.demo import LoopbackCave, WorldSettings, build_world
    from cortical_cache.testing import write_token

    settings = WorldSettings(datastack="minnie65_public", lifelike=lifelike)
    world = build_world(settings)
    with LoopbackCave(world) as cave:
        write_token(home, cave)
        pipe.send(cave.url)
        pipe.poll(None)
