"""Facts that are small and may change: served while fresh, asked again, kept.

When the server fails, a stale fact is served with a visible warning; offline it is
served as it is. A failure is never kept.
"""

import logging
from collections.abc import Callable, Collection
from datetime import UTC, datetime

from cortical_cache.errors import (
    NotCachedError,
    ServerError,
    ServerUnavailableError,
)
from cortical_cache.model.json import Json
from cortical_cache.policy.freshness import Fact, is_fresh
from cortical_cache.store import DatasetStore, Document

__all__ = ["Clock", "Facts", "utc_now"]

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the time, aware, UTC."""
    return datetime.now(UTC)


class Facts:
    """The remembered facts of one dataset.

    Parameters
    ----------
    store : DatasetStore
    offline : bool
    clock : callable
        Tells the time.
    """

    def __init__(self, store: DatasetStore, *, offline: bool, clock: Clock) -> None:
        self._store = store
        self._offline = offline
        self._clock = clock
        self._seen: dict[tuple[str, int | None], Document] = {}

    def held(
        self, fact: Fact, version: int | None = None, part: str = ""
    ) -> Document | None:
        """Return what is remembered, however old, or None."""
        name = f"{fact.value}.{part}" if part else fact.value
        seen = self._seen.get((name, version))
        if seen is None:
            seen = self._store.read_fact(name, version)
            if seen is not None:
                self._seen[name, version] = seen
        return seen

    def forget(self, names: Collection[str], version: int | None) -> None:
        """Forget facts, here and on the disk, so that they are asked again."""
        for name in names:
            self._store.forget_fact(name, version)
            self._seen.pop((name, version), None)

    def keep(
        self, fact: Fact, value: Json, version: int | None = None, part: str = ""
    ) -> Document:
        """Remember a value as captured now."""
        name = f"{fact.value}.{part}" if part else fact.value
        document = Document(value, self._clock())
        self._store.write_fact(name, value, version, document.captured_at)
        self._seen[name, version] = document
        return document

    def get(  # noqa: PLR0913  what to get, and how to get it
        self,
        fact: Fact,
        ask: Callable[[], Json],
        *,
        missing: tuple[str, str],
        version: int | None = None,
        part: str = "",
        refresh: bool = False,
    ) -> Document:
        """Return a fact: remembered while fresh, else asked and kept.

        Parameters
        ----------
        fact : Fact
        ask : callable
            Asks the server.
        missing : tuple of str
            What to say is missing, and the command that fetches it, if offline.
        version : int, optional
            Of a fact that belongs to a version.
        part : str, optional
            Name of the one among several, e.g. a table.
        refresh : bool
            Ask even if what is held is fresh.

        Returns
        -------
        Document
            Value and the time of its capture.

        Raises
        ------
        NotCachedError
            Offline, and nothing is remembered.
        """
        name = f"{fact.value}.{part}" if part else fact.value
        held = self.held(fact, version, part)
        if held and not refresh and is_fresh(fact, held.captured_at, self._clock()):
            return held
        if self._offline:
            if held is None:
                raise NotCachedError(*missing)
            return held
        try:
            return self.keep(fact, ask(), version, part)
        except (ServerUnavailableError, ServerError) as error:
            if held is None:
                raise
            log.warning(
                "%s; serving %s as of %s",
                error,
                fact.value,
                held.captured_at.isoformat(timespec="seconds"),
            )
            self._seen[name, version] = held
            return held
