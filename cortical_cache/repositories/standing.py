"""How what is held of a dataset stands to its server: stale, expiring, missing, new.

With a connection the list of versions is asked, and what an old fact would say now is
not: asking is what makes it fresh. Offline, and if the server fails, as last known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from cortical_cache.errors import NotCachedError
from cortical_cache.model.commands import sync_command
from cortical_cache.model.json import as_list, as_object
from cortical_cache.model.shape import Kind
from cortical_cache.policy.freshness import Fact, is_fresh
from cortical_cache.repositories.dataset import Repositories
from cortical_cache.repositories.expiry import AHEAD, last_known

__all__ = ["Finding", "State", "standing"]

State = Literal["stale", "expiring", "missing", "new"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as the server has it, or soon will not be.

    Attributes
    ----------
    state : {"stale", "expiring", "missing", "new"}
    what : str
        What it is about.
    told : str
        In words.
    command : str
        What mends it; empty if nothing need be done.
    """

    state: State
    what: str
    told: str
    command: str = ""


def standing(of: Repositories, wanted: Sequence[str]) -> list[Finding]:
    """Look over what is held of a dataset.

    Parameters
    ----------
    of : Repositories
    wanted : sequence of str
        Tables and views that each held version should have whole, if it has them.

    Returns
    -------
    list of Finding
        By state. Empty if nothing is held, or all is well.
    """
    held = of.versions.held()
    return [
        *_stale(of, held),
        *_expiring(of, held),
        *(one for version in held for one in _missing(of, version, wanted)),
        *_new_versions(of, held),
        *_new_exports(of),
    ]


def _stale(of: Repositories, held: Sequence[int]) -> list[Finding]:
    """Name facts that are older than the policy lets them be.

    Those of a session, and for ever, are none.
    """
    now = of.clock()
    found: list[Finding] = []
    for fact in Fact:
        if not fact.rule.kept:
            continue
        for version in (None, *held):
            document = of.facts.held(fact, version)
            if document and not is_fresh(fact, document.captured_at, now):
                what = fact.value.replace("_", " ")
                where = "" if version is None else f" of v{version}"
                told = f"as of {_date(document.captured_at)}; asked again when needed"
                found.append(Finding("stale", f"{what}{where}", told))
    return found


def _expiring(of: Repositories, held: Sequence[int]) -> list[Finding]:
    now = of.clock()
    name = of.dataset.name
    found: list[Finding] = []
    for version in held:
        known = last_known(of.store, version)
        if known is None:
            continue
        soon = known.expires_on is not None and known.expires_on - now <= AHEAD
        if known.on_server and not soon:
            continue
        command = f"cortical-cache sync {name} {version}" if known.on_server else ""
        found.append(Finding("expiring", f"v{version}", known.told(now), command))
    return found


def _missing(of: Repositories, version: int, wanted: Sequence[str]) -> list[Finding]:
    """Name what a held version has on the server, should have here, and has not."""
    kinds = _listed(of, version)
    found: list[Finding] = []
    for name in wanted:
        kind = kinds.get(name)
        if kind is None:
            continue
        state = of.store.rows(kind, name, version).state()
        if not state.is_whole:
            command = sync_command(of.dataset.name, version, kind, name)
            told = "held in part" if state.exists else "not held"
            found.append(Finding("missing", f"{name} of v{version}", told, command))
    return found


def _listed(of: Repositories, version: int) -> dict[str, Kind]:
    """Return what a version was last known to have."""
    tables = of.facts.held(Fact.TABLES, version)
    views = of.facts.held(Fact.VIEWS, version)
    records = [] if tables is None else as_list(tables.value)
    kinds: dict[str, Kind] = {
        str(as_object(one)["table_name"]): "table" for one in records
    }
    names = {} if views is None else as_object(views.value)
    for name in names:
        kinds[name] = "view"
    return kinds


def _new_versions(of: Repositories, held: Sequence[int]) -> list[Finding]:
    try:
        available = of.versions.available()
    except NotCachedError:
        return []
    name = of.dataset.name
    newest_held = max(held, default=0)
    return [
        Finding(
            "new",
            f"v{version}",
            f"frozen on {_date(of.versions.record(version).timestamp)}",
            f"cortical-cache sync {name} {version}",
        )
        for version in available
        if held and version > newest_held
    ]


def _new_exports(of: Repositories) -> list[Finding]:
    """Name exports of which an older generation is held than was last listed."""
    name = of.dataset.name
    return [
        Finding(
            "new",
            f"export {one.name} v{one.version}",
            "another generation in the bucket",
            sync_command(name, one.version, "export", one.name),
        )
        for one in of.exports.known()
        if of.exports.held(one.name, one.version) is not None
        and not of.exports.is_current(one)
    ]


def _date(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"
