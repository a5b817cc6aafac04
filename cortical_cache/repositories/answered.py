"""What is told of an answer: where it comes from, or would."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

__all__ = ["Answered", "Explanation", "combined"]


@dataclass(frozen=True, slots=True)
class Answered:
    """Where the last answer came from.

    Attributes
    ----------
    source : {"store", "server"}
        ``"store"`` if no request left the process for its rows.
    version : int or None
        Materialization version; None of a live answer.
    fetched_at : datetime or None
        When the oldest rows used came from the server, UTC.
    reason : str
    layers : tuple of str
        Of which stores the rows are: ``"own"``, or the name of a layer below.
    """

    source: str
    version: int | None
    fetched_at: datetime | None
    reason: str
    layers: tuple[str, ...] = ()

    def note(self) -> dict[str, object]:
        """Say it in values that survive ``to_parquet``, for ``attrs``."""
        fetched = self.fetched_at
        return {
            "source": self.source,
            "version": self.version,
            "fetched_at": None if fetched is None else fetched.isoformat(),
            "layers": list(self.layers),
        }


def combined(parts: Sequence[Answered]) -> Answered:
    """Tell of an answer that several make up: the server's if any part of it is.

    Parameters
    ----------
    parts : sequence of Answered
        One at least.
    """
    source = "server" if any(one.source == "server" for one in parts) else "store"
    times = [one.fetched_at for one in parts if one.fetched_at is not None]
    reasons = "; ".join(dict.fromkeys(one.reason for one in parts))
    layers = tuple(dict.fromkeys(layer for one in parts for layer in one.layers))
    return Answered(source, parts[0].version, min(times, default=None), reasons, layers)


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
