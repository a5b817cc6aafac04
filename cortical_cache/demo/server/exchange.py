"""Requests, replies and the faults that become replies."""

import gzip
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus


@dataclass(frozen=True, slots=True)
class Request:
    """One request, its body read in full; header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> object:
        """Decode the body, whatever its content type says; an empty body is {}."""
        return json.loads(self.body or b"{}")

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Read a query argument that Python printed as a bool."""
        return self.query.get(name, str(default)).lower() in ("true", "1")


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, headers (names may repeat) and body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Fault(Exception):  # noqa: N818 - the server's own word for a failed request
    """A request that the service refuses, with the reply that says so."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.body.decode("utf-8", "replace"))
        self.reply = reply


def json_reply(
    value: object, status: int = 200, headers: tuple[tuple[str, str], ...] = ()
) -> Reply:
    """Answer with JSON, ended by a newline as Flask does."""
    body = json.dumps(value).encode() + b"\n"
    return Reply(status, (("Content-Type", "application/json"), *headers), body)


def html_reply(status: int) -> Reply:
    """Answer with a small page, as a web server does outside its services."""
    title = f"{status} {HTTPStatus(status).phrase}"
    body = f"<!doctype html>\n<title>{title}</title>\n<h1>{title}</h1>\n".encode()
    return Reply(status, (("Content-Type", "text/html; charset=utf-8"),), body)


def zipped(request: Request, reply: Reply) -> Reply:
    """Compress the whole body if the client takes gzip."""
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return reply
    extra = (("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding"))
    body = gzip.compress(reply.body, 6, mtime=0)
    return Reply(reply.status, (*reply.headers, *extra), body)


def part_reply(
    request: Request, headers: tuple[tuple[str, str], ...], data: bytes
) -> Reply:
    """Answer with a file, or with the range of bytes that is asked for."""
    wanted = _byte_range(request.headers, len(data))
    if wanted is None:
        return Reply(200, headers, data)
    start, stop = wanted
    total = len(data)
    if start >= total:
        return Reply(416, (*headers, ("Content-Range", f"bytes */{total}")), b"")
    part = ("Content-Range", f"bytes {start}-{stop - 1}/{total}")
    return Reply(206, (*headers, part), data[start:stop])


def _byte_range(headers: Mapping[str, str], total: int) -> tuple[int, int] | None:
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", headers.get("range", ""))
    if match is None or match.group(0) == "bytes=-":
        return None
    first, last = match.groups()
    if not first:
        return max(total - int(last), 0), total
    return int(first), min(int(last) + 1, total) if last else total


def unhandled(message: str) -> Fault:
    """Say what the materialization service says about nearly every failure."""
    body = {"code": 500, "message": message, "traceback": ["..."]}
    return Fault(json_reply(body, 500))


def sql_failure(reason: str) -> Fault:
    """Report an error of the database."""
    return unhandled(f"Execution failed on sql 'SELECT ...': {reason}")


def not_found(value: object) -> Fault:
    """Answer 404 with a JSON value."""
    return Fault(json_reply(value, 404))
