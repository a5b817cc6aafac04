"""What one commit says: which files hold which rows, and what they are all of.

A commit is immutable. These are its values; their JSON form is in `commit_json`.
"""

import re
from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cortical_cache.errors import InvalidQueryError
from cortical_cache.model.coverage import Coverage
from cortical_cache.model.shape import TableShape

__all__ = ["SMALL", "Commit", "DataFile", "Provenance", "superseded_first"]

SMALL = 8 << 20
"""Bytes of a file that is hashed whole when it is first used, in some milliseconds."""

_SECRET_NAMES = ("token", "authorization", "password", "secret", "cookie")
_SECRET_VALUE = re.compile(r"auth_token=|\bbearer\s|://[^/\s]*@", re.IGNORECASE)


def _nothing() -> dict[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where rows came from. Never holds a token.

    Attributes
    ----------
    source : str
        The kind of source: ``"cave"``, ``"export"``, ...
    server : str
        Address of the server or bucket.
    fetched_at : datetime
        When, with a time zone; kept as UTC.
    details : mapping of str to str
        Whatever else helps to repeat it: datastack, request, generation, release.

    Raises
    ------
    InvalidQueryError
        If `fetched_at` has no time zone, or something looks like a credential: the
        store is shared and lasts, so a token in it is a leak.
    """

    source: str
    server: str
    fetched_at: datetime
    details: Mapping[str, str] = field(default_factory=_nothing, hash=False)

    def __post_init__(self) -> None:
        """Refuse what must not be kept, and own what is kept."""
        if self.fetched_at.tzinfo is None:
            raise InvalidQueryError("fetched_at needs a time zone")
        for name, value in {"server": self.server, **self.details}.items():
            if any(one in name.lower() for one in _SECRET_NAMES) or (
                _SECRET_VALUE.search(value)
            ):
                # The value is not shown: it may be the credential.
                raise InvalidQueryError(f"provenance {name!r} looks like a credential")
        object.__setattr__(self, "fetched_at", self.fetched_at.astimezone(UTC))
        object.__setattr__(self, "details", dict(self.details))


@dataclass(frozen=True, slots=True)
class DataFile:
    """One Parquet file of a commit.

    Attributes
    ----------
    name : str
        File name inside the row set's folder; never reused.
    rows, nbytes : int
    sha256 : str
        Of the whole file.
    key_ranges : mapping of str to (int, int) or None
        Smallest and largest value of each integer column; None where it holds no value
        but NULL. A column that is not named may hold anything.
    sorted_by : tuple of str
        Columns by which the file is sorted, ascending, NULL last. The files of a commit
        with the same `sorted_by` are one complete copy of its rows.
    sums : tuple of int
        CRC-32 of each 256 KiB, the last of what is left, of a file above `SMALL`; of
        others none. See `store.sums`.
    """

    name: str
    rows: int
    nbytes: int
    sha256: str
    key_ranges: Mapping[str, tuple[int, int] | None] = field(hash=False)
    sorted_by: tuple[str, ...]
    sums: tuple[int, ...] = ()

    def may_hold(self, column: str, keys: Sequence[int]) -> bool:
        """Tell whether any of the sorted `keys` could be in the column."""
        if column not in self.key_ranges:
            return True
        span = self.key_ranges[column]
        if span is None:
            return False
        position = bisect_left(keys, span[0])
        return position < len(keys) and keys[position] <= span[1]


@dataclass(frozen=True, slots=True)
class Commit:
    """One immutable addition to a row set.

    Attributes
    ----------
    id : str
        A UUID of version 7: names sort by time.
    created : datetime
        UTC, by the writer's clock.
    files : tuple of DataFile
        At least one, of no rows if the commit has none.
    shape : TableShape
    coverage : Whole, Keys or Request
        What the rows are all of.
    provenance : Provenance
    supersedes : frozenset of str
        Ids of commits that no longer count once this one is there.
    exact : bool
        The database's own values, not the rounded ones of a reply.
    """

    id: str
    created: datetime
    files: tuple[DataFile, ...]
    shape: TableShape
    coverage: Coverage
    provenance: Provenance
    supersedes: frozenset[str] = frozenset()
    exact: bool = False

    def copy(self, *columns: str) -> tuple[DataFile, ...]:
        """Return one complete copy, sorted by the first of the columns that has one."""
        orders = list(dict.fromkeys(file.sorted_by for file in self.files))
        fitting = (one for column in columns for one in orders if one[:1] == (column,))
        chosen = next(fitting, orders[0])
        return tuple(file for file in self.files if file.sorted_by == chosen)

    @property
    def rows(self) -> int:
        """Number of rows, each counted once however many copies there are."""
        return sum(file.rows for file in self.copy())

    @property
    def nbytes(self) -> int:
        """Size of all files, every copy."""
        return sum(file.nbytes for file in self.files)


def superseded_first(
    commits: Mapping[str, Commit], going: Collection[str]
) -> Iterator[list[Commit]]:
    """Yield which commits to remove next: none before all that it supersedes are gone.

    Else those would count again. Each list must be gone for good before the next.

    Parameters
    ----------
    commits : mapping of str to Commit
        All there are of a row set, by id.
    going : collection of str
        The ids of those that are to go. One that supersedes any that stays does, too.
    """
    left = dict(commits)
    while ready := [
        commit
        for commit in left.values()
        if commit.id in going and not commit.supersedes & left.keys()
    ]:
        yield ready
        for commit in ready:
            del left[commit.id]
