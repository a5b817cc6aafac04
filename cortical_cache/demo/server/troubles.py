"""What goes wrong between a client and CAVE, on request.

A trouble befalls the requests whose path it matches, as often as it says. Tests give
them to a running server (`LoopbackCave.befall`); what they stand for has been seen in
production or in MaterializationEngine's and middle_auth's code.
"""

import io
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from re import Pattern
from re import compile as pattern
from typing import Any, cast

from cortical_cache.demo.server.exchange import (
    Reply,
    Request,
    html_reply,
    json_reply,
)

__all__ = [
    "Trouble",
    "Troubles",
    "cut",
    "expired_token",
    "garbage",
    "gateway",
    "hanging_up",
    "login_page",
    "miscounted",
    "missing_terms",
    "of_type",
    "rate_limit",
    "said",
    "shortened",
    "silent",
    "silent_midway",
    "trickling",
    "unwarned",
]

QUERIES = r"/query$"
EVERYTHING = r""

Change = Callable[[Reply], Reply]


@dataclass(frozen=True, slots=True)
class Trouble:
    """One kind of misfortune.

    Attributes
    ----------
    path : re.Pattern
        Searched in the request's path.
    times : int
        How many requests it befalls.
    change : callable
        Makes the reply that is sent of the right one.
    silence : float
        Seconds before the status line.
    pause : float
        Seconds between the headers and the body.
    sent : int or None
        Bytes of the body after which the connection is closed.
    trickle : float
        Seconds between one byte of the body and the next.
    """

    path: Pattern[str] = pattern(EVERYTHING)
    times: int = 10**9
    change: Change = lambda reply: reply
    silence: float = 0.0
    pause: float = 0.0
    sent: int | None = None
    trickle: float = 0.0

    def on(self, path: str, times: int | None = None) -> "Trouble":
        """Return the same for other requests, and so often."""
        return replace(
            self, path=pattern(path), times=self.times if times is None else times
        )


NONE = Trouble()


class Troubles:
    """The troubles of one server, first come, first served."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: list[tuple[Trouble, Iterator[int]]] = []
        self._over = threading.Event()

    def add(self, trouble: Trouble) -> None:
        """Let it befall requests from now on."""
        with self._lock:
            self._over.clear()
            self._left.append((trouble, iter(range(trouble.times))))

    def clear(self) -> None:
        """End all of them, those under way too."""
        with self._lock:
            self._left.clear()
            self._over.set()

    def wait(self, seconds: float) -> None:
        """Be silent for so long, or until the troubles are over."""
        if seconds:
            self._over.wait(seconds)

    def of(self, request: Request) -> Trouble:
        """Return what befalls a request, counted."""
        with self._lock:
            for trouble, left in self._left:
                if trouble.path.search(request.path) and next(left, None) is not None:
                    return trouble
        return NONE


def _instead(reply: Reply) -> Change:
    return lambda _: reply


def gateway(status: int) -> Trouble:
    """Answer as a gateway does before the services: a status and a page."""
    return Trouble(change=_instead(html_reply(status)))


def said(message: str, status: int = 500) -> Trouble:
    """Answer as MaterializationEngine does to nearly any failure."""
    body = {"code": status, "message": message, "traceback": ["..."]}
    return Trouble(change=_instead(json_reply(body, status)))


def rate_limit() -> Trouble:
    """Ask to come back later, as MaterializationEngine does: in the text of a 500."""
    return said("429 Too Many Requests: 3 per 1 minute")


def expired_token() -> Trouble:
    """Refuse the token, as middle_auth does."""
    body = {
        "error": "invalid_token",
        "message": "Unauthorized - Token is Invalid or Expired",
    }
    return Trouble(change=_instead(json_reply(body, 401)))


def missing_terms(form: str) -> Trouble:
    """Want terms of service accepted, at the address of a form."""
    body = {
        "error": "missing_tos",
        "message": "Need to accept Terms of Service.",
        "data": {"tos_form_url": form, "tos_id": 1, "tos_name": "terms"},
    }
    return Trouble(change=_instead(json_reply(body, 403)))


def login_page(address: str) -> Trouble:
    """Redirect to a page to log in at."""
    reply = Reply(302, (("Location", address),), b"")
    return Trouble(change=_instead(reply))


def of_type(kind: str) -> Trouble:
    """Give the right body under another content type."""

    def change(reply: Reply) -> Reply:
        kept = tuple(one for one in reply.headers if one[0] != "Content-Type")
        return replace(reply, headers=(*kept, ("Content-Type", kind)))

    return Trouble(change=change)


def garbage(body: bytes) -> Trouble:
    """Give another body under the right headers."""
    return Trouble(change=lambda reply: replace(reply, body=body))


def shortened(to: int) -> Trouble:
    """Give the first bytes of the body as if they were all."""
    return Trouble(change=lambda reply: replace(reply, body=reply.body[:to]))


def miscounted(by: int) -> Trouble:
    """Count rows wrongly; replies with rows are as they are."""

    def change(reply: Reply) -> Reply:
        import pyarrow as pa

        if ("Content-Type", "data.arrow") not in reply.headers:
            return reply
        rows: Any = pa.ipc.open_stream(io.BytesIO(reply.body)).read_all()
        if rows.column_names != ["count"]:
            return reply
        right = rows.column("count")
        wrong = cast("Any", pa).array([right[0].as_py() + by], right.type)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, rows.schema) as writer:
            writer.write_table(rows.set_column(0, "count", wrong))
        return replace(reply, body=sink.getvalue().to_pybytes())

    return Trouble(change=change)


def unwarned() -> Trouble:
    """Lose the warnings on the way: a cut answer looks like a whole one."""

    def change(reply: Reply) -> Reply:
        return replace(
            reply, headers=tuple(one for one in reply.headers if one[0] != "Warning")
        )

    return Trouble(change=change)


def hanging_up() -> Trouble:
    """Close the connection instead of an answer."""
    return Trouble(sent=-1)


def cut(after: int) -> Trouble:
    """Close the connection within the body."""
    return Trouble(sent=after)


def silent(seconds: float) -> Trouble:
    """Say nothing for a while."""
    return Trouble(silence=seconds)


def silent_midway(seconds: float) -> Trouble:
    """Say nothing for a while after the headers."""
    return Trouble(pause=seconds)


def trickling(seconds: float) -> Trouble:
    """Send the body byte by byte."""
    return Trouble(trickle=seconds)
