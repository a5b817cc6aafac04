"""One request to CAVE: patient within bounds, believing nothing that it did not check.

caveclient sets no time-outs, follows redirects with the token in a cookie, reads
replies of any size, and opens a browser where terms of service are not accepted. All
of its sessions that are made inside of `Transport.active` are of the class below
instead, which does none of that; its errors are ours.
"""

import os
import random
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any, cast
from urllib.parse import urlsplit

import requests
import stamina
import urllib3
from caveclient import auth, base
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3.util.retry import Retry

from cortical_cache.errors import (
    ServerBusyError,
    ServerError,
    ServerUnavailableError,
)
from cortical_cache.sources.cave.breaker import watched
from cortical_cache.sources.cave.faults import (
    EndlessAnswer,
    is_busy,
    refuse,
    translated,
)
from cortical_cache.sources.cave.repeats import is_question
from cortical_cache.sources.cave.transfer import tell
from cortical_cache.sources.cave.trust import Trusted
from cortical_cache.sources.limits import JSON_BYTES, REPLY_BYTES, check_unpacked

__all__ = ["ATTEMPTS", "OurSession", "Patience", "Transport", "patient", "read_whole"]

ATTEMPTS = 4
_CHUNK = 1 << 18

_theirs: tuple[Any, ...] = (auth, base)  # which make sessions; they have no types
_here = threading.local()


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for what, in seconds.

    Attributes
    ----------
    connect : float
        For a connection.
    read : float
        For the first byte of an answer, and for each next one: a query of a large
        table takes the database minutes.
    whole : float
        For the whole of an answer, which may trickle.
    """

    connect: float = 10.0
    read: float = 300.0
    whole: float = 1_800.0


def patient(silence: float) -> Patience:
    """Return the patience that lets a server be silent for so many seconds."""
    usual = Patience()
    return Patience(
        min(silence, usual.connect), silence, silence * (usual.whole / usual.read)
    )


class Transport:
    """How the services of one CAVE are asked.

    Parameters
    ----------
    server : str
        The global one; tokens are for it and for those that `trust` is told of.
    patience : Patience
    hear : callable
        Told the ``Date`` of each reply.

    Attributes
    ----------
    answers : int
        Requests that were answered so far. Grows with each.
    """

    def __init__(
        self, server: str, patience: Patience, hear: Callable[[str], None]
    ) -> None:
        self.patience = patience
        self.hear = hear
        self.trusted = Trusted(server)
        self.answers = 0

    def trust(self, server: str) -> None:
        """Show tokens to another server of this CAVE, too."""
        self.trusted.add(server)

    @contextmanager
    def active(self) -> Generator[None]:
        """Have the sessions that caveclient makes in this thread meanwhile be ours."""
        _install()
        before = getattr(_here, "transport", None)
        _here.transport = self
        try:
            yield
        finally:
            _here.transport = before

    def session(self) -> requests.Session:
        """Return a new session."""
        return OurSession(self)


class OurSession(requests.Session):
    """A session whose every request has time-outs, retries, limits and a breaker."""

    def __init__(self, transport: Transport) -> None:
        super().__init__()
        self._process = os.getpid()
        self._transport = transport
        self._listeners: list[Callable[[requests.Response], None]] = []

    @contextmanager
    def heard(self, hear: Callable[[requests.Response], None]) -> Generator[None]:
        """Show each answer to a function, read whole; requests' hooks come before."""
        self._listeners.append(hear)
        try:
            yield
        finally:
            self._listeners.remove(hear)

    def mount(self, prefix: str, adapter: BaseAdapter) -> None:
        """Mount without urllib3's retries: they have no jitter, and read no text."""
        if isinstance(adapter, HTTPAdapter):
            adapter.max_retries = Retry(0, read=False)
        super().mount(prefix, adapter)

    def send(
        self,
        request: requests.PreparedRequest,
        **kwargs: Any,  # noqa: ANN401  requests' own
    ) -> requests.Response:
        """Send a request and read its answer whole.

        Raises
        ------
        ServerUnavailableError
            If there was no answer, or not the whole of it.
        ServerBusyError
            If the server said "later" `ATTEMPTS` times.
        NotAuthorizedError
            If it redirects to a log-in, or wants its terms of service accepted.
        SourceError
            If the answer is larger than any should be.
        """
        if self._process != os.getpid():
            # What is asked over one connection by two processes is answered to either.
            self.close()
            self._process = os.getpid()
        self._transport.trusted.guard(request, self.headers.get("Authorization"))
        parts = urlsplit(str(request.url))
        server = f"{parts.scheme}://{parts.netloc}"
        patience = self._transport.patience
        kwargs |= {
            "allow_redirects": False,  # the cookie with the token would go along
            "stream": True,
            "timeout": (patience.connect, patience.read),
        }
        what = f"{request.method} {parts.path}"
        attempts = ATTEMPTS if is_question(str(request.method), parts.path) else 1
        with watched(parts.netloc, parts.path) as outage:
            # Not as a decorator, which would show the arguments to whoever logs: a
            # proxy's password is among them.
            for attempt in stamina.retry_context(
                on=_wait, attempts=attempts, timeout=120.0, wait_initial=0.5
            ):
                with attempt:
                    outage.asked()
                    response = self._once(request, server, what, kwargs)
                    outage.answered(response.status_code)
                    is_busy(response, server, what)
                    refuse(response, server, what)
                    for hear in [*self._listeners]:
                        hear(response)
                    return response
        raise AssertionError(what)

    def _once(
        self,
        request: requests.PreparedRequest,
        server: str,
        what: str,
        kwargs: dict[str, Any],
    ) -> requests.Response:
        began = monotonic()
        until = began + self._transport.patience.whole
        with translated(server, what):
            response = super().send(request, **kwargs)
            if "Date" in response.headers:
                self._transport.hear(response.headers["Date"])
            try:
                read_whole(response, f"{server}: {what}", until, _most(response))
            finally:
                response.close()
        self._transport.answers += 1
        tell(response, monotonic() - began)
        return response


def _most(response: requests.Response) -> int:
    is_json = "json" in response.headers.get("Content-Type", "")
    return JSON_BYTES if is_json or not response.ok else REPLY_BYTES


def read_whole(
    response: requests.Response, where: str, until: float, most: int
) -> None:
    """Read the body of a streamed answer into it, within its time and size.

    Parameters
    ----------
    response : requests.Response
    where : str
        For messages.
    until : float
        On the clock of `time.monotonic`.
    most : int
        Bytes, unpacked.

    Raises
    ------
    SourceError
        If it is larger, or unpacks to far more than it came as.
    requests.RequestException
        If it ends too early, or not in time.
    """
    raw = cast("urllib3.HTTPResponse", response.raw)
    parts: list[bytes] = []
    size = 0
    try:
        while part := raw.read1(_CHUNK, decode_content=True):
            parts.append(part)
            size += len(part)
            if size > most:
                raise ServerError(
                    f"{where}: the answer is over {most:,} bytes; refused"
                )
            check_unpacked(size, raw.tell(), where)
            if monotonic() > until:
                raise EndlessAnswer(f"no end after {size:,} bytes")
    except urllib3.exceptions.DecodeError as error:
        raise requests.exceptions.ContentDecodingError(error) from error
    except urllib3.exceptions.ReadTimeoutError as error:
        raise requests.ReadTimeout(error) from error
    except urllib3.exceptions.HTTPError as error:
        raise requests.exceptions.ChunkedEncodingError(error) from error
    response._content = b"".join(parts)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  where requests keeps it


def _wait(error: Exception) -> bool | float:
    """Tell whether a request is sent again, and after how many seconds if not by rule.

    A time-out has waited long enough, and is told at once.
    """
    if isinstance(error, ServerBusyError):
        return True if error.retry_after is None else min(error.retry_after, 60.0)
    if isinstance(error, ServerUnavailableError):
        is_late = isinstance(error.__cause__, requests.Timeout)
        return False if is_late else random.uniform(0.05, 0.4)  # noqa: S311  no secret
    return False


class _Requests:
    """What caveclient takes for the module ``requests``."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  requests' own
        return getattr(requests, name)

    def Session(self) -> requests.Session:  # noqa: N802  requests' name
        transport = cast("Transport | None", getattr(_here, "transport", None))
        return requests.Session() if transport is None else transport.session()

    def get(self, url: str, **kwargs: Any) -> requests.Response:  # noqa: ANN401  requests' own signature
        with self.Session() as session:
            return session.get(url, **kwargs)


def _install() -> None:
    """Have caveclient make its sessions through us; outside of `active` as ever."""
    for module in _theirs:
        if not isinstance(module.requests, _Requests):
            module.requests = _Requests()
