"""The server under examination: one version of it, and what there is to ask with."""

import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import pyarrow as pa
import requests

from cortical_cache.model.dataset import Dataset
from cortical_cache.model.json import JsonObject
from cortical_cache.sources.cave.metadata import CaveMetadata
from cortical_cache.sources.cave.session import CaveSession

__all__ = ["SAMPLE", "Answer", "Filters", "Server", "UntestableError", "between"]

SAMPLE = 100
"""Rows to look at."""

_TABLES_TRIED = 8
_FIRST_WIDTH = 64
_FEW = 40
_MANY = 400

Filters = Mapping[str, Mapping[str, object]]
"""Values by kind of filter and column: ``{"in": {"id": [1, 2]}}``."""


class UntestableError(Exception):
    """The server has nothing that would show whether an assumption holds."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply, read as leniently as it goes.

    Attributes
    ----------
    headers : mapping of str to str
        Names in any case.
    body : bytes
    table : pyarrow.Table
    """

    headers: Mapping[str, str]
    body: bytes
    table: pa.Table

    @property
    def types(self) -> dict[str, str]:
        """Arrow types by column, as text."""
        schema = self.table.schema
        types = cast("list[object]", schema.types)
        return dict(zip(schema.names, map(str, types), strict=True))

    @property
    def limited(self) -> bool:
        """Whether the server says that it cut the reply."""
        return "Limited query to " in self.headers.get("Warning", "")

    def column(self, name: str) -> list[object]:
        """Return the values of a column."""
        return cast("list[object]", self.table.column(name).to_pylist())

    def ints(self, name: str) -> list[int]:
        """Return the values of a column of whole numbers, NULL left out."""
        return [one for one in self.column(name) if isinstance(one, int)]


class Server:
    """One version of a datastack on a live server.

    Parameters
    ----------
    session : CaveSession
    dataset : Dataset
    record : JsonObject
        The server's record of the version.
    """

    def __init__(
        self, session: CaveSession, dataset: Dataset, record: JsonObject
    ) -> None:
        self.session = session
        self.dataset = dataset
        self.record = record
        self.version = int(cast("int", record["version"]))
        self.metadata = CaveMetadata(session)
        records = self.metadata.tables(self.version)
        self.tables = {str(one["table_name"]): one for one in records}
        self.views = self.metadata.views(self.version)
        self.schemas = self.metadata.view_schemas(self.version) if self.views else {}
        self._samples: dict[str, Answer] = {}
        self._range: tuple[str, list[int]] | None = None

    @property
    def address(self) -> str:
        """Address of the services of this datastack."""
        materialize: Any = self.session.materialize  # caveclient has no types
        return str(materialize.server_address)

    def url(self, name: str) -> str:
        """Return the address that queries of a table or view go to."""
        if name in self.views:
            return self.session.url("view_query", version=self.version, view_name=name)
        return self.session.url("simple_query", version=self.version, table_name=name)

    def ask(
        self,
        name: str,
        filters: Filters | None = None,
        *,
        count: bool = False,
        **body: object,
    ) -> Answer:
        """Query a table or view.

        Parameters
        ----------
        name : str
        filters : mapping
        count : bool
            Ask for the number of rows.
        **body
            Other keys of the query, such as ``limit``.
        """
        for kind, columns in (filters or {}).items():
            body[f"filter_{kind}_dict"] = {name: columns}
        return self.post(self.url(name), body, count=count)

    def post(
        self, url: str, body: Mapping[str, object], *, count: bool = False
    ) -> Answer:
        """Send a query to any of the query addresses."""
        params = {
            "return_pyarrow": "True",
            "arrow_format": "True",
            "split_positions": "True",
            "direct_sql_pandas": "True",
        }
        if count:
            params["count"] = "True"
        response = self.session.post(
            url, "a probe", body=json.dumps(body), params=params
        )
        return _answer(response)

    def count(self, name: str, filters: Filters) -> int:
        """Return the server's count of the rows that meet the filters."""
        return self.ask(name, filters, count=True).ints("count")[0]

    def sample(self, name: str) -> Answer:
        """Return some rows, asked for once."""
        if name not in self._samples:
            self._samples[name] = self.ask(name, limit=SAMPLE)
        return self._samples[name]

    def id_range(self) -> tuple[str, list[int]]:
        """Return a table and all of its ids in some range, a few hundred at most."""
        if self._range is None:
            name = self.main
            sampled = sorted(self.sample(name).ints("id"))
            low, width = sampled[len(sampled) // 2], _FIRST_WIDTH
            ids = [low]
            while len(ids) < _FEW and low + width <= sampled[-1]:
                width *= 2
                found = self.ask(name, between(low, low + width), limit=_MANY)
                if found.limited or found.table.num_rows >= _MANY:
                    break
                ids = sorted(found.ints("id"))
            self._range = name, ids
        return self._range

    @property
    def main(self) -> str:
        """The table of the cells, or another with rows."""
        return next(self._candidates())

    def table_where(self, holds: Callable[[str], bool], what: str) -> str:
        """Return the first table that has something, looking at a few of them.

        Raises
        ------
        UntestableError
            If none of them has; `what` says what.
        """
        for name in self._candidates():
            if holds(name):
                return name
        raise UntestableError(f"no table looked at has {what}")

    def column_of(self, types: tuple[str, ...]) -> tuple[str, str]:
        """Return a table and one of its columns that has one of the Arrow types."""

        def columns(name: str) -> list[str]:
            found = self.sample(name).types
            return [column for column, one in found.items() if one in types]

        what = f"a column of type {' or '.join(types)}"
        name = self.table_where(lambda one: bool(columns(one)), what)
        return name, columns(name)[0]

    def root_column(self) -> tuple[str, str]:
        """Return a table and one of its columns of root ids."""

        def roots(name: str) -> list[str]:
            columns = self.sample(name).table.column_names
            return [one for one in columns if one.endswith("_root_id")]

        name = self.table_where(lambda one: bool(roots(one)), "a root id")
        return name, roots(name)[0]

    def resolution(self, name: str) -> tuple[float, float, float]:
        """Return the nanometres per voxel of a table."""
        record = self.tables[name]
        x, y, z = (float(str(record[f"voxel_resolution_{axis}"])) for axis in "xyz")
        return x, y, z

    def point(self, name: str) -> str:
        """Return a position column of a table, without its axis; empty if none."""
        columns = self.sample(name).table.column_names
        found = (one[:-2] for one in columns if one.endswith("_position_x"))
        return next(found, "")

    def _candidates(self) -> Iterator[str]:
        """Yield readable tables with rows, the likeliest first."""
        wanted = (*self.dataset.cell_tables, *self.dataset.core_tables)
        first = [name for name in wanted if name in self.tables]
        names = list(dict.fromkeys([*first, *sorted(self.tables)]))[:_TABLES_TRIED]
        any_read = False
        for name in names:
            try:
                has_rows = self.sample(name).table.num_rows > 0
            except PermissionError:  # our NotAuthorizedError, too
                continue
            if has_rows:
                any_read = True
                yield name
        if not any_read:
            raise UntestableError("no table of this version can be read and has rows")


def between(low: int, high: int) -> Filters:
    """Return the filters that leave ids with ``low <= id < high``."""
    return {"greater_equal": {"id": low}, "less": {"id": high}}


def _answer(response: requests.Response) -> Answer:
    body = response.content
    try:
        with pa.ipc.open_stream(io.BytesIO(body)) as reader:
            table = reader.read_all()
    except pa.ArrowInvalid as error:
        kind = response.headers.get("Content-Type")
        raise ValueError(f"a reply of type {kind} is no Arrow stream") from error
    return Answer(response.headers, body, table)
