"""How replies look on the wire: stream, headers, types."""

import ast
from collections.abc import Callable, Mapping

from cortical_cache.selfcheck.probe import Probe, Verdict, judged, probe
from cortical_cache.selfcheck.server import SAMPLE, Answer, Server, UntestableError

__all__ = ["PROBES"]

_END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"
_ZSTD = b"\x28\xb5\x2f\xfd"
_UTC = "timestamp[ns, tz=UTC]"
_NAIVE = "timestamp[ns]"
_ROOTS = 50


@probe(
    "arrow-stream",
    assumes="replies: an Arrow stream of type `data.arrow` that ends with a marker",
    otherwise="every fetch is refused as no Arrow data or as broken off: adapt "
    "`read_reply`",
)
def _arrow_stream(server: Server) -> Verdict:
    answer = server.sample(server.main)
    kind = answer.headers.get("Content-Type")
    ends = answer.body.endswith(_END_OF_STREAM)
    found = f"type {kind}, {'an' if ends else 'no'} end-of-stream marker"
    return judged(kind == "data.arrow" and ends, found)


@probe(
    "zstd-buffers",
    assumes="replies: asked for zstd, the buffers are compressed inside the stream and "
    "the body is not",
    otherwise="transfers are larger than `sync` estimates; rows stay right",
)
def _zstd_buffers(server: Server) -> Verdict:
    answer = server.sample(server.main)
    coded = answer.headers.get("Content-Encoding")
    inside = _ZSTD in answer.body
    found = f"Content-Encoding {coded}, {'zstd' if inside else 'no zstd'} inside"
    return judged(coded is None and inside, found)


@probe(
    "resolution-header",
    assumes="headers: `dataframe_resolution` has three numbers, the table's own",
    otherwise="`attrs['dataframe_resolution']` of cached frames would differ, and "
    "positions may be stored in other units than the metadata say",
)
def _resolution_header(server: Server) -> Verdict:
    name = server.main
    header = server.sample(name).headers.get("dataframe_resolution", "")
    sent = [float(part) for part in header.split(", ") if part]
    return judged(sent == [*server.resolution(name)], f"{header!r} for {name}")


@probe(
    "column-names",
    assumes="headers: `column_names` lists the model's columns in order, dropped ones "
    "included",
    otherwise="positions cannot be told from three integers, or a fetch is refused "
    "as not fitting its schema: look at `shape_of`",
)
def _column_names(server: Server) -> Verdict:
    name = server.main
    answer = server.sample(name)
    header = answer.headers.get("column_names", "{}")
    listed: Mapping[str, Mapping[str, str]] = ast.literal_eval(header)
    names = list(listed.get(name, {}))
    sent = answer.table.column_names
    expected = [
        shown
        for one in names
        for shown in ((one,) if one in sent else (f"{one}_x", f"{one}_y", f"{one}_z"))
        if shown in sent
    ]
    splits = "created" in sent
    holds = sorted(expected) == sorted(sent) and ("deleted" in names) == splits
    odd = sorted(set(expected) ^ set(sent))
    found = f"{name}: {len(names)} in the header, {len(sent)} columns, odd: {odd}"
    return judged(holds, found)


@probe(
    "table-integers",
    assumes="types: ids of tables are 64-bit integers, positions 32-bit",
    otherwise="ids could lose digits or positions overflow: look at `_STORED`",
)
def _table_integers(server: Server) -> Verdict:
    return _all_of(
        server.sample(server.main),
        _is_integer,
        lambda name: "int32" if name[-2:] in {"_x", "_y", "_z"} else "int64",
    )


@probe(
    "table-floats",
    assumes="types: floats of tables arrive as Float32, whatever the database holds",
    otherwise="if Float64 arrives, the store keeps it and comparisons could be "
    "answered locally: relax the rule for rounded columns",
)
def _table_floats(server: Server) -> Verdict:
    table, column = server.column_of(("float", "double", "halffloat"))
    sent = server.sample(table).types[column]
    return judged(sent == "float", f"{table}.{column} is {sent}")


@probe(
    "table-times",
    assumes="types: times of tables are nanoseconds with the zone UTC",
    otherwise="stored times could be shifted or refused: look at `_cast`",
)
def _table_times(server: Server) -> Verdict:
    types = server.sample(server.main).types
    if "created" not in types:
        raise UntestableError("a merged version has no `created`")
    return judged(types["created"] == _UTC, f"created is {types['created']}")


@probe(
    "view-floats",
    assumes="types: floats of views arrive as Float64",
    otherwise="views would be stored with less precision than is claimed",
)
def _view_floats(server: Server) -> Verdict:
    name = _view_with(server, "float")
    columns = _columns(server, name, "float")
    return _all_of(
        _view_rows(server, name), lambda one, _: one in columns, lambda _: "double"
    )


@probe(
    "view-integers",
    assumes="types: integers of views are 64-bit whatever the database's type, "
    "positions 32-bit",
    otherwise="rows of views are cast to the wrong width or refused: look at `_cast`",
)
def _view_integers(server: Server) -> Verdict:
    name = _view_with(server, "integer")
    columns = _columns(server, name, "integer")
    points = _columns(server, name, "SpatialPoint")
    return _all_of(
        _view_rows(server, name),
        lambda one, _: one in columns or one[:-2] in points,
        lambda one: "int32" if one[:-2] in points else "int64",
    )


@probe(
    "view-times",
    assumes="types: times of views carry no zone",
    otherwise="stored times could be shifted: look at `_cast`",
)
def _view_times(server: Server) -> Verdict:
    name = _view_with(server, "string", "date-time")
    columns = _columns(server, name, "string", "date-time")
    return _all_of(server.sample(name), lambda one, _: one in columns, lambda _: _NAIVE)


def _is_integer(_: str, type_: str) -> bool:
    return type_.startswith(("int", "uint"))


def _all_of(
    answer: Answer,
    concerned: Callable[[str, str], bool],
    wanted: Callable[[str], str],
) -> Verdict:
    """Judge the types of some columns; a column without values proves nothing."""
    table = answer.table
    there = [
        name
        for name, type_ in answer.types.items()
        if concerned(name, type_) and table.column(name).null_count < table.num_rows
    ]
    if not there:
        raise UntestableError("no such column has values")
    odd = {
        name: answer.types[name] for name in there if answer.types[name] != wanted(name)
    }
    return judged(not odd, f"otherwise: {odd}" if odd else f"{', '.join(there)}")


def _view_with(server: Server, type_: str, format_: str | None = None) -> str:
    """Choose a view to look at, the lookup view first."""
    if not server.views:
        raise UntestableError("this version has no view")
    lookup = server.dataset.lookup_view
    for name in sorted(server.schemas, key=lambda one: (one != lookup, one)):
        has_key = "id" in server.schemas[name] or _root(server, name)
        if has_key and _columns(server, name, type_, format_):
            return name
    raise UntestableError(f"no view looked at has a column of type {format_ or type_}")


def _view_rows(server: Server, name: str) -> Answer:
    """Return rows of a view, of a few roots if it has no id.

    Such a view aggregates, and all of it could keep the server busy for minutes.
    """
    if "id" in server.schemas[name]:
        return server.sample(name)
    table, column = server.root_column()
    roots = [one for one in server.sample(table).ints(column) if one > 1][:_ROOTS]
    return server.ask(name, {"in": {_root(server, name): roots}}, limit=SAMPLE)


def _root(server: Server, name: str) -> str:
    columns = server.schemas[name]
    return next((one for one in columns if one.endswith("_root_id")), "")


def _columns(
    server: Server, name: str, type_: str, format_: str | None = None
) -> set[str]:
    found: set[str] = set()
    for column, described in server.schemas[name].items():
        if (
            isinstance(described, dict)
            and described.get("type") == type_
            and described.get("format") == format_
        ):
            found.add(column)
    return found


PROBES: tuple[Probe, ...] = (
    _arrow_stream,
    _zstd_buffers,
    _resolution_header,
    _column_names,
    _table_integers,
    _table_floats,
    _table_times,
    _view_floats,
    _view_integers,
    _view_times,
)
