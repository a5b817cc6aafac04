"""Look over all that answers rest on: disk, locks, format, clock, token, server."""

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from cortical_cache.errors import CorticalCacheError
from cortical_cache.model.version import VersionRecord
from cortical_cache.repositories.dataset import Repositories
from cortical_cache.store.locks import locks_work
from cortical_cache.store.sealed import FORMAT

__all__ = ["Finding", "checkup"]

Outcome = Literal["fine", "look", "bad"]

_ROOM = 5 * 10**9
"""Free bytes below which a sync of a few tables may not fit."""

_CLOCK = 60
"""Seconds that clocks may differ: "now" then still means the same root ids."""

_PACKAGES = ("cortical-cache", "caveclient", "duckdb", "pyarrow", "pandas")

# Where flock may do nothing, or be local to one machine.
_SHARED = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "lustre", "gpfs", "9p"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    check : str
    outcome : {"fine", "look", "bad"}
        ``look``: it works, with a drawback.
    said : str
    """

    check: str
    outcome: Outcome
    said: str


def checkup(of: Repositories) -> Iterator[Finding]:
    """Yield what was found. Writes one file into the store, and removes it.

    Offline, nothing is asked of the server.

    Parameters
    ----------
    of : Repositories
    """
    root = of.settings.cache_dir
    there = _existing(root)
    yield Finding("packages", "fine", ", ".join(map(_installed, _PACKAGES)))
    yield _disk(root, there)
    yield _file_system(there)
    yield _locks(there)
    yield _binding(of)
    yield _damage(of)
    if of.settings.offline:
        yield Finding("server", "look", "not asked: offline")
        return
    yield _token(of)
    yield _server(of)
    yield _clock(of)


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path


def _installed(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"{name} missing"


def _disk(root: Path, there: Path) -> Finding:
    free = shutil.disk_usage(there).free
    said = f"{root}: {free / 1e9:.1f} GB free"
    if not os.access(there, os.W_OK):
        return Finding("disk", "look", f"{said}, and you may not write there")
    return Finding("disk", "fine" if free >= _ROOM else "look", said)


def _file_system(there: Path) -> Finding:
    kind = _mounted(there)
    if kind in _SHARED:
        said = f"{kind}: shared with other machines, whose locks may not be seen here"
        return Finding("file system", "look", said)
    return Finding("file system", "fine", kind or f"unknown on {sys.platform}")


def _mounted(path: Path) -> str | None:
    """Return the type of the file system, as Linux names it."""
    try:
        lines = Path("/proc/self/mounts").read_text("utf-8").splitlines()
    except OSError:
        return None
    inside = path.resolve()
    found = ((one.split(" ")[1], one.split(" ")[2]) for one in lines)
    kinds = [(len(at), kind) for at, kind in found if inside.is_relative_to(at)]
    return max(kinds)[1] if kinds else None


def _locks(there: Path) -> Finding:
    works = locks_work(there)
    if works is None:
        return Finding("locks", "look", "not tried: you may not write there")
    if works:
        return Finding("locks", "fine", "one process keeps another one out")
    said = "do nothing here: answers stay right, work may be done twice"
    return Finding("locks", "look", said)


def _binding(of: Repositories) -> Finding:
    try:
        is_held = of.store.check()
    except CorticalCacheError as error:
        return Finding("format", "bad", str(error))
    said = f"{FORMAT}, as this release writes it" if is_held else "nothing is held yet"
    return Finding("format", "fine", said)


def _damage(of: Repositories) -> Finding:
    problems = of.upkeep.verify()
    if problems:
        command = f"`cortical-cache repair {of.dataset.name}`"
        said = f"{len(problems)} files are not as they were written: {command}"
        return Finding("damage", "bad", said)
    return Finding("damage", "fine", "every file has its size (`verify --deep` reads)")


def _token(of: Repositories) -> Finding:
    from cortical_cache.sources.cave.tokens import token_state

    server = of.dataset.server_address
    login = f"`cortical-cache login {of.dataset.name}`"
    try:
        state = token_state(server, ask=True)
    except CorticalCacheError as error:
        return Finding("token", "bad", str(error))
    if not state.found:
        return Finding("token", "bad", f"there is none for {server}: {login}")
    if state.accepted is False:
        return Finding("token", "bad", f"{server} refuses it: {login}")
    return Finding("token", "fine", f"{server} accepts it")


def _server(of: Repositories) -> Finding:
    try:
        # not the remembered list, which serves where the server fails
        records = list(map(VersionRecord.parse, of.origin.metadata.versions()))
    except (CorticalCacheError, ValueError) as error:
        return Finding("server", "bad", str(error))
    valid = sorted(one.version for one in records if one.valid)
    if not valid:
        return Finding("server", "bad", f"{of.dataset.datastack} has no valid version")
    said = f"{of.dataset.datastack} has versions {valid[0]} to {valid[-1]}"
    chosen = of.versions.settled()
    if chosen is not None and chosen not in valid:
        return Finding("server", "look", f"{said}, and not {chosen}, which is chosen")
    return Finding("server", "fine", said)


def _clock(of: Repositories) -> Finding:
    heard = of.origin.session.server_time()
    if heard is None:
        return Finding("clock", "look", "the server did not tell the time")
    ahead = (of.clock() - heard).total_seconds()
    said = f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the server's"
    return Finding("clock", "fine" if abs(ahead) < _CLOCK else "look", said)
