"""Which materialization versions there are, and which one is meant."""

import logging
import threading
from datetime import datetime, timedelta

from cortical_cache.cache.facts import Clock, Facts
from cortical_cache.cache.origin import Origin
from cortical_cache.errors import (
    NotCachedError,
    ServerError,
    UnknownNameError,
    VersionExpiredError,
)
from cortical_cache.model.dataset import Home
from cortical_cache.model.json import Json, JsonObject, as_list, as_object
from cortical_cache.model.version import VersionRecord
from cortical_cache.policy.freshness import Fact
from cortical_cache.repositories.expiry import last_known, with_copies
from cortical_cache.repositories.missing import by_sync
from cortical_cache.settings import Settings
from cortical_cache.store import DatasetStore

__all__ = ["Versions"]

log = logging.getLogger(__name__)

_warned: set[tuple[str, int]] = set()
"""Folder and version of what this process has said to end soon."""


class Versions:
    """The versions of one dataset.

    Freshness: the list is asked once a session, when first needed; offline the last
    answer is served. A version's number, timestamp and ``is_merged`` never change.

    Parameters
    ----------
    home : Home
    settings : Settings
    store : DatasetStore
    facts : Facts
    origin : Origin
    clock : callable
        Tells the time.
    """

    def __init__(  # noqa: PLR0913, PLR0917  collaborators
        self,
        home: Home,
        settings: Settings,
        store: DatasetStore,
        facts: Facts,
        origin: Origin,
        clock: Clock,
    ) -> None:
        self._home = home
        self._settings = settings
        self._store = store
        self._facts = facts
        self._origin = origin
        self._clock = clock
        self._lock = threading.Lock()
        self._asked: list[JsonObject] | None = None
        self._default: int | None = None
        self._chosen: int | None = None
        self._looked_at: set[int] = set()

    @property
    def chosen(self) -> int | None:
        """The version that the user set on the client, or None."""
        return self._chosen

    @chosen.setter
    def chosen(self, version: int | None) -> None:
        self._chosen = None if version is None else int(version)

    def records(self) -> list[JsonObject]:
        """Return the server's records of all versions, expired ones included.

        Freshness: asked once a session; offline, or when the server fails, the last
        answer.

        Raises
        ------
        NotCachedError
            Offline, and the list was never asked.
        """
        with self._lock:
            if self._asked is None:
                document = self._facts.get(
                    Fact.VERSIONS,
                    self._ask,
                    missing=by_sync(self._origin, "the version list"),
                )
                self._asked = [as_object(one) for one in as_list(document.value)]
            return self._asked

    def ask_again(self) -> None:
        """Ask for the list anew when it is next needed."""
        with self._lock:
            self._asked = None
            self._default = None

    def _ask(self) -> Json:
        """Ask for the list; what is no list of versions is not kept."""
        records = self._origin.metadata.versions()
        try:
            for record in records:
                VersionRecord.parse(record)
        except ValueError as error:
            server = self._home.dataset.server_address
            raise ServerError(f"{server}: {error}") from error
        return [*records]

    def raw(self, version: int) -> JsonObject:
        """Return the server's record of one version, held or asked.

        Raises
        ------
        UnknownNameError
            If there is no such version; the error names those there are.
        NotCachedError
            Offline, and it is newer than what was last listed.
        """
        held = self._store.read_version(version)
        if held is not None:
            return as_object(held.value)
        records = self._records_of(version)
        for record in records:
            if record.get("version") == version:
                return record
        raise self._unknown(version)

    def _records_of(self, version: int) -> list[JsonObject]:
        """Return the records of all versions, among which one is to be found.

        Versions are numbered on: the last list proves nothing of a later number.
        """
        try:
            records = self.records()
        except NotCachedError as error:
            raise self._not_cached(version) from error
        newest = max((VersionRecord.parse(one).version for one in records), default=0)
        if self._origin.offline and version > newest:
            raise self._not_cached(version)
        return records

    def _not_cached(self, version: int) -> NotCachedError:
        name = self._home.dataset.name
        command = f"cortical-cache sync {name} {version}"
        return NotCachedError(f"version {version} of {name} is", command)

    def record(self, version: int) -> VersionRecord:
        """Return one version: number, timestamp and ``is_merged`` for ever.

        Freshness: `valid`, `status` and `expires_on` as last known.

        Raises
        ------
        UnknownNameError
            If there is no such version; the error names those there are.
        NotCachedError
            Offline, and nothing is known of it.
        """
        return VersionRecord.parse(self.raw(version))

    def available(self) -> tuple[int, ...]:
        """Return the versions that the server answers queries for, ascending."""
        known = (VersionRecord.parse(one) for one in self.records())
        return tuple(sorted(one.version for one in known if one.is_stable))

    def held(self) -> tuple[int, ...]:
        """Return the versions that rows are held of, ascending. No network."""
        versions = self._store.versions()
        return tuple(one for one in versions if self._store.row_sets(one))

    def newest(self) -> int:
        """Return the newest version that the server answers queries for."""
        available = self.available()
        if not available:
            name = self._home.dataset.name
            raise UnknownNameError("version", "latest", name, ())
        return available[-1]

    def resolve(self, version: int | None = None) -> int:
        """Return the version that is meant.

        In order: the argument, the client's own, ``CORTICAL_CACHE_VERSION``, the
        configuration's pin, then offline the newest held, else the server's newest.

        Parameters
        ----------
        version : int, optional
            As the caller gave it; numpy integers are welcome.

        Raises
        ------
        NotCachedError
            Offline, nothing set, nothing held.
        """
        given = self.settled() if version is None else version
        if given is not None:
            return int(given)
        if self._default is None:
            self._default = self._guess()
        return self._default

    def settled(self) -> int | None:
        """Return the version that was set somewhere, if one was. No network."""
        for given in (self._chosen, self._settings.version, self._home.pinned):
            if given is not None:
                return given
        return self._default

    def ensure(self, version: int) -> None:
        """Make sure that a version is known, before anything of it is asked.

        Freshness: once its record is held, no request.

        Raises
        ------
        UnknownNameError
            If the server has no such version; the error names those there are.
        NotCachedError
            Offline, and nothing is known of it.
        """
        if self._store.read_version(version) is None:
            record = self.raw(version)
            self._store.write_version(version, record, self._clock())
        if not self._origin.offline and version not in self._looked_at:
            self._looked_at.add(version)
            self._warn_ahead(version)

    def require_stable(self, version: int) -> VersionRecord:
        """Return the record of a version whose rows may be fetched now.

        Raises
        ------
        UnknownNameError
            If it does not exist, or is not made to the end yet.
        VersionExpiredError
            If the server has dropped its database.
        """
        records = self._records_of(version)
        record = next((one for one in records if one.get("version") == version), None)
        if record is None:
            raise self._unknown(version)
        parsed = VersionRecord.parse(record)
        if parsed.is_stable:
            return parsed
        if parsed.status == "EXPIRED":
            raise self.expired(version)
        raise self._unknown(version)

    def expired(self, version: int) -> VersionExpiredError:
        """Name a version that is gone, those that are not, and its static copies."""
        name = self._home.dataset.name
        known = ", ".join(map(str, self.available())) or "no version"
        return with_copies(
            f"version {version} of {name} has expired on the server and what you ask "
            f"is not held; the server still has {known}",
            self._home.dataset,
        )

    def at(self, timestamp: datetime) -> int | None:
        """Return the version frozen at exactly that time, or None."""
        for record in self.records():
            parsed = VersionRecord.parse(record)
            if parsed.timestamp == timestamp:
                return parsed.version
        return None

    def public_end(self) -> datetime | None:
        """Return where a public datastack's time ends; None for a private one.

        The server clamps later moments to its newest version, which moves. No service
        says whether a datastack is public; those of CAVE are named so.
        """
        if "public" not in self._home.dataset.datastack:
            return None
        records = map(VersionRecord.parse, self.records())
        return max((one.timestamp for one in records if one.valid), default=None)

    def graph_end(self) -> datetime | None:
        """Return where a public datastack's chunkedgraph ends, in whole seconds."""
        end = self.public_end()
        return None if end is None else end.replace(microsecond=0)

    def graph_moment(self, moment: datetime) -> datetime:
        """Return the end for moments in its very second, such as the newest version's.

        So does a public chunkedgraph; without it no answer at that version were kept.
        """
        end = self.graph_end()
        if end is not None and end <= moment < end + timedelta(seconds=1):
            return end
        return moment

    def _guess(self) -> int:
        name = self._home.dataset.name
        held = self.held()
        if self._origin.offline:
            if held:
                return held[-1]
            raise NotCachedError(
                f"any version of {name} is", f"cortical-cache sync {name} latest"
            )
        newest = self.newest()
        if held and held[-1] != newest:
            log.warning(
                "%s: using version %d, the server's newest; version %d is held "
                "(load_client(%r, version=%d) uses that)",
                name,
                newest,
                held[-1],
                name,
                held[-1],
            )
        return newest

    def _unknown(self, version: int) -> UnknownNameError:
        return UnknownNameError(
            "version", version, self._home.dataset.name, self.available()
        )

    def _warn_ahead(self, version: int) -> None:
        """Log, once in a process, that a version in use ends soon."""
        known = last_known(self._store, version)
        warning = known.warning(self._clock()) if known else None
        key = (str(self._store.folder), version)
        if warning is None or key in _warned:
            return
        _warned.add(key)
        name = self._home.dataset.name
        log.warning(
            "%s: %s; `cortical-cache sync %s %d` keeps it", name, warning, name, version
        )
