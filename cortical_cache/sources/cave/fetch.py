"""Fetch canonical rows, proved whole, however many there are.

One reply where the server gives them at once; else the keys are halved, and what one
key has too many of is paged.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from cortical_cache.errors import TruncatedResultError
from cortical_cache.model.coverage import Span, gaps
from cortical_cache.model.query import Filter
from cortical_cache.model.shape import TableShape
from cortical_cache.model.subject import Subject
from cortical_cache.sources.cave.canonical import canonical, shape_of
from cortical_cache.sources.cave.paging import bounds, in_pages
from cortical_cache.sources.cave.replies import Reply
from cortical_cache.sources.cave.rows import CaveRows, Where

__all__ = ["CaveFetch", "Fetched"]

GUESSED_CAP = 200_000
"""Rows of one reply where no cap was learnt: MaterializationEngine's default."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """Rows on their way.

    Attributes
    ----------
    shape : TableShape
    tables : iterator of pyarrow.Table
        Canonical rows, in ascending order of the page column if there are several.
        It raises what the server does; rows are whole only once it has ended.
    """

    shape: TableShape
    tables: Iterator[pa.Table]


class CaveFetch:
    """Fetch whole tables and whole keys.

    Parameters
    ----------
    rows : CaveRows
    cap : int or None
        Rows that the server gives in one reply, where that was learnt.
    learn : callable
        Told of the cap when a reply shows it.
    """

    def __init__(
        self, rows: CaveRows, cap: int | None, learn: Callable[[int], None]
    ) -> None:
        self._rows = rows
        self._cap = cap
        self._learn = learn

    def count(self, subject: Subject) -> int:
        """Return how many rows a query of the whole table returns."""
        return self._rows.count(subject, Where())

    def in_one(self, subject: Subject) -> Fetched:
        """Fetch all rows of a table in one reply.

        Raises
        ------
        TruncatedResultError
            If they do not fit; the cap is learnt then.
        """
        try:
            return _canonical(subject, [self._rows.fetch(subject, Where())])
        except TruncatedResultError as error:
            self._learnt(error)
            raise

    def matching(
        self, subject: Subject, filters: tuple[Filter, ...], total: int | None = None
    ) -> Fetched:
        """Fetch all rows that meet the filters; without filters, all rows.

        Parameters
        ----------
        subject : Subject
        filters : tuple of Filter
            Any but ``out``, which the server ignores.
        total : int, optional
            The server's count of them, if known.

        Raises
        ------
        TruncatedResultError
            If the rows cannot be proved to be all.
        """
        where = Where(filters)
        if self._cap is None or total is None or total <= self._cap:
            try:
                reply = self._rows.fetch(subject, where)
            except TruncatedResultError as error:
                self._learnt(error)
                total = error.there_are
            else:
                return _canonical(subject, [reply])
        return _canonical(subject, self._paged(subject, where, total))

    def of_keys(
        self, subject: Subject, column: str, keys: Sequence[int]
    ) -> Generator[tuple[Sequence[int], Fetched]]:
        """Fetch all rows with `column` among `keys`, in as few replies as it takes.

        Yields
        ------
        tuple of (keys, Fetched)
            Some of the keys, and all of their rows.
        """
        where = Where((Filter("in", subject.name, column, tuple(keys)),))
        try:
            reply = self._rows.fetch(subject, where)
        except TruncatedResultError as error:
            self._learnt(error)
            if len(keys) == 1:
                pages = self._paged(subject, where, error.there_are)
                yield keys, _canonical(subject, pages)
                return
            middle = len(keys) // 2
            yield from self.of_keys(subject, column, keys[:middle])
            yield from self.of_keys(subject, column, keys[middle:])
        else:
            yield keys, _canonical(subject, [reply])

    def pages(
        self, subject: Subject, held: Sequence[Span], total: int, held_rows: int
    ) -> Generator[tuple[Span, Fetched]]:
        """Fetch what a mirror in the making lacks, page by page, ascending.

        Parameters
        ----------
        subject : Subject
        held : sequence of Span
            Pages that are held already.
        total, held_rows : int
            The server's count of all rows, and how many are held.

        Yields
        ------
        tuple of (Span, Fetched)
            A page, proved whole.
        """
        cut = replace(Where(), page_by=self._page_column(subject, total))
        low, high = bounds(self._rows, subject, cut, total)
        missing = gaps(held, low, high)
        left = max(1, total - held_rows)
        for page in in_pages(
            self._rows, subject, cut, parts=missing, total=left, page=self._page
        ):
            span = Span(cut.page_by, page.low, page.high)
            yield span, _canonical(subject, [page.reply])

    @property
    def _page(self) -> int:
        # Half the cap: a page as long as the cap could not be told from a cut one.
        return max(1, (self._cap or GUESSED_CAP) // 2)

    def fits(self, total: int) -> bool:
        """Tell whether the server gives so many rows at once, as far as is known."""
        return total <= (self._cap or GUESSED_CAP)

    def _paged(self, subject: Subject, where: Where, total: int) -> Iterator[Reply]:
        cut = replace(where, page_by=self._page_column(subject, total))
        span = bounds(self._rows, subject, cut, total)
        come = 0
        for page in in_pages(
            self._rows, subject, cut, parts=[span], total=total, page=self._page
        ):
            come += page.reply.table.num_rows
            yield page.reply
        if come != total:
            raise _incomplete(subject, come, total)

    def _page_column(self, subject: Subject, total: int) -> str:
        if subject.page_column is not None:
            return subject.page_column
        raise TruncatedResultError(
            f"{subject} has {total:,} rows, more than the server gives at once, "
            "and no integer column to cut it by",
            0,
            total,
        )

    def _learnt(self, error: TruncatedResultError) -> None:
        self._cap = error.rows
        self._learn(error.rows)


def _incomplete(subject: Subject, come: int, total: int) -> TruncatedResultError:
    return TruncatedResultError(
        f"{subject}: its pages hold {come:,} rows, the server counts {total:,}",
        come,
        total,
    )


def _canonical(subject: Subject, replies: Iterable[Reply]) -> Fetched:
    rest = iter(replies)
    first = next(rest)
    names = first.columns.get(subject.name, ())
    shape = shape_of(subject, first.table.schema, names)

    def tables() -> Generator[pa.Table]:
        yield canonical(first.table, shape)
        for reply in rest:
            yield canonical(reply.table, shape)

    return Fetched(shape, tables())
