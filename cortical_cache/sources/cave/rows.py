"""Canonical questions to CAVE, and the proof that an answer is whole.

A question is all of a table, the rows of some keys, or the rows of a filter that only
the server can test; each may be cut into ranges of an integer column.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from cortical_cache.errors import ServerError, TruncatedResultError
from cortical_cache.model.query import Filter
from cortical_cache.model.subject import Subject
from cortical_cache.sources.cave.replies import Reply, read_reply
from cortical_cache.sources.cave.session import CaveSession

__all__ = ["CaveRows", "Where"]


@dataclass(frozen=True, slots=True)
class Where:
    """Which rows: all of them, unless narrowed.

    Attributes
    ----------
    filters : tuple of Filter
        Conditions that the server shall test, of any kind but ``out``, which it
        ignores.
    low, high : int or None
        Only rows with ``low <= page_by < high``; None is open.
    page_by : str
        The integer column that ranges are of.
    """

    filters: tuple[Filter, ...] = ()
    low: int | None = None
    high: int | None = None
    page_by: str = "id"

    def between(self, low: int | None, high: int | None) -> "Where":
        """Narrow to a range."""
        return replace(self, low=low, high=high)

    def body(self, table: str) -> dict[str, object]:
        """Write it as a query body."""
        found: dict[str, dict[str, object]] = {}
        for one in self.filters:
            name = f"filter_{one.kind}_dict"
            found.setdefault(name, {})[one.column] = one.value
        # A range of ours on a column that has one already: the narrower holds.
        for name, bound, narrower in (
            ("filter_greater_equal_dict", self.low, max),
            ("filter_less_dict", self.high, min),
        ):
            if bound is not None:
                bounds = found.setdefault(name, {})
                held = bounds.get(self.page_by)
                given = held if isinstance(held, int | float) else bound
                bounds[self.page_by] = narrower(given, bound)
        return {name: {table: columns} for name, columns in found.items()}


class CaveRows:
    """Fetch and count rows of materialized tables and views.

    Parameters
    ----------
    session : CaveSession
    """

    def __init__(self, session: CaveSession) -> None:
        self._session = session

    def count(self, subject: Subject, where: Where) -> int:
        """Ask the server how many rows a query with the same filter would return.

        Not ``get_annotation_count``, which counts rows before a split version's time
        stamp only.
        """
        reply = self._ask(subject, where, {"count": "True"})
        if reply.table.column_names != ["count"] or reply.table.num_rows != 1:
            raise ServerError(f"{subject}: the server did not count")
        return int(reply.table.column("count")[0].as_py())

    def fetch(self, subject: Subject, where: Where) -> Reply:
        """Fetch all rows of a question in one reply, proved whole.

        Raises
        ------
        TruncatedResultError
            If the reply was cut at the server's cap; `rows` tells where.
        """
        reply = self._ask(subject, where, {})
        if reply.limited:
            there_are = self.count(subject, where)
            if there_are != reply.table.num_rows:
                raise TruncatedResultError(
                    f"{subject}: the server gave {reply.table.num_rows:,} of "
                    f"{there_are:,} rows",
                    reply.table.num_rows,
                    there_are,
                )
        return reply

    def _ask(
        self,
        subject: Subject,
        where: Where,
        params: Mapping[str, str],
    ) -> Reply:
        if subject.kind == "view":
            url = self._session.url(
                "view_query", version=subject.version, view_name=subject.name
            )
        else:
            url = self._session.url(
                "simple_query", version=subject.version, table_name=subject.name
            )
        body = where.body(subject.name)
        asked = {
            "return_pyarrow": "True",
            "arrow_format": "True",
            "split_positions": "True",
            "direct_sql_pandas": "True",
            **params,
        }
        response = self._session.post(
            url, str(subject), body=json.dumps(body), params=asked
        )
        return read_reply(response, str(subject))
