"""A server that forwards to a loopback CAVE and alters one thing."""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

import pandas as pd
import pyarrow as pa

from cortical_cache.demo import LoopbackCave

_HOP = {"content-length", "connection", "date", "server", "transfer-encoding"}


@dataclass(frozen=True)
class Asked:
    """A request on its way to the server."""

    method: str
    path: str
    body: bytes

    @property
    def is_query(self) -> bool:
        return self.method == "POST" and self.path.split("?")[0].endswith("/query")

    @property
    def query(self) -> dict:
        return json.loads(self.body) if self.is_query else {}

    def with_query(self, query: dict) -> "Asked":
        return replace(self, body=json.dumps(query).encode())


@dataclass(frozen=True)
class Told:
    """A reply on its way back."""

    status: int
    body: bytes
    headers: list[tuple[str, str]] = field(default_factory=list)

    @property
    def is_arrow(self) -> bool:
        return ("Content-Type", "data.arrow") in self.headers

    @property
    def rows(self) -> pa.Table:
        return pa.ipc.open_stream(io.BytesIO(self.body)).read_all()

    @property
    def frame(self) -> pd.DataFrame:
        return self.rows.to_pandas(types_mapper=_nullable)

    def with_rows(self, rows: pa.Table | pd.DataFrame) -> "Told":
        if isinstance(rows, pd.DataFrame):
            rows = pa.Table.from_pandas(rows, preserve_index=False)
        sink = pa.BufferOutputStream()
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        with pa.ipc.new_stream(sink, rows.schema, options=options) as writer:
            writer.write_table(rows)
        return replace(self, body=sink.getvalue().to_pybytes())

    def with_column(self, name: str, change: Callable[[pa.ChunkedArray], object]):
        rows = self.rows
        at = rows.column_names.index(name)
        return self.with_rows(rows.set_column(at, name, change(rows.column(name))))

    def without(self, header: str) -> "Told":
        left = [one for one in self.headers if one[0].lower() != header.lower()]
        return replace(self, headers=left)

    @property
    def json(self):
        return json.loads(self.body)

    def with_json(self, value: object, status: int = 200) -> "Told":
        headers = [("Content-Type", "application/json")]
        return Told(status, json.dumps(value).encode(), headers)


Ask = Callable[[Asked], Asked]
Tell = Callable[[Asked, Told], Told]


@dataclass(frozen=True)
class Proxy:
    """Forward to a server, altering what is asked or what is told."""

    ask: Ask = lambda asked: asked
    tell: Tell = lambda _, told: told


@contextmanager
def standing_before(cave: LoopbackCave, proxy: Proxy) -> Iterator[str]:
    """Run a proxy before a server and return its address."""
    target = urlsplit(cave.url).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # forty milliseconds a request otherwise
        wbufsize = -1

        def log_message(self, *_: object) -> None:
            pass

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            original = Asked(self.command, self.path, body)
            asked = proxy.ask(original)
            headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP}
            connection = HTTPConnection(target, timeout=20)
            connection.request(asked.method, asked.path, asked.body, headers)
            reply = connection.getresponse()
            told = Told(reply.status, reply.read(), reply.getheaders())
            connection.close()
            # Whoever asks the proxy for the datastack's server shall come back here.
            if asked.path.startswith("/info/"):
                mine = f"127.0.0.1:{listening.server_port}"
                changed = told.body.replace(target.encode(), mine.encode())
                told = replace(told, body=changed)
            told = proxy.tell(original, told)
            self.send_response(told.status)
            for name, value in told.headers:
                if name.lower() not in _HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(told.body)))
            self.end_headers()
            self.wfile.write(told.body)
            self.wfile.flush()

        do_GET = do_POST = answer  # noqa: N815  http.server's names

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    listening.block_on_close = False
    thread = Thread(target=listening.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_port}"
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()


def _nullable(type_: pa.DataType) -> object:
    known = {pa.int64(): pd.Int64Dtype(), pa.int32(): pd.Int32Dtype()}
    return known.get(type_)
