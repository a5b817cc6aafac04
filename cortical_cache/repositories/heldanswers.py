"""Answers from rows that are held; the server settles what rounding leaves open."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from cortical_cache.cache.rows import RowCache
from cortical_cache.errors import (
    AmbiguousFilterError,
    NotCachedError,
    StoreChangedError,
)
from cortical_cache.model.commands import same_call
from cortical_cache.model.held import HeldRows
from cortical_cache.model.query import Query
from cortical_cache.model.subject import Subject
from cortical_cache.policy.answering import Answer, Options, key_filters
from cortical_cache.repositories.catalog import Catalog
from cortical_cache.repositories.partial import fitting
from cortical_cache.repositories.replies import Replies
from cortical_cache.store import RowSetState

if TYPE_CHECKING:
    import pandas as pd

    from cortical_cache.engine import Engine

__all__ = ["HeldAnswers", "Rows"]

Rows: TypeAlias = "pd.DataFrame | list[dict[str, object]]"
"""A frame; records if the query says ``return_df=False``."""


class HeldAnswers:
    """What the held rows of one dataset's tables and views answer.

    Parameters
    ----------
    catalog, rows, replies, engine
        Collaborators.
    """

    def __init__(
        self,
        catalog: Catalog,
        rows: RowCache,
        replies: Replies,
        engine: Callable[[], "Engine"],
    ) -> None:
        self._catalog = catalog
        self._rows = rows
        self._replies = replies
        self._engine = engine

    def answer(
        self,
        query: Query,
        subjects: Sequence[Subject],
        step: Answer,
        options: Options,
    ) -> tuple[Rows, dict[str, HeldRows]]:
        """Return the answer without ``attrs``, and the rows that gave it, by table.

        Raises
        ------
        NotCachedError
            If a table is no longer held.
        AmbiguousFilterError
            Offline, if rounded values leave rows open.
        """
        run = (
            self._engine().answer
            if options.approximate
            else partial(self._run, subjects=subjects)
        )
        try:
            held = self.held(query, subjects, step, options)
            return run(query, held), held
        except (FileNotFoundError, StoreChangedError):
            # A sweep removed superseded files under us; the commits name new ones.
            held = self.held(query, subjects, step, options)
            return run(query, held), held

    def held(
        self,
        query: Query,
        subjects: Sequence[Subject],
        step: Answer,
        options: Options,
    ) -> dict[str, HeldRows]:
        """Return the rows to read, by table.

        Raises
        ------
        NotCachedError
            If a table is no longer held.
        """
        by = dict(step.by)
        held: dict[str, HeldRows] = {}
        for subject in subjects:
            column = by[subject.name]
            keys = key_filters(query, subject.name).get(column or "", frozenset[int]())
            fit = partial(fitting, query=query, table=subject.name, options=options)
            found = self._rows.row_set(subject).read(
                lambda state, fit=fit, column=column, keys=keys: _found(
                    fit(state), column, keys
                )
            )
            if found is None:
                raise self._catalog.not_cached(subject)
            held[subject.name] = found
        return held

    def oldest(self, subjects: Sequence[Subject]) -> datetime | None:
        """Return when the oldest of the rows were fetched."""
        times = [
            commit.provenance.fetched_at
            for subject in subjects
            for commit in self._rows.row_set(subject).state().commits
        ]
        return min(times, default=None)

    def _run(
        self, query: Query, held: dict[str, HeldRows], subjects: Sequence[Subject]
    ) -> Rows:
        """Let the engine answer; let the server settle what rounding leaves open."""
        undecided = self._engine().ambiguous(query, held)
        if undecided and query.kind == "view":  # its rows have no id to ask by
            rest, rows = self._settled(query, subjects[0])
            return self._engine().answer(rest, {subjects[0].name: rows})
        decided = {
            subject.name: self._settle(query, subject, undecided[subject.name])
            for subject in subjects
            if subject.name in undecided
        }
        return self._engine().answer(query, held, decided=decided or None)

    def _settled(self, query: Query, view: Subject) -> tuple[Query, HeldRows]:
        try:
            return self._replies.rows_for(query, view)
        except NotCachedError as error:
            raise self._ambiguous(view, 1) from error

    def _settle(self, query: Query, subject: Subject, ids: list[int]) -> frozenset[int]:
        try:
            return self._replies.settle(query, subject, ids)
        except NotCachedError as error:
            raise self._ambiguous(subject, len(ids)) from error

    def _ambiguous(self, subject: Subject, rows: int) -> AmbiguousFilterError:
        """Name rows that only the server can decide: it has them unrounded."""
        what = f"{subject.kind} {subject.name} of v{subject.version}"
        return AmbiguousFilterError(what, same_call(self._catalog.dataset_name), rows)


def _found(
    state: RowSetState, column: str | None, keys: frozenset[int]
) -> HeldRows | None:
    """Return the rows to read: of a table in many files only those that can matter."""
    if column is None or state.is_one_file:
        return state.held_whole()
    return state.held_for(column, keys)
