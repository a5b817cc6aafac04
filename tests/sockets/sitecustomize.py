"""Keep Python on this machine: a connection to anywhere else is an error.

The test session loads this, and every Python that it starts finds it by its name on
PYTHONPATH. With CORTICAL_CACHE_TEST_SOCKETS=none no socket of any network may be made,
nor a name looked up (those of Unix, which lead to nowhere else, may).
"""

import os
import socket
import sys

ATTEMPTS: list[str] = []
"""What was refused, for a test to see it even where the error was swallowed."""

LOOPBACK = {"127.0.0.1", "::1", "localhost", "", None}


def refuse_elsewhere(event: str, arguments: tuple) -> None:
    if not event.startswith("socket."):
        return
    if os.environ.get("CORTICAL_CACHE_TEST_SOCKETS") == "none":
        refuse_all(event, arguments)
    if event in {"socket.connect", "socket.sendto"}:
        address = arguments[1]
        where = address[0] if isinstance(address, tuple) else None
    elif event == "socket.getaddrinfo":
        where = arguments[0]
    else:
        return
    name = where.decode() if isinstance(where, bytes) else where
    if name not in LOOPBACK:
        raise RuntimeError(f"tests talk to this machine only, not to {name}")


def refuse_all(event: str, arguments: tuple) -> None:
    is_made = event == "socket.__new__" and arguments[1] != socket.AF_UNIX
    if is_made or event in {"socket.getaddrinfo", "socket.gethostbyname"}:
        ATTEMPTS.append(f"{event} {arguments[:2]}")
        raise RuntimeError("no socket may be opened here")


sys.addaudithook(refuse_elsewhere)
