"""Answer queries of tables and views: from the store, else fetched, else passed on."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from cortical_cache.cache.origin import Origin
from cortical_cache.cache.rows import RowCache
from cortical_cache.errors import (
    AmbiguousFilterError,
    NotCachedError,
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
from cortical_cache.repositories.heldanswers import HeldAnswers, Rows
from cortical_cache.repositories.labels import Labels
from cortical_cache.repositories.partial import PartialColumns, fitting
from cortical_cache.repositories.replies import Replies
from cortical_cache.repositories.versions import Versions
from cortical_cache.store import RowSetState

if TYPE_CHECKING:
    from cortical_cache.engine import Engine

__all__ = ["Tables"]

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
        self._local = HeldAnswers(catalog, rows, replies, engine)
        self._labels = Labels(catalog, versions)
        self._columns = PartialColumns(rows)
        self.last: Answered | None = None

    def answer(self, query: Query, options: Options = DEFAULT) -> Rows:
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
    ) -> Rows:
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
        held = self._local.held(query, subjects, step, options)
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
    ) -> Rows:
        answer, held = self._local.answer(query, subjects, step, options)
        fetched_at = self._local.oldest(subjects)
        return self._signed(query, answer, held, step.reason, fetched_at, asked=asked)

    def _signed(  # noqa: PLR0913  what came, and where from
        self,
        query: Query,
        answer: Rows,
        held: dict[str, HeldRows],
        reason: str,
        fetched_at: datetime | None,
        *,
        asked: bool,
    ) -> Rows:
        source = "server" if asked else "store"
        layers = self._rows.layers_of(held.values())
        told = Answered(source, query.version, fetched_at, reason, layers)
        self.last = told  # by another thread it may be another in a moment
        if not isinstance(answer, list) and query.metadata:
            shapes = {name: rows.shape for name, rows in held.items()}
            found = self._labels.materialized(query, shapes)
            answer.attrs.update({**found, "cortical_cache": told.note()})
        return answer

    def attributes(self, query: Query) -> dict[str, object]:
        """Return the ``attrs`` that caveclient gives a live answer to the query."""
        shapes: dict[str, TableShape] = {}
        for subject in self._subjects(query):
            shape = self._rows.row_set(subject).state().shape
            if shape is not None:
                shapes[subject.name] = shape
        return self._labels.live(query, shapes)

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
    ) -> Rows:
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
        told = Answered(source, query.version, fetched_at, step.reason)
        self.last = told
        if not query.return_df:
            from cortical_cache.engine import records

            return records(frame)
        if query.metadata:
            frame.attrs["cortical_cache"] = told.note()
        return frame


def _key_of(subject: Subject) -> str | None:
    """Return a column to ask for no rows by; None if a view has but positions."""
    names = (c.name for c in subject.view_columns if c.type is not ColumnType.POINT)
    return subject.page_column or next(names, None)


def _missing(state: RowSetState, query: Query, table: str) -> dict[str, frozenset[int]]:
    return {
        column: keys - state.covered(column, keys)
        for column, keys in key_filters(query, table).items()
    }
