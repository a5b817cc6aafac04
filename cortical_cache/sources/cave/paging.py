"""Fetch an answer of any size in disjoint ranges, each proved whole.

Not by offset: the server never orders rows, so its pages lose and repeat some.
"""

import math
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from cortical_cache.errors import TruncatedResultError
from cortical_cache.model.subject import Subject
from cortical_cache.sources.cave.replies import Reply
from cortical_cache.sources.cave.rows import CaveRows, Where

__all__ = ["REQUESTS_AT_ONCE", "Page", "bounds", "in_pages"]

REQUESTS_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Page:
    """All rows with ``low <= page column < high``."""

    low: int
    high: int
    reply: Reply


def bounds(
    rows: CaveRows, subject: Subject, where: Where, total: int
) -> tuple[int, int]:
    """Find a span that holds all values of the page column, by counting.

    Below powers of two: seven questions.

    Parameters
    ----------
    rows, subject, where
        The question; its `page_by` column is looked at.
    total : int
        The server's count for it.
    """
    low = 0 if rows.count(subject, where.between(None, 0)) == 0 else -(2**63)
    smallest, largest = 0, 63
    while smallest < largest:
        middle = (smallest + largest) // 2
        if rows.count(subject, where.between(None, 2**middle)) == total:
            largest = middle
        else:
            smallest = middle + 1
    return low, 2**largest - (largest == 63)  # noqa: PLR2004  2**63 is no bigint


def in_pages(  # noqa: PLR0913  a question, and how to cut it
    rows: CaveRows,
    subject: Subject,
    where: Where,
    *,
    parts: Sequence[tuple[int, int]],
    total: int,
    page: int,
) -> Generator[Page]:
    """Yield the rows of a question page by page, in ascending order.

    Parameters
    ----------
    rows : CaveRows
    subject : Subject
    where : Where
        Without a range of its own; its `page_by` column is cut.
    parts : sequence of (int, int)
        The ranges to fetch, ascending.
    total : int
        Rows to expect about, for the width of a page.
    page : int
        Rows to aim for in one reply; well below the server's cap.

    Yields
    ------
    Page
        Each whole; together they are the parts. Rows with NULL in the `page_by`
        column are in none.

    Raises
    ------
    TruncatedResultError
        If one value of the column has more rows than the server gives.
    """
    ranges = _even(parts, max(1, math.ceil(total / page)))
    with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
        waiting: list[Future[list[Page]]] = []
        try:
            first = islice(ranges, REQUESTS_AT_ONCE)
            waiting += [pool.submit(_range, rows, subject, where, one) for one in first]
            while waiting:
                yield from waiting.pop(0).result()
                if (one := next(ranges, None)) is not None:
                    waiting.append(pool.submit(_range, rows, subject, where, one))
        finally:
            for future in waiting:
                future.cancel()


def _even(parts: Sequence[tuple[int, int]], pieces: int) -> Iterator[tuple[int, int]]:
    """Cut ranges into equal ones, as if the values were spread evenly.

    Where they are not, a page comes back cut off and is halved.
    """
    width = math.ceil(sum(high - low for low, high in parts) / pieces)
    for low, high in parts:
        for start in range(low, high, width):
            yield start, min(start + width, high)


def _range(
    rows: CaveRows, subject: Subject, where: Where, span: tuple[int, int]
) -> list[Page]:
    low, high = span
    try:
        return [Page(low, high, rows.fetch(subject, where.between(low, high)))]
    except TruncatedResultError:
        middle = (low + high) // 2
        if middle == low:
            raise
        return [
            *_range(rows, subject, where, (low, middle)),
            *_range(rows, subject, where, (middle, high)),
        ]
