"""Remember that a server is down, so that an outage costs one wait, not five hundred.

One memory a process and address: a script that asks five hundred things of a dead
server through as many clients waits once, and then once in a while.
"""

import threading
from collections.abc import Callable
from time import monotonic

from cortical_cache.errors import ServerUnavailableError

__all__ = ["REST_SECONDS", "Breaker", "breaker_of", "forget_outages"]

REST_SECONDS = 30.0
"""A server that was found down is not asked again before."""


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


_known: dict[str, Breaker] = {}
_known_lock = threading.Lock()


def breaker_of(address: str) -> Breaker:
    """Return this process's memory of the server at ``host:port``."""
    with _known_lock:
        return _known.setdefault(address, Breaker(address))


def forget_outages() -> None:
    """Ask every server anew."""
    with _known_lock:
        _known.clear()
