"""Questions that held rows cannot answer: asked of the server, kept where it helps.

A question of one table is kept as rows, so that other columns and units of the same
filter need no second request; the answer to a join or a count is kept as it came.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from cortical_cache.cache.frames import Frames
from cortical_cache.cache.origin import Origin
from cortical_cache.cache.rows import RowCache
from cortical_cache.errors import TruncatedResultError, UnsupportedQueryError
from cortical_cache.model.blockers import blockers
from cortical_cache.model.held import HeldRows
from cortical_cache.model.misread import is_misread
from cortical_cache.model.query import Filter, Query, Side
from cortical_cache.model.shape import ColumnType
from cortical_cache.model.subject import Subject
from cortical_cache.repositories.catalog import Catalog
from cortical_cache.repositories.versions import Versions
from cortical_cache.store import DatasetStore

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Replies"]


class Replies:
    """Pass questions on, and remember the answers.

    Freshness: the answer to a question about a version's rows never changes; samples
    and limited answers, which do, are not kept.

    Parameters
    ----------
    catalog, versions, store, rows, origin, frames
        Collaborators.
    """

    def __init__(  # noqa: PLR0913  collaborators
        self,
        *,
        catalog: Catalog,
        versions: Versions,
        store: DatasetStore,
        rows: RowCache,
        origin: Origin,
        frames: Frames,
    ) -> None:
        self._catalog = catalog
        self._versions = versions
        self._store = store
        self._rows = rows
        self._origin = origin
        self._frames = frames

    def rows_for(self, query: Query, subject: Subject) -> tuple[Query, HeldRows]:
        """Fetch the rows of a one-table question whose filters the server must test.

        Parameters
        ----------
        query : Query
            Of one table or view, no sample.
        subject : Subject

        Returns
        -------
        query : Query
            What is left to do here: selection, units, order, limit, and the filters
            that the server misreads.
        rows : HeldRows
            The rows that meet the other filters.

        Raises
        ------
        NotCachedError
            Offline, and not kept from before.
        TruncatedResultError
            If the rows cannot be proved to be all.
        UnsupportedQueryError
            For a filter that neither the server nor held rows can test.
        """
        sent = tuple(one for one in query.filters if not is_misread(one))
        left = tuple(one for one in query.filters if is_misread(one))
        rest = replace(query, filters=left)
        rows = self._matching(query, subject, sent)
        if reason := blockers(rest, {subject.name: rows.shape}):
            message = f"{reason}, and the server misreads the filter"
            raise UnsupportedQueryError(message)
        return rest, rows

    def answer(
        self, query: Query, subject: Subject, *, keep: bool
    ) -> "tuple[pd.DataFrame, datetime | None]":
        """Ask the server a question as it is, or look its answer up.

        Parameters
        ----------
        query : Query
        subject : Subject
            The table that is lacking, for messages.
        keep : bool
            The answer may be kept.

        Returns
        -------
        frame : pandas.DataFrame
        fetched_at : datetime or None
            When a kept answer came; None if it came just now.

        Raises
        ------
        NotCachedError
            Offline, and not kept from before.
        TruncatedResultError
            If the server cut the answer and no limit was asked.
        """
        from cortical_cache.sources.cave.calls import pass_on, presented

        plain = replace(query, split_positions=True, return_df=True, metadata=True)
        digest = plain.digest()
        fetched_at = None
        found = self._frames.get(digest, query.version) if keep else None
        if found is not None:
            frame, fetched_at = found.frame, found.fetched_at
            # The same question may have been put in other words then.
            given = json.loads(query.given)
            frame.attrs |= {one: given[one] for one in ("filters", "select_columns")}
        else:
            self._require_online(subject)
            passed = pass_on(self._origin.session, query)
            frame = passed.frame
            if passed.limited and len(frame) < (query.limit or 2**63):
                raise TruncatedResultError(
                    f"the server cut the answer at {len(frame):,} rows; "
                    f"`{self._catalog.not_cached(subject).command}` first",
                    len(frame),
                    -1,
                )
            if keep:
                self._frames.keep(digest, query.version, frame)
        frame = presented(
            frame,
            split_positions=query.split_positions or not query.return_df,
            metadata=query.metadata,
        )
        return frame, fetched_at

    def settle(self, query: Query, subject: Subject, ids: list[int]) -> frozenset[int]:
        """Ask the server which of some rows meet the filters, once.

        Held values are rounded, the server's are not. It takes one request, and one
        or two more for each exclusion, which the server only understands as its
        opposite.

        Parameters
        ----------
        query : Query
        subject : Subject
            The table that the rows are of.
        ids : list of int
            At most as many as the server gives in one reply.

        Raises
        ------
        NotCachedError
            Offline, and not kept from before.
        """
        among = Filter("in", subject.name, "id", tuple(sorted(ids)))
        others = [
            one
            for one in query.filters_of(subject.name)
            if not is_misread(one) and (one.kind, one.column) != ("in", "id")
        ]
        found = self._ids_matching(query, subject, (among, *others))
        for one in self._opposites(query, subject):
            found -= self._ids_matching(query, subject, (among, one))
        return found

    def _opposites(self, query: Query, subject: Subject) -> Iterator[Filter]:
        """Yield filters for the rows that exclusions of rounded values leave out."""
        shape = self._rows.row_set(subject).state().shape
        for one in query.filters_of(subject.name):
            column = shape and shape.column(one.column)
            if (
                one.kind != "out"
                or not isinstance(one.value, tuple)
                or column is None
                or column.type is not ColumnType.DOUBLE
            ):
                continue
            present = tuple(value for value in one.value if value is not None)
            if present:
                yield replace(one, kind="in", value=present)
            if None in one.value:
                yield replace(one, kind="equal", value=None)

    def _ids_matching(
        self, query: Query, subject: Subject, filters: tuple[Filter, ...]
    ) -> frozenset[int]:
        import pyarrow.parquet as pq

        found: set[int] = set()
        for piece in self._matching(query, subject, filters).pieces:
            for file in piece.files:
                column = pq.read_table(file, columns=["id"]).column("id")
                found.update(int(str(one)) for one in column.to_pylist())
        return frozenset(found)

    def _matching(
        self, query: Query, subject: Subject, filters: tuple[Filter, ...]
    ) -> HeldRows:
        """Return the rows of one table that meet filters, kept or fetched."""
        sides = (Side(subject.name),)
        bare = Query(query.datastack, query.version, subject.kind, sides, filters)
        digest = bare.digest()
        row_set = self._store.rows("query", digest, query.version)
        held = row_set.state().held_request(digest)
        if held is None:
            self._require_online(subject)
            self._rows.fetch_matching(row_set, subject, filters, digest)
            held = row_set.state().held_request(digest)
        if held is None:
            raise self._catalog.not_cached(subject)
        return held

    def _require_online(self, subject: Subject) -> None:
        if self._origin.offline:
            raise self._catalog.not_cached(subject)
        self._versions.require_stable(subject.version)
