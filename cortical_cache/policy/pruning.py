"""What goes to make room, and what stays whatever the size. No I/O, no clock."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cortical_cache.model.room import Taken, distinct_bytes

__all__ = ["Criteria", "Going", "Pruning", "Staying", "choose", "protection"]

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Criteria:
    """What is to go. What any of them names goes, but for what `keep` keeps.

    Attributes
    ----------
    keep : int or None
        Versions that stay, the newest; all others go.
    older_than : timedelta or None
        What was not used for so long goes.
    max_size : int or None
        Bytes that may stay; what was not used for longest goes first.
    expired, pinned : bool
        Also what goes only by this word.
    """

    keep: int | None = None
    older_than: timedelta | None = None
    max_size: int | None = None
    expired: bool = False
    pinned: bool = False

    @property
    def name_nothing(self) -> bool:
        """Whether nothing is to go by them."""
        return (self.keep, self.older_than, self.max_size) == (None,) * 3


@dataclass(frozen=True, slots=True)
class Going:
    """Something that goes, and why."""

    thing: Taken
    why: str


@dataclass(frozen=True, slots=True)
class Staying:
    """Something that would go but for the word that it needs."""

    thing: Taken
    word: str


@dataclass(frozen=True, slots=True)
class Pruning:
    """What goes and what stays.

    Attributes
    ----------
    going : tuple of Going
        What was not used for longest first.
    staying : tuple of Staying
    before, after : int
        Bytes taken.
    over : int
        Bytes above `Criteria.max_size` that nothing may go for.
    """

    going: tuple[Going, ...]
    staying: tuple[Staying, ...]
    before: int
    after: int
    over: int


def protection(
    thing: Taken, *, expired: bool = False, pinned: bool = False
) -> str | None:
    """Return the word that something needs to go and was not given; None: it may go."""
    if thing.is_pinned and not pinned:
        return "--pinned"
    if thing.is_expired and not expired:
        return "--expired"
    return None


def choose(things: Sequence[Taken], criteria: Criteria, now: datetime) -> Pruning:
    """Decide what goes.

    Records are small and tell what everything else is: they stay, and count.

    Parameters
    ----------
    things : sequence of Taken
        All there is.
    criteria : Criteria
    now : datetime
        Aware.
    """
    kept, dropped = _versions(things, criteria)
    left = Counter(file for one in things for file in one.files)
    nbytes = before = distinct_bytes(things)
    going: list[Going] = []
    staying: list[Staying] = []
    rest = [one for one in things if one.kind != "records"]
    latest = _latest_use(rest)
    for one in sorted(rest, key=lambda one: (_use_of(one, latest), one.nbytes)):
        if (one.folder, one.version) in kept:
            continue
        why = _why(one, criteria, dropped, now)
        if why is None and criteria.max_size is not None:
            why = "least recently used" if nbytes > criteria.max_size else None
        if why is None:
            continue
        word = protection(one, expired=criteria.expired, pinned=criteria.pinned)
        if word is not None:
            staying.append(Staying(one, word))
            continue
        going.append(Going(one, why))
        left.subtract(dict.fromkeys(one.files, 1))
        nbytes -= sum(size for file, size in one.files.items() if not left[file])
    over = 0 if criteria.max_size is None else max(0, nbytes - criteria.max_size)
    return Pruning(tuple(going), tuple(staying), before, nbytes, over)


def _latest_use(things: Sequence[Taken]) -> dict[tuple[int, int], datetime]:
    """Return of each file when the last of those that share it was used.

    What shares files makes room only if all of it goes, so it goes together.
    """
    latest: dict[tuple[int, int], datetime] = {}
    for one in things:
        used_at = one.used_at or _NEVER
        for file in one.files:
            latest[file] = max(used_at, latest.get(file, used_at))
    return latest


def _use_of(thing: Taken, latest: dict[tuple[int, int], datetime]) -> datetime:
    return max((latest[file] for file in thing.files), default=_NEVER)


def _why(
    thing: Taken,
    criteria: Criteria,
    dropped: frozenset[tuple[str, int]],
    now: datetime,
) -> str | None:
    if (thing.folder, thing.version) in dropped:
        return "an older version"
    if criteria.older_than is not None and (
        thing.used_at is None or now - thing.used_at > criteria.older_than
    ):
        return "not used for long"
    return None


def _versions(
    things: Sequence[Taken], criteria: Criteria
) -> tuple[frozenset[tuple[str, int]], frozenset[tuple[str, int]]]:
    """Return which versions stay and which go by `Criteria.keep`.

    Expired versions do not count among those that stay, unless they may go.
    """
    if criteria.keep is None:
        return frozenset(), frozenset()
    held: dict[str, dict[int, bool]] = {}
    for one in things:
        if one.version and one.kind != "records":
            of = held.setdefault(one.folder, {})
            of[one.version] = of.get(one.version, False) or one.is_expired
    kept: set[tuple[str, int]] = set()
    dropped: set[tuple[str, int]] = set()
    for folder, versions in held.items():
        counted = [
            version
            for version in sorted(versions, reverse=True)
            if criteria.expired or not versions[version]
        ]
        kept.update((folder, one) for one in counted[: criteria.keep])
        dropped.update((folder, one) for one in counted[criteria.keep :])
        dropped.update((folder, one) for one in versions if one not in counted)
    return frozenset(kept), frozenset(dropped)
