"""Answer queries of tables and views: from the store, else fetched, else passed on."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from cortical_cache.cache.origin import Origin
from cortical_cache.cache.rows import RowCache
from cortical_cache.errors import (
    AmbiguousFilterError,
    NotCachedError,
    StoreChangedError,
    UnsupportedQueryError,
    VersionExpiredError,
)
from cortical_cache.model.blockers import blockers
from cortical_cache.model.held import HeldRows
from cortical_cache.model.misread import misread, selects_one
from cortical_cache.model.output import outputs
from cortical_cache.model.query import Query
from cortical_cache.model.shape import ColumnType, TableShape
from cortical_cache.model.subject import Subject
from cortical_cache.policy.answering import (
    DEFAULT,
    Answer,
    Count,
    FetchKeys,
    Known,
    Mirror,
    Options,
    PassThrough,
    Step,
    decide,
    key_filters,
)
from cortical_cache.repositories.answered import Answered, Explanation
from cortical_cache.repositories.catalog import Catalog
from cortical_cache.repositories.labels import Labels
from cortical_cache.repositories.partial import PartialColumns, fitting
from cortical_cache.repositories.replies import Replies
from cortical_cache.repositories.versions import Versions
from cortical_cache.store import RowSetState

if TYPE_CHECKING:
    import pandas as pd

    from cortical_cache.engine import Engine

__all__ = ["Tables"]

log = logging.getLogger(__name__)

MOST_STEPS = 12
"""Steps to an answer: two tables, each counted, mirrored and looked at, with room."""


class Tables:
    """Queries of one dataset's tables and views.

    Freshness: rows of a version never change, so what is held is never asked again.

    Parameters
    ----------
    catalog, versions, rows, replies, origin, engine
        Collaborators.
    """

    def __init__(  # noqa: PLR0913  collaborators
        self,
        *,
        catalog: Catalog,
        versions: Versions,
        rows: RowCache,
        replies: Replies,
        origin: Origin,
        engine: Callable[[], "Engine"],
    ) -> None:
        self._catalog = catalog
        self._versions = versions
        self._rows = rows
        self._replies = replies
        self._origin = origin
        self._engine = engine
        self._labels = Labels(catalog, versions)
        self._columns = PartialColumns(rows)
        self.last: Answered | None = None

    def answer(
        self, query: Query, options: Options = DEFAULT
    ) -> "pd.DataFrame | list[dict[str, object]]":
        """Answer a query as caveclient would have.

        Parameters
        ----------
        query : Query
        options : Options

        Returns
        -------
        pandas.DataFrame, or list of dict if the query says ``return_df=False``

        Raises
        ------
        NotCachedError
            Offline, and the store does not hold what it takes.
        PartialColumnsError
            It holds all rows, of an export that lacks columns, and nobody can be asked.
        UnknownNameError
            No such version, table, view or column.
        InvalidQueryError
            The server would refuse it.
        VersionExpiredError
            The server has dropped the version, and the store does not hold what it
            takes; the error names the static copies.
        SourceError
            The server fails, or its rows cannot be proved whole.
        """
        self._versions.ensure(query.version)
        subjects = self._subjects(query)
        if options.columns == "held":
            query = self._columns.narrowed(query, subjects)
        try:
            return self._take_steps(query, subjects, options)
        except AmbiguousFilterError:
            raise
        except NotCachedError as error:
            self._columns.refuse(query, subjects, error)
            raise
        except VersionExpiredError as error:
            self._columns.refuse(query, subjects, error)
            raise self._versions.expired(query.version) from error

    def _take_steps(
        self, query: Query, subjects: Sequence[Subject], options: Options
    ) -> "pd.DataFrame | list[dict[str, object]]":
        asked = False
        for _ in range(MOST_STEPS):
            step = self._step(query, subjects, options)
            match step:
                case Answer():
                    return self._answer(query, subjects, step, options, asked=asked)
                case PassThrough():
                    self._learn_shapes(query, subjects)
                    return self._pass(query, subjects, step)
                case Count(name) | Mirror(name) | FetchKeys(name):
                    self._bring(step, next(s for s in subjects if s.name == name))
                    asked = True
        message = f"no answer after {MOST_STEPS} steps to {query}"
        raise AssertionError(message)

    def explain(self, query: Query, options: Options = DEFAULT) -> Explanation:
        """Tell how a query would be answered, without touching the network.

        Raises
        ------
        NotCachedError
            If not even the tables' metadata are held, and offline.
        """
        subjects = self._subjects(query)
        if options.columns == "held":
            query = self._columns.narrowed(query, subjects)
        step = self._step(query, subjects, options)
        states = [self._rows.row_set(subject).state() for subject in subjects]
        if not isinstance(step, Answer):
            route = "pass-through" if isinstance(step, PassThrough) else "fetch"
            return Explanation(route, step.reason, (), 0, 0)
        held = self._held(query, subjects, step, options)
        files = tuple(
            file
            for one in held.values()
            for piece in one.pieces
            for file in piece.files
        )
        return Explanation(
            "local",
            step.reason,
            files,
            sum(state.rows for state in states),
            sum(state.nbytes for state in states),
        )

    def _subjects(self, query: Query) -> list[Subject]:
        kind = "view" if query.kind == "view" else "table"
        return [
            self._catalog.subject(name, query.version, kind) for name in query.tables
        ]

    def _step(
        self, query: Query, subjects: Sequence[Subject], options: Options
    ) -> Step:
        known: list[Known] = []
        shapes: dict[str, TableShape] = {}
        for subject in subjects:
            state = self._rows.row_set(subject).state()
            state = fitting(state, query, subject.name, options)
            if state.shape is not None:
                shapes[subject.name] = state.shape
            known.append(
                Known(
                    subject.name,
                    subject.kind,
                    whole=state.is_whole,
                    missing=_missing(state, query, subject.name),
                    rows=self._rows.known_rows(subject),
                    shaped=state.shape is not None,
                )
            )
        blocked = blockers(query, shapes) if len(shapes) == len(subjects) else None
        page = self._rows.cap or 0
        return decide(query, known, page=page, blocked=blocked, widen=options.widen)

    def _bring(self, step: Count | Mirror | FetchKeys, subject: Subject) -> None:
        if self._origin.offline:
            raise self._catalog.not_cached(subject)
        self._versions.require_stable(subject.version)
        match step:
            case Count():
                self._rows.count(subject)
            case Mirror():
                self._rows.mirror(subject)
            case FetchKeys(_, column, keys):
                self._rows.fetch_keys(subject, column, keys)

    def _answer(
        self,
        query: Query,
        subjects: Sequence[Subject],
        step: Answer,
        options: Options,
        *,
        asked: bool,
    ) -> "pd.DataFrame | list[dict[str, object]]":
        run = (
            self._engine().answer
            if options.approximate
            else partial(self._run, subjects=subjects)
        )
        try:
            held = self._held(query, subjects, step, options)
            answer = run(query, held)
        except (FileNotFoundError, StoreChangedError):
            # A sweep removed superseded files under us; the commits name new ones.
            held = self._held(query, subjects, step, options)
            answer = run(query, held)
        fetched_at = self._oldest(subjects)
        return self._signed(query, answer, held, step.reason, fetched_at, asked=asked)

    def _run(
        self, query: Query, held: dict[str, HeldRows], subjects: Sequence[Subject]
    ) -> "pd.DataFrame | list[dict[str, object]]":
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
            what = f"view {view.name} of v{view.version}"
            raise AmbiguousFilterError(what, error.command, 1) from error

    def _settle(self, query: Query, subject: Subject, ids: list[int]) -> frozenset[int]:
        try:
            return self._replies.settle(query, subject, ids)
        except NotCachedError as error:
            what = f"{subject.kind} {subject.name} of v{subject.version}"
            online = "unset CORTICAL_CACHE_OFFLINE"
            raise AmbiguousFilterError(what, online, len(ids)) from error

    def _signed(  # noqa: PLR0913  what came, and where from
        self,
        query: Query,
        answer: "pd.DataFrame | list[dict[str, object]]",
        held: dict[str, HeldRows],
        reason: str,
        fetched_at: datetime | None,
        *,
        asked: bool,
    ) -> "pd.DataFrame | list[dict[str, object]]":
        source = "server" if asked else "store"
        layers = self._rows.layers_of(held.values())
        self.last = Answered(source, query.version, fetched_at, reason, layers)
        if not isinstance(answer, list) and query.metadata:
            shapes = {name: rows.shape for name, rows in held.items()}
            found = self._labels.materialized(query, shapes)
            answer.attrs.update({**found, "cortical_cache": self._note()})
        return answer

    def attributes(self, query: Query) -> dict[str, object]:
        """Return the ``attrs`` that caveclient gives a live answer to the query."""
        shapes: dict[str, TableShape] = {}
        for subject in self._subjects(query):
            shape = self._rows.row_set(subject).state().shape
            if shape is not None:
                shapes[subject.name] = shape
        return self._labels.live(query, shapes)

    def _note(self) -> dict[str, object]:
        """Say where the answer came from."""
        return {} if self.last is None else self.last.note()

    def _held(
        self,
        query: Query,
        subjects: Sequence[Subject],
        step: Answer,
        options: Options,
    ) -> dict[str, HeldRows]:
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

    def _oldest(self, subjects: Sequence[Subject]) -> datetime | None:
        times = [
            commit.provenance.fetched_at
            for subject in subjects
            for commit in self._rows.row_set(subject).state().commits
        ]
        return min(times, default=None)

    def _learn_shapes(self, query: Query, subjects: Sequence[Subject]) -> None:
        """Learn the columns of tables, and refuse what they make no sense of.

        What the server would misread must not depend on what is held.
        """
        shapes: dict[str, TableShape] = {}
        for subject in subjects:
            row_set = self._rows.row_set(subject)
            column = _key_of(subject)
            if row_set.state().shape is None and column and not self._origin.offline:
                self._versions.require_stable(subject.version)
                self._rows.fetch_keys(subject, column, frozenset())
            shape = row_set.state().shape
            if shape is not None:
                shapes[subject.name] = shape
        if len(shapes) == len(subjects):
            blockers(query, shapes)

    def _failing(self, query: Query, subjects: Sequence[Subject]) -> str | None:
        """Say why the server would fail on a selection that makes sense."""
        if not selects_one(query) or query.counts:
            return None
        states = {s.name: self._rows.row_set(s).state() for s in subjects}
        shapes = {name: one.shape for name, one in states.items() if one.shape}
        shown = outputs(query, shapes) if len(shapes) == len(subjects) else ()
        if len(shown) == 1 and len(shown[0].names) == 1:
            return "the server fails if one column is selected"
        return None

    def _pass(
        self, query: Query, subjects: Sequence[Subject], step: PassThrough
    ) -> "pd.DataFrame | list[dict[str, object]]":
        lacking = next(
            (s for s in subjects if not self._rows.row_set(s).state().is_whole),
            subjects[0],
        )
        fault = misread(query) or self._failing(query, subjects)
        if fault is not None and query.random_sample:
            raise UnsupportedQueryError(f"{fault}, and only it draws random samples")
        if fault is not None and len(subjects) > 1:
            command = self._catalog.not_cached(lacking).command
            raise UnsupportedQueryError(
                f"{fault}, and {lacking} is not held whole; `{command}` first"
            )
        if step.keep and len(subjects) == 1 and (fault or not query.counts):
            rest, rows = self._replies.rows_for(query, lacking)
            answer = self._engine().answer(rest, {lacking.name: rows})
            held = {lacking.name: rows}
            now = None
            return self._signed(query, answer, held, step.reason, now, asked=True)
        frame, fetched_at = self._replies.answer(query, lacking, keep=step.keep)
        source = "server" if fetched_at is None else "store"
        self.last = Answered(source, query.version, fetched_at, step.reason)
        if not query.return_df:
            from cortical_cache.engine import records

            return records(frame)
        if query.metadata:
            frame.attrs["cortical_cache"] = self._note()
        return frame


def _found(
    state: RowSetState, column: str | None, keys: frozenset[int]
) -> HeldRows | None:
    """Return the rows to read: of a table in many files only those that can matter."""
    if column is None or state.is_one_file:
        return state.held_whole()
    return state.held_for(column, keys)


def _key_of(subject: Subject) -> str | None:
    """Return a column to ask for no rows by; None if a view has but positions."""
    names = (c.name for c in subject.view_columns if c.type is not ColumnType.POINT)
    return subject.page_column or next(names, None)


def _missing(state: RowSetState, query: Query, table: str) -> dict[str, frozenset[int]]:
    return {
        column: keys - state.covered(column, keys)
        for column, keys in key_filters(query, table).items()
    }
