"""Which versions the server still has, and until when, as last known. No network.

Administrators move expiry dates, and the server may keep a version longer than it said,
so everything is told with the date on which it was known.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cortical_cache.errors import CorticalCacheError, VersionExpiredError
from cortical_cache.model.dataset import Dataset
from cortical_cache.model.json import as_list, as_object
from cortical_cache.model.version import VersionRecord
from cortical_cache.policy.freshness import Fact
from cortical_cache.store import DatasetStore

__all__ = ["AHEAD", "Expiry", "last_known", "may_be_gone", "with_copies"]

AHEAD = timedelta(days=30)
"""How long before its end a version is warned about."""


@dataclass(frozen=True, slots=True)
class Expiry:
    """What is last known of one version's stay on the server.

    Attributes
    ----------
    version : int
    on_server : bool
        Whether it answers queries for it.
    expires_on : datetime or None
        When it may drop it, UTC; None: never.
    as_of : datetime
        When the server said so, UTC.
    """

    version: int
    on_server: bool
    expires_on: datetime | None
    as_of: datetime

    def told(self, now: datetime) -> str:
        """Say it in a few words, the date on which it was known included."""
        return f"{self._state(now)} (as of {self.as_of:%Y-%m-%d})"

    def warning(self, now: datetime) -> str | None:
        """Say that the version ends soon, or has by its date; None if it does not."""
        if not self.on_server or self.expires_on is None:
            return None
        if self.expires_on - now > AHEAD:
            return None
        return f"v{self.version} {self._state(now)}"

    def may_be_gone(self, now: datetime) -> bool:
        """Tell whether the server has dropped the version, or may have since.

        It may keep one longer than it said, but only a word from after that date
        shows that it did.
        """
        if not self.on_server or self.expires_on is None:
            return not self.on_server
        return self.as_of < self.expires_on <= now

    def _state(self, now: datetime) -> str:
        if not self.on_server:
            return "expired"
        if self.expires_on is None:
            return "no expiry"
        left = self.expires_on - now
        if left < timedelta(0):
            return f"was to expire on {self.expires_on:%Y-%m-%d}"
        if left > AHEAD:
            return f"until {self.expires_on:%Y-%m-%d}"
        if left.days == 0:
            return "expires within a day"
        return f"expires in {left.days} day{'s' if left.days > 1 else ''}"


def last_known(store: DatasetStore, version: int) -> Expiry | None:
    """Return what is known of a version: of its own record and the list the newer.

    The list has expired versions, too: what it lacks the server knows no more. None if
    neither is held.
    """
    own = store.read_version(version)
    listed = store.read_fact(Fact.VERSIONS.value)
    found = [] if own is None else [_expiry(own.value, own.captured_at)]
    if listed is not None:
        records = [
            _expiry(record, listed.captured_at)
            for record in as_list(listed.value)
            if as_object(record).get("version") == version
        ]
        gone = Expiry(
            version, on_server=False, expires_on=None, as_of=listed.captured_at
        )
        found += records or [gone]
    return max(found, key=lambda one: one.as_of, default=None)


def may_be_gone(store: DatasetStore, version: int, now: datetime) -> bool:
    """Tell whether what is held of a version might never be had again.

    Where nobody can tell, it might: nothing is known of it, or its record is damaged.
    """
    try:
        known = last_known(store, version)
    except (CorticalCacheError, ValueError):
        return True
    return known is None or known.may_be_gone(now)


def with_copies(message: str, dataset: Dataset) -> VersionExpiredError:
    """Return the error of a version that is gone, naming the static copies."""
    sources = dataset.export_locations
    if sources:
        message += f"; static copies may be in {', '.join(sources)}"
    return VersionExpiredError(message, sources)


def _expiry(record: object, as_of: datetime) -> Expiry:
    parsed = VersionRecord.parse(as_object(record))
    return Expiry(parsed.version, parsed.is_stable, parsed.expires_on, as_of)
