"""Fetch canonical rows, proved whole, however many there are.

One reply where the server gives them at once; else the keys are halved, and what one
key has too many of is paged.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from cortical_cache.errors import TruncatedResultError
from cortical_cache.model.query import Filter
from cortical_cache.model.shape import TableShape
from cortical_cache.model.subject import Subject
from cortical_cache.sources.cave.canonical import canonical, shape_of
from cortical_cache.sources.cave.paging import in_pages
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

    def _paged(self, subject: Subject, where: Where, total: int) -> Iterator[Reply]:
        if subject.page_column is None:
            raise TruncatedResultError(
                f"{subject} has {total:,} rows, more than the server gives at once, "
                "and no integer column to cut it by",
                0,
                total,
            )
        cut = replace(where, page_by=subject.page_column)
        # Half the cap: a page as long as the cap could not be told from a cut one.
        page = max(1, (self._cap or GUESSED_CAP) // 2)
        return in_pages(self._rows, subject, cut, total=total, page=page)

    def _learnt(self, error: TruncatedResultError) -> None:
        self._cap = error.rows
        self._learn(error.rows)


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
