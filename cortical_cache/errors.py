"""Everything cortical_cache can raise on purpose.

* CorticalCacheError
  + NotCachedError          (LookupError)       not held, and we may not fetch it
  + AmbiguousFilterError    (NotCachedError)    held too coarsely to decide offline
  + TooLargeError           (NotCachedError)    not held, and too much to fetch unasked
  + PartialTableError       (LookupError)       held, but not whole
  + PartialColumnsError     (LookupError)       held, but not all of its columns
  + StoreError              (OSError)           the store on disk
    - StoreMismatchError                        it belongs to another server
    - StoreChangedError                         it changed under a reader, twice
    - CorruptStoreError                         a file does not match its commit
  + SourceError             (ConnectionError)   the server or bucket
    - ServerUnavailableError                    it did not answer
      . ServerBusyError                         it said "later"
    - NotAuthorizedError    (PermissionError)   no token, a wrong one, no permission
    - ServerError                               it answered with an error of its own
    - TruncatedResultError                      a reply that cannot be proved whole
    - VersionExpiredError                       the version's database is gone
  + UnknownNameError        (LookupError)       dataset, table, version, column
    - UnknownAttributeError (AttributeError)    the same, asked for as an attribute
  + InvalidQueryError       (ValueError)        a question with no meaning
  + UnsupportedQueryError   (NotImplementedError)  one that cannot be answered here
  + QueryTimeoutError       (TimeoutError)      SQL that took longer than it may
  + QueryMemoryError        (MemoryError)       SQL that needs more than it may
  + ConfigurationError      (ValueError)        a setting, a dataset file, a path

Each error also derives from the built-in that a caller would reach for first, keeps
its facts as attributes, and pickles: ``args`` hold the facts, ``str`` is derived.
"""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

__all__ = [
    "AmbiguousFilterError",
    "ConfigurationError",
    "CorruptStoreError",
    "CorticalCacheError",
    "InvalidQueryError",
    "NewerFormatError",
    "NotAuthorizedError",
    "NotCachedError",
    "PartialColumnsError",
    "PartialTableError",
    "QueryMemoryError",
    "QueryTimeoutError",
    "ServerBusyError",
    "ServerError",
    "ServerUnavailableError",
    "SourceError",
    "StoreChangedError",
    "StoreError",
    "StoreMismatchError",
    "TooLargeError",
    "TruncatedResultError",
    "UnknownAttributeError",
    "UnknownNameError",
    "UnsupportedQueryError",
    "VersionExpiredError",
]


class CorticalCacheError(Exception):
    """Base class of every error this package raises on purpose."""


class NotCachedError(CorticalCacheError, LookupError):
    """Something is not in the store and may not be fetched.

    Attributes
    ----------
    missing : str
        What is missing, in words.
    command : str
        The command line that fetches it.
    """

    def __init__(self, missing: str, command: str) -> None:
        super().__init__(missing, command)
        self.missing = missing
        self.command = command

    def __str__(self) -> str:
        """Name what is missing and the command that fetches it."""
        said = (
            f"{self.missing} not cached and the client is offline; run `{self.command}`"
        )
        # A name may come from anywhere; a terminal is to obey none.
        return "".join(one if one.isprintable() else "?" for one in said)


class AmbiguousFilterError(NotCachedError):
    """Held values are rounded, and some rows lie within the rounding of a bound.

    Attributes
    ----------
    rows : int
        How many rows cannot be decided.
    """

    def __init__(self, missing: str, command: str, rows: int) -> None:
        super().__init__(missing, command)
        self.args = (missing, command, rows)
        self.rows = rows

    def __str__(self) -> str:
        """Say how many rows cannot be decided, and the way out."""
        return (
            f"{self.missing}: {self.rows} rows lie within the rounding of the held "
            f"values; ask once online (`{self.command}`), and the answer is kept"
        )


class TooLargeError(NotCachedError):
    """Something is not held, may be fetched, but is too large to be so unasked.

    Attributes
    ----------
    size : str
        How large it is, in words.
    """

    def __init__(self, missing: str, command: str, size: str) -> None:
        super().__init__(missing, command)
        self.args = (missing, command, size)
        self.size = size

    def __str__(self) -> str:
        """Say how large it is, and the command that fetches it."""
        return (
            f"{self.missing} not cached, and too large to fetch unasked ({self.size}); "
            f"run `{self.command}`"
        )


class PartialTableError(CorticalCacheError, LookupError):
    """A table is held in part where the whole is needed.

    Attributes
    ----------
    table : str
    rows : int
        Rows held.
    command : str
        The command line that fetches the rest.
    """

    def __init__(self, table: str, rows: int, command: str) -> None:
        super().__init__(table, rows, command)
        self.table = table
        self.rows = rows
        self.command = command

    def __str__(self) -> str:
        """Say what is held and the command that fetches the rest."""
        return (
            f"{self.table} is held in part ({self.rows:,} rows); run `{self.command}`"
        )


class PartialColumnsError(CorticalCacheError, LookupError):
    """All rows of a table are held, but not every column that a question needs.

    Attributes
    ----------
    table : str
    columns : tuple of str
        Those that are missing.
    """

    def __init__(self, table: str, columns: Sequence[str]) -> None:
        super().__init__(table, tuple(columns))
        self.table = table
        self.columns = tuple(columns)

    def __str__(self) -> str:
        """Name the columns and the ways out."""
        return (
            f"the export that {self.table} is held from lacks "
            f"{', '.join(self.columns)}; select others by name, or take what there "
            "is: client.using(columns='held')"
        )


class StoreError(CorticalCacheError, OSError):
    """The store on disk cannot be used as asked. The user's home is shown as ``~``."""

    def __init__(self, message: str) -> None:
        home = str(Path.home())
        message = message.replace(f"{home}/", "~/") if home != "/" else message
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        """Return the message."""
        return self.message


class StoreMismatchError(StoreError):
    """A dataset folder belongs to another datastack or server."""


class StoreChangedError(StoreError):
    """Files vanished under a reader, and again after it looked anew."""


class NewerFormatError(StoreError):
    """A newer release wrote a file of the store, in a format unknown to this one."""


class CorruptStoreError(StoreError):
    """A file of the store does not match what its commit says of it."""


class SourceError(CorticalCacheError, ConnectionError):
    """The server or bucket could not give what was asked.

    Attributes
    ----------
    message : str
        What happened and what to do.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        """Return the message."""
        return self.message


class ServerUnavailableError(SourceError):
    """The server did not answer."""


class ServerBusyError(ServerUnavailableError):
    """The server asked us to come back later: a rate limit, a time-out, an overload.

    Attributes
    ----------
    retry_after : float or None
        Seconds that the server asked to wait, where it said so.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.args = (message, retry_after)
        self.retry_after = retry_after


class NotAuthorizedError(SourceError, PermissionError):
    """No token, a wrong token, or no permission. The token is never printed."""


class ServerError(SourceError):
    """The server answered with an error that we have no better name for."""


class TruncatedResultError(SourceError):
    """A reply cannot be proved whole, so it is neither returned nor stored.

    Attributes
    ----------
    rows : int
        Rows that came.
    there_are : int
        Rows that the server counts; -1: it cannot count those of a live answer.
    """

    def __init__(self, message: str, rows: int, there_are: int) -> None:
        super().__init__(message)
        self.args = (message, rows, there_are)
        self.rows = rows
        self.there_are = there_are


class VersionExpiredError(SourceError):
    """The version's database is gone from the server, and it is not held here.

    Attributes
    ----------
    sources : tuple of str
        Known folders with static copies of the dataset; they may have the version.
    """

    def __init__(self, message: str, sources: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.args = (message, tuple(sources))
        self.sources = tuple(sources)


class UnknownNameError(CorticalCacheError, LookupError):
    """A dataset, table, view, version or column that does not exist.

    Attributes
    ----------
    what : str
        The kind of thing: ``"table"``, ``"version"``, ...
    name : str
        What was asked for.
    where : str
        In what it was looked up, e.g. ``"minnie_public v1300"``.
    known : tuple of str
        The names that do exist.
    """

    def __init__(
        self, what: str, name: object, where: str, known: Sequence[object]
    ) -> None:
        super().__init__(what, str(name), where, tuple(str(one) for one in known))
        self.what = what
        self.name = str(name)
        self.where = where
        self.known = tuple(str(one) for one in known)

    def __str__(self) -> str:
        """Name the nearest names that do exist, or all when they are few."""
        text = f"no {self.what} {self.name!r} in {self.where}"
        if not self.known:
            return text
        shown = get_close_matches(self.name, self.known, n=5) or self.known[:12]
        rest = len(self.known) - len(shown)
        more = f" and {rest} more" if rest > 0 else ""
        return f"{text}; there are {', '.join(shown)}{more}"


class UnknownAttributeError(UnknownNameError, AttributeError):
    """A table or view that does not exist, asked for as ``client.tables.NAME``."""


class InvalidQueryError(CorticalCacheError, ValueError):
    """A question that the server would refuse, or that has no meaning.

    Attributes
    ----------
    message : str
        What is wrong and what would be right.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        """Return the message."""
        return self.message


class UnsupportedQueryError(CorticalCacheError, NotImplementedError):
    """A question that cannot be answered from held rows, or not by CAVE either.

    Attributes
    ----------
    message : str
        Why, and what would work instead.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        """Return the message."""
        return self.message


class QueryTimeoutError(CorticalCacheError, TimeoutError):
    """A SQL statement took longer than it may, and was stopped.

    Attributes
    ----------
    seconds : float
        What it may take.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds

    def __str__(self) -> str:
        """Say what it may take, and the way out."""
        return (
            f"the SQL was stopped after {self.seconds:g} s; narrow it, or give a "
            "longer timeout"
        )


class QueryMemoryError(CorticalCacheError, MemoryError):
    """A SQL statement needs more memory than it may take.

    Attributes
    ----------
    limit : str
        What it may take.
    """

    def __init__(self, limit: str) -> None:
        super().__init__(limit)
        self.limit = limit

    def __str__(self) -> str:
        """Say what it may take, and the way out."""
        return (
            f"the SQL needs more than {self.limit} of memory; narrow it, or give a "
            "larger memory_limit"
        )


class ConfigurationError(CorticalCacheError, ValueError):
    """A setting, a dataset file or a path that cannot be used.

    Attributes
    ----------
    message : str
        What is wrong, where it was set, and what would be right.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        """Return the message."""
        return self.message
