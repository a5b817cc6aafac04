"""Read a query reply of MaterializationEngine without losing anything it says."""

import ast
import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import requests

from cortical_cache.errors import ServerError, ServerUnavailableError, SourceError
from cortical_cache.model.foreign import check_name
from cortical_cache.model.json import as_object
from cortical_cache.sources.cave.arrowsize import unpacked_bytes
from cortical_cache.sources.limits import check_rows, check_unpacked

__all__ = ["Reply", "read_reply", "read_whole"]

# An Arrow stream ends with a continuation marker and a length of zero. A stream cut
# between two messages reads without complaint, so the marker is looked for.
_END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"

# Python 3.11 counts the depth of all that is parsed at once together, and fails where a
# collection of garbage lets another thread in (python/cpython#106905).
_PARSING = threading.Lock()


@dataclass(frozen=True, slots=True)
class Reply:
    """One Arrow reply.

    Attributes
    ----------
    table : pyarrow.Table
        As sent, positions split.
    columns : mapping of str to tuple of str
        Model column names by table, in the server's order, dropped ones included;
        empty where the server sent no ``column_names`` header.
    limited : bool
        A ``Limited query to N rows`` warning came. It also comes when the complete
        answer has exactly N rows.
    """

    table: pa.Table
    columns: Mapping[str, tuple[str, ...]]
    limited: bool


def read_reply(response: requests.Response, what: str) -> Reply:
    """Parse a successful query response.

    Raises
    ------
    ServerUnavailableError
        If the stream does not end as a whole one does.
    ServerError
        If it is no Arrow stream at all.
    """
    table = read_whole(response, what)
    warning = response.headers.get("Warning", "")
    return Reply(
        table.replace_schema_metadata(None),
        _column_names(response.headers.get("column_names"), what),
        '201 - "Limited query to ' in warning,
    )


def read_whole(response: requests.Response, what: str) -> pa.Table:
    """Read the Arrow stream of a response, believing nothing of it.

    Raises
    ------
    ServerUnavailableError, ServerError
        As `read_reply`.
    """
    if response.headers.get("Content-Type") != "data.arrow":
        kind = response.headers.get("Content-Type")
        raise ServerError(f"{what}: the server sent {kind!r} instead of Arrow data")
    body = response.content
    if not body.endswith(_END_OF_STREAM):
        raise ServerUnavailableError(f"{what}: the server's reply breaks off")
    try:
        unpacked = unpacked_bytes(pa.py_buffer(body))
        check_unpacked(unpacked, len(body), f"{what}: the server's reply")
        with pa.ipc.open_stream(body) as reader:
            table = reader.read_all()
        # Lengths and offsets are the sender's word, on which casts would read memory.
        table.validate(full=True)
        check_rows(table, what)
        names = {check_name(name, "column") for name in table.column_names}
        if len(names) < table.num_columns:
            raise ServerError(f"{what}: the server's reply names a column twice")
    except SourceError:
        raise
    except (pa.ArrowException, OSError, ValueError, struct.error) as error:
        raise ServerError(f"{what}: the server's reply is no Arrow stream") from error
    return table


def _column_names(header: str | None, what: str) -> dict[str, tuple[str, ...]]:
    if header is None:
        return {}
    try:
        with _PARSING:
            parsed = as_object(ast.literal_eval(header))
        return {table: tuple(as_object(names)) for table, names in parsed.items()}
    except (
        MemoryError,  # so Python's parser says that something nests too deeply
        RecursionError,
        SyntaxError,
        TypeError,
        ValueError,
    ) as error:
        message = f"{what}: the column_names header cannot be read: {header[:80]!r}"
        raise ServerError(message) from error
