"""Bring rows from CAVE into the store: whole tables, or all rows of some keys.

Whatever is stored was proved whole; a version's rows never change, so it stays true.
"""

import logging
from collections.abc import Callable, Collection, Iterable
from hashlib import sha256
from typing import TYPE_CHECKING

from cortical_cache.cache.facts import Clock, Facts
from cortical_cache.cache.origin import Origin
from cortical_cache.cache.pages import ROWS_PER_FILE, join_pages
from cortical_cache.errors import TruncatedResultError
from cortical_cache.model.coverage import Coverage, Keys, Request, Whole
from cortical_cache.model.held import HeldRows
from cortical_cache.model.query import Filter
from cortical_cache.model.subject import Subject
from cortical_cache.policy.freshness import Fact
from cortical_cache.store import DatasetStore, Provenance, RowSet

if TYPE_CHECKING:
    from cortical_cache.sources.cave.fetch import CaveFetch, Fetched

__all__ = ["Progress", "RowCache", "no_progress"]

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
"""Called with how many have come, and how many there are."""

KEYS_AT_ONCE = 500
"""Keys of one request: a body of some 10 kB."""


def no_progress(come: int, there_are: int) -> None:
    """Report nothing."""


class RowCache:
    """The rows of one dataset's tables and views.

    Parameters
    ----------
    store : DatasetStore
    facts : Facts
    origin : Origin
    clock : callable
        Tells the time of a fetch.
    rows_per_file : int
        A larger table is cut into files of so many rows, sorted for its root ids.
    """

    def __init__(
        self,
        store: DatasetStore,
        facts: Facts,
        origin: Origin,
        clock: Clock,
        *,
        rows_per_file: int = ROWS_PER_FILE,
    ) -> None:
        self._rows_per_file = rows_per_file
        self._store = store
        self._facts = facts
        self._origin = origin
        self._clock = clock

    def row_set(self, subject: Subject) -> RowSet:
        """Return what is held of a table or view."""
        return self._store.rows(subject.kind, subject.name, subject.version)

    def layers_of(self, held: Iterable[HeldRows]) -> tuple[str, ...]:
        """Return the names of the stores that rows lie in; ``"own"`` for the user's."""
        return self._store.layers_of(
            file for rows in held for piece in rows.pieces for file in piece.files
        )

    @property
    def cap(self) -> int | None:
        """Rows that the server gives in one reply, if that was learnt."""
        held = self._facts.held(Fact.ROW_CAP)
        return None if held is None else int(str(held.value))

    def known_rows(self, subject: Subject) -> int | None:
        """Return the number of rows, where it is held or was counted. No network."""
        counted = self._facts.held(Fact.ROW_COUNTS, subject.version, subject.name)
        if counted is not None:
            return int(str(counted.value))
        state = self.row_set(subject).state()
        # of an export, with its invalid rows, a query returns fewer than are held
        is_reply = state.is_whole and not any(one.exact for one in state.commits)
        return state.rows if is_reply else None

    def count(self, subject: Subject) -> int:
        """Return the number of rows that a query of the whole returns. For ever."""
        known = self.known_rows(subject)
        return self._recount(subject) if known is None else known

    def _recount(self, subject: Subject) -> int:
        rows = self._fetch().count(subject)
        self._facts.keep(Fact.ROW_COUNTS, rows, subject.version, subject.name)
        return rows

    def mirror(
        self,
        subject: Subject,
        progress: Progress = no_progress,
        *,
        anew: bool = False,
    ) -> bool:
        """Fetch a whole table or view, unless it is held.

        Parameters
        ----------
        subject : Subject
        progress : callable
            Told of every part that has come.
        anew : bool
            Fetch it all the same. What is held answers until all has come.

        Returns
        -------
        bool
            False if there was nothing to do, because it is held or another process
            fetched it meanwhile.

        Raises
        ------
        TruncatedResultError
            If the rows that come cannot be proved to be all.
        SourceError
            If the server fails. What had come is dropped.
        """
        row_set = self.row_set(subject)
        with row_set.fetch_lock("whole"):
            state = row_set.state()
            if state.is_whole and not anew:
                return False
            total = self._recount(subject) if anew else self.count(subject)
            fetch = self._fetch()
            if fetch.fits(total):
                try:
                    fetched = fetch.in_one(subject)
                except TruncatedResultError:  # and the cap is known now
                    self._mirror_in_pages(row_set, subject, total, progress, anew)
                else:
                    # The whole says all that the parts said: they need not stay.
                    parts = [one.id for one in state.commits if not one.exact]
                    self._keep(row_set, fetched, Whole(), supersedes=parts, total=total)
                    progress(total, total)
            else:
                self._mirror_in_pages(row_set, subject, total, progress, anew)
            return True

    def _mirror_in_pages(
        self,
        row_set: RowSet,
        subject: Subject,
        total: int,
        progress: Progress,
        anew: bool,  # noqa: FBT001  as mirror
    ) -> None:
        """Fetch a large table page by page, each held as it comes, then join them.

        Interrupted, it goes on with the pages that are missing. Another process may be
        at it, which no lock kept out, and cut its pages elsewhere: then what these
        leave open is fetched in turn.
        """
        column = subject.page_column or ""
        while True:
            state = row_set.state()
            if state.is_whole and not anew:  # the other one was faster
                return
            before = come = state.span_rows(column)
            held = state.spans(column)
            if come == total:
                break
            for span, fetched in self._fetch().pages(subject, held, total, come):
                come += self._keep(row_set, fetched, span)
                progress(min(come, total), total)
            if come == before:
                break
        join_pages(row_set, subject, column, total, self._rows_per_file)

    def fetch_keys(
        self,
        subject: Subject,
        column: str,
        keys: frozenset[int],
        progress: Progress = no_progress,
    ) -> None:
        """Fetch all rows whose `column` is one of `keys`, as far as they are not held.

        Parameters
        ----------
        subject : Subject
        column : str
        keys : frozenset of int
            When empty, only the columns and their types are learnt.
        progress : callable
            Told of the keys that are done.
        """
        row_set = self.row_set(subject)
        digest = sha256(repr((column, sorted(keys))).encode()).hexdigest()[:32]
        with row_set.fetch_lock(digest):
            missing = sorted(keys - row_set.state().covered(column, keys))
            if keys and not missing:
                return
            fetch = self._fetch()
            for start in range(0, max(len(missing), 1), KEYS_AT_ONCE):
                batch = missing[start : start + KEYS_AT_ONCE]
                for part, fetched in fetch.of_keys(subject, column, batch):
                    self._keep(row_set, fetched, Keys(column, frozenset(part)))
                progress(start + len(batch), len(missing))

    def fetch_matching(
        self,
        row_set: RowSet,
        subject: Subject,
        filters: tuple[Filter, ...],
        digest: str,
    ) -> None:
        """Fetch the rows of a filter that only the server can test, and keep them.

        Parameters
        ----------
        row_set : RowSet
            Where they go; not that of the table.
        subject : Subject
        filters : tuple of Filter
            Any but ``out``.
        digest : str
            Under which they are kept.
        """
        with row_set.fetch_lock(digest):
            if row_set.state().held_request(digest) is None:
                fetched = self._fetch().matching(subject, filters)
                self._keep(row_set, fetched, Request(digest))

    def _fetch(self) -> "CaveFetch":
        def learn(cap: int) -> None:
            self._facts.keep(Fact.ROW_CAP, cap)

        return self._origin.fetch(self.cap, learn)

    def _keep(
        self,
        row_set: RowSet,
        fetched: "Fetched",
        coverage: Coverage,
        *,
        supersedes: Collection[str] = (),
        total: int | None = None,
    ) -> int:
        """Commit rows once all of them have come; return how many.

        Where the server has counted them it must be `total`: a gateway may have lost
        its word that the answer was cut.
        """
        provenance = Provenance(
            source="cave",
            server=self._origin.dataset.server_address,
            fetched_at=self._clock(),
        )
        come = 0
        with row_set.writer(
            shape=fetched.shape,
            coverage=coverage,
            provenance=provenance,
            supersedes=supersedes,
            sort_by=("id",) if fetched.shape.column("id") else (),
        ) as writer:
            for table in fetched.tables:
                writer.write(table)
                come += table.num_rows
            if total is not None and come != total:
                raise TruncatedResultError(
                    f"{row_set}: {come:,} rows came, the server counts {total:,}",
                    come,
                    total,
                )
        log.info("%r: %d rows kept", row_set, come)
        return come
