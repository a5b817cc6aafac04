"""What is told of an answer: where it comes from, or would."""

from dataclasses import dataclass
from datetime import datetime

__all__ = ["Answered", "Explanation"]


@dataclass(frozen=True, slots=True)
class Answered:
    """Where the last answer came from.

    Attributes
    ----------
    source : {"store", "server"}
        ``"store"`` if no request left the process for its rows.
    version : int
        Materialization version.
    fetched_at : datetime or None
        When the oldest rows used came from the server, UTC.
    reason : str
    layers : tuple of str
        Of which stores the rows are: ``"own"``, or the name of a layer below.
    """

    source: str
    version: int
    fetched_at: datetime | None
    reason: str
    layers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """What would be done to answer a query, found out without touching the network.

    Attributes
    ----------
    route : {"local", "fetch", "pass-through"}
    reason : str
    files : tuple of str
        That would be read.
    rows, nbytes : int
        Held rows and bytes of those files' tables.
    """

    route: str
    reason: str
    files: tuple[str, ...]
    rows: int
    nbytes: int
