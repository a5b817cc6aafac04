"""One connection to the CAVE services of a dataset, made when first needed."""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Any, cast

import requests
import stamina
from caveclient import CAVEclient
from caveclient.chunkedgraph import ChunkedGraphClient
from caveclient.endpoints import materialization_api_versions
from caveclient.frameworkclient import CAVEclientFull
from caveclient.l2cache import L2CacheClient
from caveclient.materializationengine import MaterializationClient
from caveclient.skeletonservice import SkeletonClient
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from cortical_cache.errors import NotCachedError, ServerBusyError
from cortical_cache.sources.cave.faults import check, translated
from cortical_cache.sources.cave.transfer import tell

__all__ = ["CONNECT_SECONDS", "CaveSession"]

log = logging.getLogger(__name__)

CONNECT_SECONDS = 10.0
READ_SECONDS = 300.0
ATTEMPTS = 4


class CaveSession:
    """caveclient for one datastack, with time-outs, back-off and errors of ours.

    Parameters
    ----------
    datastack : str
        CAVE's name of the dataset.
    server_address : str
        Global server.
    offline : bool
        Every use raises `NotCachedError`; no socket is opened.
    """

    def __init__(self, datastack: str, server_address: str, *, offline: bool) -> None:
        self.datastack = datastack
        self.server_address = server_address
        self.offline = offline
        self._lock = threading.Lock()
        self._client: CAVEclientFull | None = None
        self._materialize: MaterializationClient | None = None
        self._chunkedgraph: ChunkedGraphClient | None = None
        self._l2cache: L2CacheClient | None = None
        self._skeleton: SkeletonClient | None = None
        self._server_time: datetime | None = None
        self._heard_at = 0.0

    @property
    def client(self) -> CAVEclientFull:
        """The plain caveclient, connected on first use.

        Raises
        ------
        NotCachedError
            If offline.
        ServerUnavailableError, NotAuthorizedError
            If the server cannot be reached or refuses the token.
        """
        if self.offline:
            raise NotCachedError(
                f"a connection to {self.server_address} is",
                "unset CORTICAL_CACHE_OFFLINE, or load_client(..., offline=False)",
            )
        with self._lock:
            if self._client is None:
                self._client = self._connect()
            return self._client

    @property
    def materialize(self) -> MaterializationClient:
        """The materialization client of caveclient, with time-outs."""
        client = self.client
        with self._lock:
            if self._materialize is None:
                with translated(self.server_address, "the materialization service"):
                    self._materialize = client.materialize
                self._adapt(self._materialize.session)
            return self._materialize

    @property
    def chunkedgraph(self) -> ChunkedGraphClient:
        """The chunkedgraph client of caveclient, with time-outs."""
        client = self.client
        with self._lock:
            if self._chunkedgraph is None:
                with translated(self.server_address, "the chunkedgraph service"):
                    self._chunkedgraph = client.chunkedgraph
                self._adapt(self._chunkedgraph.session)
            return self._chunkedgraph

    @property
    def l2cache(self) -> L2CacheClient:
        """The L2 cache client of caveclient, with time-outs."""
        client = self.client
        with self._lock:
            if self._l2cache is None:
                with translated(self.server_address, "the L2 cache"):
                    self._l2cache = client.l2cache
                self._adapt(self._l2cache.session)
            return self._l2cache

    @property
    def skeleton(self) -> SkeletonClient:
        """The skeleton client of caveclient, with time-outs."""
        client = self.client
        with self._lock:
            if self._skeleton is None:
                with translated(self.server_address, "the skeleton service"):
                    self._skeleton = client.skeleton
                self._adapt(self._skeleton.session)
            return self._skeleton

    def url(self, endpoint: str, **parts: object) -> str:
        """Build the address of a materialization endpoint (API version 3).

        Parameters
        ----------
        endpoint : str
            caveclient's name of it, e.g. ``"simple_query"``.
        **parts
            Values of the address's fields; the datastack is filled in.
        """
        client = self.materialize
        endpoints = materialization_api_versions[3]
        fields = {
            "me_server_address": client.server_address,
            "datastack_name": self.datastack,
            **parts,
        }
        return endpoints[endpoint].format_map(fields)

    def get(self, endpoint: str, what: str, **parts: object) -> object:
        """GET a JSON document of the materialization service."""
        url = self.url(endpoint, **parts)
        return self._politely("GET", url, what).json()

    def get_json(self, url: str, what: str) -> object:
        """GET a JSON document of any service of this CAVE."""
        return self._politely("GET", url, what).json()

    def get_bytes(self, url: str, what: str) -> bytes:
        """GET a document of any service of this CAVE, as it is."""
        return self._politely("GET", url, what).content

    def post(
        self, url: str, what: str, *, body: str, params: dict[str, str]
    ) -> requests.Response:
        """POST a query; the reply's body has been read whole."""
        headers = {"Content-Type": "application/json", "Accept-Encoding": "zstd"}
        return self._politely(
            "POST", url, what, data=body, params=params, headers=headers
        )

    def _politely(
        self,
        method: str,
        url: str,
        what: str,
        **request: Any,  # noqa: ANN401  requests' own
    ) -> requests.Response:
        """Send a request, again after a while if the server says it is busy.

        caveclient retries 502 to 504 and lost connections; a rate limit comes as a
        500 with a text, so nobody but us retries that.
        """
        session = self.materialize.session
        for attempt in stamina.retry_context(
            on=_back_off, attempts=ATTEMPTS, timeout=120.0, wait_initial=0.5
        ):
            with attempt, translated(self.server_address, what):
                log.debug("%s %s", method, url)
                response = session.request(method, url, **request)
                check(response, self.server_address, what)
                return response
        raise AssertionError  # pragma: no cover  stamina returns or raises

    def adapted(self, service: Any) -> Any:  # noqa: ANN401  caveclient has no types
        """Return a service of caveclient with time-outs, and heard by the log."""
        self._adapt(service.session)
        return service

    def _adapt(self, session: requests.Session) -> None:
        for prefix, old in list(session.adapters.items()):
            if not isinstance(old, _Adapter):
                retries = cast("HTTPAdapter", old).max_retries
                session.mount(prefix, _Adapter(retries, self._hear_clock))

    def _hear_clock(self, date: str) -> None:
        with suppress(ValueError, TypeError):
            self._server_time = parsedate_to_datetime(date)
            self._heard_at = monotonic()

    def server_time(self) -> datetime | None:
        """Return the time by the server's clock, from its last answer; None: unknown.

        Whole seconds, and never ahead of it.
        """
        if self._server_time is None:
            return None
        return self._server_time + timedelta(seconds=monotonic() - self._heard_at)

    def _connect(self) -> CAVEclientFull:
        what = f"datastack {self.datastack}"
        began = monotonic()
        with translated(self.server_address, what):
            # caveclient's constructor has no time-outs, so knock first.
            requests.get(
                f"{self.server_address}/info/version",
                allow_redirects=False,
                timeout=(CONNECT_SECONDS, CONNECT_SECONDS * 3),
            )
            client = CAVEclient(
                self.datastack,
                server_address=self.server_address,
                write_server_cache=False,
            )
        seconds = monotonic() - began
        log.info("%s: connected to %s, %.2f s", what, self.server_address, seconds)
        self._adapt(client.info.session)
        return cast("CAVEclientFull", client)


class _Adapter(HTTPAdapter):
    """Sets the time-outs that caveclient never does, and reads the server's clock."""

    def __init__(self, retries: Retry, hear: Callable[[str], None]) -> None:
        super().__init__(max_retries=retries, pool_maxsize=10)
        self._hear = hear

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:  # noqa: ANN401  requests' own signature
        kwargs["timeout"] = kwargs.get("timeout") or (CONNECT_SECONDS, READ_SECONDS)
        began = monotonic()
        response = super().send(*args, **kwargs)
        streamed = bool(kwargs.get("stream"))
        if not streamed:
            _ = response.content  # read now, as the session would, to time it
        tell(response, monotonic() - began, streamed=streamed)
        if "Date" in response.headers:
            self._hear(response.headers["Date"])
        return response


def _back_off(error: Exception) -> bool | float:
    if not isinstance(error, ServerBusyError):
        return False
    return True if error.retry_after is None else min(error.retry_after, 60.0)
