"""What the server refuses, and which of our errors its words become."""

from cortical_cache.errors import (
    CorticalCacheError,
    InvalidQueryError,
    NotAuthorizedError,
    ServerUnavailableError,
    UnknownNameError,
)
from cortical_cache.selfcheck.probe import Probe, Verdict, judged, probe
from cortical_cache.selfcheck.server import Filters, Server

__all__ = ["PROBES"]

_NOWHERE = "no_such_thing_anywhere"
_TRANSLATE = "users would see a bare `ServerError`: teach `faults.py` the new words"


@probe(
    "unknown-table",
    assumes="errors: a query of an unknown table is told as such",
    otherwise=_TRANSLATE,
)
def _unknown_table(server: Server) -> Verdict:
    return _refused(server, UnknownNameError, _NOWHERE)


@probe(
    "unknown-version",
    assumes="errors: a query of an unknown version is told as such",
    otherwise=_TRANSLATE,
)
def _unknown_version(server: Server) -> Verdict:
    url = server.session.url(
        "simple_query", version=987_654_321, table_name=server.main
    )
    try:
        answer = server.post(url, {"limit": 1})
    except CorticalCacheError as error:
        return _told(error, UnknownNameError)
    return judged(holds=False, found=f"no error but {answer.table.num_rows} rows")


@probe(
    "unknown-version-record",
    assumes="errors: the record of an unknown version is told as missing",
    otherwise=_TRANSLATE,
)
def _unknown_version_record(server: Server) -> Verdict:
    try:
        record = server.metadata.version(987_654_321)
    except CorticalCacheError as error:
        return _told(error, UnknownNameError)
    return judged(holds=False, found=f"no error but {record}")


@probe(
    "unknown-column",
    assumes="errors: selecting an unknown column is refused as such",
    otherwise=_TRANSLATE,
)
def _unknown_column(server: Server) -> Verdict:
    columns = ("id", _NOWHERE)
    return _refused(server, InvalidQueryError, server.main, columns=columns)


@probe(
    "unknown-filter-column",
    assumes="errors: a filter on an unknown column is an error, not ignored",
    otherwise="rows that the filter should have kept out would be stored as its "
    "answer: check columns before asking",
)
def _unknown_filter_column(server: Server) -> Verdict:
    filters = {"equal": {_NOWHERE: 1}}
    return _refused(server, CorticalCacheError, server.main, filters)


@probe(
    "unknown-filter",
    assumes="errors: a kind of filter that the server does not know is refused",
    otherwise="rows that the filter should have kept out would be stored as its "
    "answer: never send a filter that this server may not know",
)
def _unknown_filter(server: Server) -> Verdict:
    filters = {"no_such_kind": {"id": 1}}
    return _refused(server, InvalidQueryError, server.main, filters)


@probe(
    "single-column",
    assumes="selection: a single selected column that is no position is refused",
    otherwise="the line on it in the documented differences is out of date; answers "
    "here have the column either way",
)
def _single_column(server: Server) -> Verdict:
    return _refused(server, InvalidQueryError, server.main, columns=("id",))


@probe(
    "box-corners",
    assumes="boxes: a minimum must lie below its maximum on every axis",
    otherwise="flat boxes are refused here and answered there: look at the query's "
    "box arguments",
)
def _box_corners(server: Server) -> Verdict:
    name = server.table_where(lambda one: bool(server.point(one)), "a position")
    filters = {"spatial": {server.point(name): [[0, 0, 5], [9, 9, 5]]}}
    return _refused(server, InvalidQueryError, name, filters)


@probe(
    "regex-on-number",
    assumes="filters: a regular expression on a column that is no text is refused",
    otherwise="such filters are refused here and answered there: look at `conditions`",
)
def _regex_on_number(server: Server) -> Verdict:
    filters = {"regex": {"id": "1"}}
    return _refused(server, InvalidQueryError, server.main, filters)


@probe(
    "list-for-in",
    assumes="filters: membership wants a list; a single value is refused",
    otherwise="such filters are refused here and answered there: look at the query's "
    "arguments",
)
def _list_for_in(server: Server) -> Verdict:
    filters = {"in": {"id": 1}}
    return _refused(server, InvalidQueryError, server.main, filters)


def _refused(
    server: Server,
    kind: type[CorticalCacheError],
    name: str,
    filters: Filters | None = None,
    columns: tuple[str, ...] = (),
) -> Verdict:
    """Judge a query that must fail with an error of ours of this kind."""
    try:
        answer = server.ask(name, filters, limit=1, select_columns=columns)
    except CorticalCacheError as error:
        return _told(error, kind)
    return judged(holds=False, found=f"no error but {answer.table.num_rows} rows")


def _told(error: CorticalCacheError, kind: type[CorticalCacheError]) -> Verdict:
    if isinstance(error, ServerUnavailableError | NotAuthorizedError):
        raise error  # the question itself was not answered
    return judged(isinstance(error, kind), f"{type(error).__name__}: {error}")


PROBES: tuple[Probe, ...] = (
    _unknown_table,
    _unknown_version,
    _unknown_version_record,
    _unknown_column,
    _unknown_filter_column,
    _unknown_filter,
    _single_column,
    _box_corners,
    _regex_on_number,
    _list_for_in,
)
