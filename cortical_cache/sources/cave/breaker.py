"""Remember that a server is down, so that an outage costs one wait, not five hundred.

One memory a process and address: a script that asks five hundred things of a dead
server through as many clients waits once, and then once in a while. A host that gives
no answer is down with all of its services; where its gateway answers that a service is
down, the others are asked as ever. Any other answer is one, also "later".
"""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from time import monotonic

from cortical_cache.errors import CorticalCacheError, ServerUnavailableError

__all__ = [
    "REST_SECONDS",
    "Breaker",
    "Watch",
    "forget_outages",
    "watched",
]

REST_SECONDS = 30.0
"""A server that was found down is not asked again before."""

_GATEWAY = frozenset({502, 503, 504})
"""What a gateway answers in place of a service that is down."""


class Breaker:
    """Whether one server was found down lately.

    Parameters
    ----------
    server : str
        For the message.
    clock : callable
        Seconds, never going back.
    """

    def __init__(self, server: str, clock: Callable[[], float] = monotonic) -> None:
        self._server = server
        self._clock = clock
        self._lock = threading.Lock()
        self._down: tuple[float, str] | None = None

    def check(self) -> None:
        """Let a request pass, or not.

        After the rest one passes, as a probe; the others wait for what it finds.

        Raises
        ------
        ServerUnavailableError
            If the server was found down less than `REST_SECONDS` ago.
        """
        with self._lock:
            if self._down is None:
                return
            since, reason = self._down
            now = self._clock()
            if now - since >= REST_SECONDS:
                self._down = (now, reason)
                return
            left = REST_SECONDS - (now - since)
        raise ServerUnavailableError(
            f"{reason}; {self._server} is not asked again for {left:.0f} s"
        )

    def failed(self, reason: str) -> None:
        """Note that the server does not answer, though it was asked repeatedly."""
        with self._lock:
            self._down = (self._clock(), reason)

    def answered(self) -> None:
        """Note that the server answers."""
        with self._lock:
            self._down = None


class Watch:
    """What one request finds of its host and of the service there.

    Parameters
    ----------
    host, service : Breaker
    """

    def __init__(self, host: Breaker, service: Breaker) -> None:
        self._host = host
        self._service = service
        self._status: int | None = None

    def check(self) -> None:
        """Let the request pass, or not; see `Breaker.check`."""
        self._service.check()
        self._host.check()

    def asked(self) -> None:
        """Note that the request is sent, perhaps again."""
        self._status = None

    def answered(self, status: int) -> None:
        """Note an answer with this status."""
        self._status = status
        self._host.answered()
        if status not in _GATEWAY:
            self._service.answered()

    def ended(self, error: CorticalCacheError) -> None:
        """Note the error that the request ends with."""
        if isinstance(error, ServerUnavailableError):
            if self._status is None:
                self._host.failed(str(error))
            elif self._status in _GATEWAY:
                self._service.failed(str(error))
        elif self._status is None:  # an answer, though none to be believed
            self.answered(0)


@contextmanager
def watched(address: str, path: str) -> Generator[Watch]:
    """Refuse a request to what is down; else note what comes of it.

    Parameters
    ----------
    address : str
        ``host:port``.
    path : str
        Of the request; a service is the first part of it.

    Raises
    ------
    ServerUnavailableError
        If the host or service was found down lately.
    """
    service = path.strip("/").partition("/")[0]
    watch = Watch(_breaker_of(address), _breaker_of(f"{address}/{service}"))
    watch.check()
    try:
        yield watch
    except CorticalCacheError as error:
        watch.ended(error)
        raise


_known: dict[str, Breaker] = {}
_known_lock = threading.Lock()


def _breaker_of(address: str) -> Breaker:
    """Return this process's memory of the server at ``host:port``."""
    with _known_lock:
        return _known.setdefault(address, Breaker(address))


def forget_outages() -> None:
    """Ask every server anew."""
    with _known_lock:
        _known.clear()
