"""Canonical questions to CAVE, and the proof that an answer is whole.

Only three questions are ever asked of a table: all of it, the rows where a column is
one of some keys, and either of these cut into ranges of an integer column.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from cortical_cache.errors import ServerError, TruncatedResultError
from cortical_cache.model.subject import Subject
from cortical_cache.sources.cave.replies import Reply, read_reply
from cortical_cache.sources.cave.session import CaveSession

__all__ = ["CaveRows", "Where"]


@dataclass(frozen=True, slots=True)
class Where:
    """Which rows: all of them, unless narrowed.

    Attributes
    ----------
    column : str or None
        With `keys`: only rows whose column is one of them.
    keys : tuple of int
    low, high : int or None
        Only rows with ``low <= page_by < high``; None is open.
    page_by : str
        The integer column that ranges are of.
    """

    column: str | None = None
    keys: tuple[int, ...] = ()
    low: int | None = None
    high: int | None = None
    page_by: str = "id"

    def between(self, low: int | None, high: int | None) -> "Where":
        """Narrow to a range."""
        return replace(self, low=low, high=high)

    def filters(self, table: str) -> dict[str, object]:
        """Write it as a query body."""
        body: dict[str, object] = {}
        if self.column is not None:
            body["filter_in_dict"] = {table: {self.column: list(self.keys)}}
        if self.low is not None:
            body["filter_greater_equal_dict"] = {table: {self.page_by: self.low}}
        if self.high is not None:
            body["filter_less_dict"] = {table: {self.page_by: self.high}}
        return body


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

    def header(self, subject: Subject) -> Reply:
        """Fetch one row at most, for the columns and their types."""
        return self._ask(subject, Where(), {}, limit=1)

    def _ask(
        self,
        subject: Subject,
        where: Where,
        params: Mapping[str, str],
        limit: int | None = None,
    ) -> Reply:
        if subject.kind == "view":
            url = self._session.url(
                "view_query", version=subject.version, view_name=subject.name
            )
        else:
            url = self._session.url(
                "simple_query", version=subject.version, table_name=subject.name
            )
        body = where.filters(subject.name)
        if limit is not None:
            body["limit"] = limit
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
