"""What a set of held rows is *all* of.

Coverage, never the rows themselves, says whether a question can be answered: an empty
set of rows that covers a key is an answer, a million rows that cover nothing is not.
"""

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = [
    "Columns",
    "Coverage",
    "Keys",
    "Piece",
    "Request",
    "Span",
    "Whole",
    "gaps",
]


@dataclass(frozen=True, slots=True)
class Whole:
    """All rows of the table or view at its version."""


@dataclass(frozen=True, slots=True)
class Columns:
    """All rows, but not all columns, as an export may have them.

    Attributes
    ----------
    lacking : frozenset of str
        The table's columns, by model name, that are missing: one at least.
    """

    lacking: frozenset[str]


@dataclass(frozen=True, slots=True)
class Keys:
    """All rows whose `column` is one of `values`.

    Attributes
    ----------
    column : str
        A root id, id or target id column.
    values : frozenset of int
        int64 ids. NULL is never a key.
    """

    column: str
    values: frozenset[int]


@dataclass(frozen=True, slots=True)
class Request:
    """The reply to one exact request, and nothing else.

    Attributes
    ----------
    digest : str
        Digest of the normalised request.
    """

    digest: str


@dataclass(frozen=True, slots=True)
class Span:
    """All rows with ``low <= column < high``: one page of a mirror in the making.

    Attributes
    ----------
    column : str
        The integer column that a large table is cut by.
    low, high : int
    """

    column: str
    low: int
    high: int


Coverage = Whole | Columns | Keys | Request | Span


@dataclass(frozen=True, slots=True)
class Piece:
    """Files to scan, and which of their rows count.

    Two commits may hold the same row (two processes fetched overlapping keys, or the
    row was reached by its pre and by its post root). Naming the keys for which each
    commit answers makes the union free of repeats without comparing rows.

    Attributes
    ----------
    files : tuple of str
        Absolute paths of Parquet files.
    key_column : str or None
        None: every row counts.
    keys : frozenset of int
        Rows count where `key_column` is one of these.
    """

    files: tuple[str, ...]
    key_column: str | None = None
    keys: frozenset[int] = frozenset()


def gaps(spans: Iterable[Span], low: int, high: int) -> list[tuple[int, int]]:
    """Return the parts of ``[low, high)`` that no span covers, ascending.

    Parameters
    ----------
    spans : iterable of Span
        Of one column; they may overlap.
    low, high : int
    """
    found: list[tuple[int, int]] = []
    for span in sorted(spans, key=lambda one: one.low):
        if span.low > low:
            found.append((low, min(span.low, high)))
        low = max(low, span.high)
        if low >= high:
            return found
    return [*found, (low, high)]
