"""Fetch an answer of any size in disjoint ranges, each proved whole.

Not by offset: the server never orders rows, so its pages lose and repeat some.
"""

import logging
import math
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

from cortical_cache.errors import TruncatedResultError
from cortical_cache.model.subject import Subject
from cortical_cache.sources.cave.replies import Reply
from cortical_cache.sources.cave.rows import CaveRows, Where

__all__ = ["REQUESTS_AT_ONCE", "in_pages"]

log = logging.getLogger(__name__)

REQUESTS_AT_ONCE = 4

_Range = tuple[int, int]


def in_pages(
    rows: CaveRows, subject: Subject, where: Where, *, total: int, page: int
) -> Generator[Reply]:
    """Yield the rows of a question range by range, in ascending order.

    Parameters
    ----------
    rows : CaveRows
    subject : Subject
    where : Where
        Without a range of its own; its `page_by` column is cut.
    total : int
        The server's count for `where`.
    page : int
        Rows to aim for in one reply; well below the server's cap.

    Yields
    ------
    Reply
        Each whole. Rows with NULL in the `page_by` column are in none.

    Raises
    ------
    TruncatedResultError
        If the parts do not add up to `total`, or one value of the column has more
        rows than the server gives.
    """
    came = 0
    ranges = _even(rows, subject, where, total, page)
    with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
        waiting: list[Future[list[Reply]]] = []
        try:
            first = islice(ranges, REQUESTS_AT_ONCE)
            waiting += [pool.submit(_range, rows, subject, where, one) for one in first]
            while waiting:
                for reply in waiting.pop(0).result():
                    came += reply.table.num_rows
                    yield reply
                if (one := next(ranges, None)) is not None:
                    waiting.append(pool.submit(_range, rows, subject, where, one))
        finally:
            for future in waiting:
                future.cancel()
    if came != total:
        raise TruncatedResultError(
            f"{subject}: its pages hold {came:,} rows, the server counts {total:,}",
            came,
            total,
        )


def _even(
    rows: CaveRows, subject: Subject, where: Where, total: int, page: int
) -> Iterator[_Range]:
    """Cut the span of values into equal ranges, as if they were spread evenly.

    Where they are not, a range comes back cut off and is halved. The span is found
    by counting below powers of two: seven questions.
    """
    low = 0 if rows.count(subject, where.between(None, 0)) == 0 else -(2**63)
    smallest, largest = 0, 63
    while smallest < largest:
        middle = (smallest + largest) // 2
        if rows.count(subject, where.between(None, 2**middle)) == total:
            largest = middle
        else:
            smallest = middle + 1
    high = 2**largest - (largest == 63)  # noqa: PLR2004  2**63 is no bigint
    pieces = max(1, math.ceil(total / page))
    width = math.ceil((high - low) / pieces)
    log.info("%s: %d rows in about %d requests", subject, total, pieces)
    for start in range(low, high, width):
        yield start, min(start + width, high)


def _range(
    rows: CaveRows, subject: Subject, where: Where, bounds: _Range
) -> list[Reply]:
    low, high = bounds
    try:
        return [rows.fetch(subject, where.between(low, high))]
    except TruncatedResultError:
        middle = (low + high) // 2
        if middle == low:
            raise
        return [
            *_range(rows, subject, where, (low, middle)),
            *_range(rows, subject, where, (middle, high)),
        ]
