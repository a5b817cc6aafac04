"""Canonical questions to CAVE, and the proof that an answer is whole.

Only three questions are ever asked of a table: all of it, the rows where a column is
one of some keys, the rows whose integer column lies in a range.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from cortical_cache.errors import ServerError, TruncatedResultError
from cortical_cache.model.shape import Kind
from cortical_cache.sources.cave.replies import Reply, read_reply
from cortical_cache.sources.cave.session import CaveSession

__all__ = ["All", "Among", "CaveRows", "InRange", "Target", "Where"]


@dataclass(frozen=True, slots=True)
class Target:
    """A table or view of one version."""

    kind: Kind
    name: str
    version: int

    def __str__(self) -> str:
        """Name it for a message."""
        return f"{self.kind} {self.name} of version {self.version}"


@dataclass(frozen=True, slots=True)
class All:
    """Every row."""


@dataclass(frozen=True, slots=True)
class Among:
    """Rows whose `column` is one of `keys`."""

    column: str
    keys: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class InRange:
    """Rows with ``low <= column < high``."""

    column: str
    low: int
    high: int


Where = All | Among | InRange


class CaveRows:
    """Fetch and count rows of materialized tables and views.

    Parameters
    ----------
    session : CaveSession
    """

    def __init__(self, session: CaveSession) -> None:
        self._session = session

    def count(self, target: Target, where: Where) -> int:
        """Ask the server how many rows a query with the same filter would return.

        Not ``get_annotation_count``, which counts rows before a split version's time
        stamp only.
        """
        reply = self._ask(target, where, {"count": "True"})
        if reply.table.column_names != ["count"] or reply.table.num_rows != 1:
            raise ServerError(f"{target}: the server did not count")
        return int(reply.table.column("count")[0].as_py())

    def fetch(self, target: Target, where: Where) -> Reply:
        """Fetch all rows of a question in one reply, proved whole.

        Raises
        ------
        TruncatedResultError
            If the reply was cut at the server's cap; `rows` tells where.
        """
        reply = self._ask(target, where, {})
        if reply.limited:
            there_are = self.count(target, where)
            if there_are != reply.table.num_rows:
                raise TruncatedResultError(
                    f"{target}: the server gave {reply.table.num_rows:,} of "
                    f"{there_are:,} rows",
                    reply.table.num_rows,
                    there_are,
                )
        return reply

    def header(self, target: Target) -> Reply:
        """Fetch one row at most, for the columns and their types."""
        return self._ask(target, All(), {}, limit=1)

    def _ask(
        self,
        target: Target,
        where: Where,
        params: Mapping[str, str],
        limit: int | None = None,
    ) -> Reply:
        if target.kind == "view":
            url = self._session.url(
                "view_query", version=target.version, view_name=target.name
            )
        else:
            url = self._session.url(
                "simple_query", version=target.version, table_name=target.name
            )
        body: dict[str, object] = _filters(target.name, where)
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
            url, str(target), body=json.dumps(body), params=asked
        )
        return read_reply(response, str(target))


def _filters(table: str, where: Where) -> dict[str, object]:
    match where:
        case All():
            return {}
        case Among(column, keys):
            return {"filter_in_dict": {table: {column: list(keys)}}}
        case InRange(column, low, high):
            return {
                "filter_greater_equal_dict": {table: {column: low}},
                "filter_less_dict": {table: {column: high}},
            }


def concatenated(replies: list[Reply]) -> pa.Table:
    """Join the tables of replies to one question's parts.

    An empty part has untyped string columns, so types are unified.
    """
    return pa.concat_tables(
        [reply.table for reply in replies], promote_options="permissive"
    )
