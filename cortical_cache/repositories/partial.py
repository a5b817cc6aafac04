"""Tables of which all rows are held, but not all columns: what can be asked of them."""

import logging
from collections.abc import Sequence

from cortical_cache.cache.rows import RowCache
from cortical_cache.errors import PartialColumnsError
from cortical_cache.model.needs import narrowed, needs, tested
from cortical_cache.model.query import Query
from cortical_cache.model.shape import names
from cortical_cache.model.subject import Subject
from cortical_cache.policy.answering import Options
from cortical_cache.store import RowSetState

__all__ = ["PartialColumns", "fitting"]

log = logging.getLogger(__name__)


def fitting(
    state: RowSetState, query: Query, table: str, options: Options
) -> RowSetState:
    """Return what is held of a table for a query that may need but some columns."""
    needed = tested if options.columns == "held" else needs
    return state.for_columns(needed(query, table))


class PartialColumns:
    """Fits queries to the columns that there are.

    Parameters
    ----------
    rows : RowCache
    """

    def __init__(self, rows: RowCache) -> None:
        self._rows = rows

    def narrowed(self, query: Query, subjects: Sequence[Subject]) -> Query:
        """Select the columns that there are, of tables that lack some.

        Raises
        ------
        PartialColumnsError
            If the query filters or joins by a column that is missing, or selects none
            but such.
        """
        columns: dict[str, tuple[str, ...]] = {}
        is_partial = False
        for subject in subjects:
            state = self._rows.row_set(subject).state()
            shape = state.shape
            if state.partial is not None:
                is_partial = True
                shape, lacking = state.partial
                lost = tested(query, subject.name) & lacking
                if lost:
                    raise PartialColumnsError(str(subject), sorted(lost))
            if shape is None:
                return query
            columns[subject.name] = names(shape.columns)
        if not is_partial:
            return query
        fit = narrowed(query, columns)
        if query.columns and not fit.columns:
            raise PartialColumnsError(str(subjects[0]), sorted(query.columns))
        log.warning("%s: only the columns that are held", ", ".join(query.tables))
        return fit

    def refuse(
        self, query: Query, subjects: Sequence[Subject], error: Exception
    ) -> None:
        """Name the columns that are missing, if a query lacks nothing but them."""
        for subject in subjects:
            state = self._rows.row_set(subject).state()
            needed = needs(query, subject.name)
            if state.partial is None or state.for_columns(needed).is_whole:
                continue
            _, lacking = state.partial
            lost = lacking if needed is None else lacking & needed
            raise PartialColumnsError(str(subject), sorted(lost)) from error
