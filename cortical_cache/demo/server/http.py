"""The HTTP server: connections, the log, and faults turned into replies."""

import contextlib
import socket
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from cortical_cache.demo.server import auth
from cortical_cache.demo.server.deployment import Deployment
from cortical_cache.demo.server.exchange import (
    Fault,
    Reply,
    Request,
    html_reply,
    json_reply,
    unhandled,
)
from cortical_cache.demo.server.routes import Route, routes
from cortical_cache.demo.server.troubles import NONE, Trouble, Troubles
from cortical_cache.demo.settings import ServerSettings
from cortical_cache.demo.world import World


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """What was asked and how it was answered."""

    method: str
    path: str
    query: str
    status: int
    body: bytes
    bytes_out: int
    seconds: float


Record = Callable[[LoggedRequest], None]


class LoopbackCave:
    """A CAVE deployment on this machine, for the unmodified caveclient.

    Use it as a context manager, or call `start` and `stop`.

    Parameters
    ----------
    world : World
        What to serve.
    settings : ServerSettings, optional
        How to behave.

    Attributes
    ----------
    url : str
        The address of all services, known once started.
    token : str
        The token that the services accept.
    """

    def __init__(self, world: World, settings: ServerSettings | None = None) -> None:
        self.world = world
        self.settings = settings or ServerSettings()
        self.token = self.settings.token
        self.url = ""
        self._log: list[LoggedRequest] = []
        self._lock = threading.Lock()
        self._troubles = Troubles()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Listen on 127.0.0.1 and serve from a thread."""
        if self._server is not None:
            raise RuntimeError("the loopback CAVE is already running")
        deployment = Deployment(self.world, self.settings)
        self._server = _Server(
            self.settings.port, deployment, self._record, self._troubles
        )
        self.url = deployment.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.02},
            daemon=True,
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop listening; open connections are closed."""
        if self._server is None or self._thread is None:
            return
        self._troubles.clear()
        self._server.shutdown()
        self._server.close_connections()
        self._server.server_close()
        self._thread.join()
        self._server = self._thread = None

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    @property
    def requests(self) -> tuple[LoggedRequest, ...]:
        """All requests since the start or the last `clear_log`."""
        with self._lock:
            return tuple(self._log)

    def clear_log(self) -> None:
        """Forget the requests so far."""
        with self._lock:
            self._log.clear()

    def befall(self, trouble: Trouble) -> None:
        """Let something go wrong from now on; see `troubles`."""
        self._troubles.add(trouble)

    def recover(self) -> None:
        """End all that goes wrong."""
        self._troubles.clear()

    def _record(self, entry: LoggedRequest) -> None:
        with self._lock:
            self._log.append(entry)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        port: int,
        deployment: Deployment,
        record: Record,
        troubles: Troubles,
    ) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.deployment = deployment
        self.routes: tuple[Route, ...] = routes(deployment)
        self.record = record
        self.troubles = troubles
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()

    def process_request_thread(
        self,
        request: socket.socket | tuple[bytes, socket.socket],
        client_address: object,
    ) -> None:
        """Remember the connection while it is served, to close it at the end."""
        connection = request if isinstance(request, socket.socket) else request[1]
        with self._open_lock:
            self._open.add(connection)
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._open_lock:
                self._open.discard(connection)

    def close_connections(self) -> None:
        """Hang up on clients that keep idle connections."""
        with self._open_lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(
        self,
        request: socket.socket | tuple[bytes, socket.socket],
        client_address: object,
    ) -> None:
        """Say nothing of clients that hang up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  http.server's own names
        """Keep quiet; requests go to the log of `LoopbackCave`."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Write the ``Date`` of a reply, by the clock of the settings."""
        now = cast("_Server", self.server).deployment.settings.clock()
        return super().date_time_string(
            now.timestamp() if timestamp is None else timestamp
        )

    def answer(self) -> None:
        """Read one request, answer it and record it."""
        began = time.perf_counter()
        server = cast("_Server", self.server)
        target = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(
            method=self.command,
            path=target.path,
            query=dict(parse_qsl(target.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
        )
        time.sleep(server.deployment.settings.latency)
        trouble = server.troubles.of(request)
        reply = trouble.change(respond(server.deployment, server.routes, request))
        server.record(
            LoggedRequest(
                method=request.method,
                path=request.path,
                query=target.query,
                status=reply.status,
                body=body,
                bytes_out=len(reply.body),
                seconds=time.perf_counter() - began,
            )
        )
        self._send(reply, trouble, server.troubles)

    def _send(self, reply: Reply, trouble: Trouble, troubles: Troubles) -> None:
        troubles.wait(trouble.silence)
        self.close_connection = self.close_connection or trouble is not NONE
        if trouble.sent is not None and trouble.sent < 0:
            return
        self.send_response(reply.status, HTTPStatus(reply.status).phrase.upper())
        for name, value in reply.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        body = b"" if self.command == "HEAD" else reply.body[: trouble.sent]
        if trouble.pause or trouble.trickle:
            self.wfile.flush()
            troubles.wait(trouble.pause)
        if trouble.trickle:
            for byte in body:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                troubles.wait(trouble.trickle)
        else:
            self.wfile.write(body)
        self.wfile.flush()

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = answer  # noqa: N815  http.server's own names


def respond(  # noqa: PLR0911 - one answer a line
    deployment: Deployment, table: tuple[Route, ...], request: Request
) -> Reply:
    """Find the function for a request and call it."""
    refusal = auth.refusal(deployment, request)
    if refusal is not None:
        return refusal
    found = [
        (route, match)
        for route in table
        if (match := route.pattern.fullmatch(request.path))
    ]
    for route, match in found:
        if route.method == request.method:
            try:
                parts = [unquote(part) for part in match.groups()]
                return route.answer(deployment, request, *parts)
            except Fault as fault:
                return fault.reply
            except Exception as error:  # noqa: BLE001 - so do the real services
                return _crash(error)
    if not found:
        return html_reply(404)
    if request.path.startswith("/materialize/"):
        return unhandled(
            "405 Method Not Allowed: The method is not allowed for the requested URL."
        ).reply
    return html_reply(405)


def _crash(error: Exception) -> Reply:
    """Show an unforeseen error as the services do, with its traceback."""
    lines = traceback.format_exception(error)
    return json_reply({"code": 500, "message": str(error), "traceback": lines}, 500)
