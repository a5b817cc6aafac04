"""Keep Python on this machine: a connection to anywhere else is an error.

The test session loads this, and every Python that it starts finds it by its name on
PYTHONPATH. With CORTICAL_CACHE_TEST_SOCKETS=none not even a socket may be made.
"""

import os
import sys

LOOPBACK = {"127.0.0.1", "::1", "localhost", "", None}


def refuse_elsewhere(event: str, arguments: tuple) -> None:
    if event in {"socket.connect", "socket.sendto"}:
        address = arguments[1]
        where = address[0] if isinstance(address, tuple) else None
    elif event == "socket.getaddrinfo":
        where = arguments[0]
    elif event == "socket.__new__":
        if os.environ.get("CORTICAL_CACHE_TEST_SOCKETS") == "none":
            raise RuntimeError("no socket may be opened here")
        return
    else:
        return
    name = where.decode() if isinstance(where, bytes) else where
    if name not in LOOPBACK:
        raise RuntimeError(f"tests talk to this machine only, not to {name}")


sys.addaudithook(refuse_elsewhere)
