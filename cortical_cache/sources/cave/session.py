"""One connection to the CAVE services of a dataset, made when first needed."""

import logging
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Any, Literal

import requests
from caveclient.chunkedgraph import ChunkedGraphClient
from caveclient.endpoints import materialization_api_versions
from caveclient.frameworkclient import CAVEclientFull
from caveclient.l2cache import L2CacheClient
from caveclient.materializationengine import MaterializationClient
from caveclient.skeletonservice import SkeletonClient

from cortical_cache.errors import NotCachedError
from cortical_cache.sources.cave.faults import check, translated, understood
from cortical_cache.sources.cave.services import Services
from cortical_cache.sources.cave.transport import Patience, Transport

__all__ = ["CaveSession"]

log = logging.getLogger(__name__)

_NO_CLOCK = 9_000  # a year that no clock shows, and from which none can be reckoned


class CaveSession:
    """caveclient for one datastack, with sessions and errors of ours.

    Parameters
    ----------
    datastack : str
        CAVE's name of the dataset.
    server_address : str
        Global server.
    offline : bool
        Every use raises `NotCachedError`; no socket is opened.
    patience : Patience, optional
        How long to wait for the server.
    """

    def __init__(
        self,
        datastack: str,
        server_address: str,
        *,
        offline: bool,
        patience: Patience | None = None,
    ) -> None:
        self.datastack = datastack
        self.server_address = server_address
        self.offline = offline
        self._lock = threading.Lock()
        self._transport = Transport(
            server_address, patience or Patience(), self._hear_clock
        )
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
            what = f"what {self.server_address} says of {self.datastack} is"
            raise NotCachedError(what, "the same call with offline=False")
        with self._lock:
            if self._client is None:
                self._client = self._connect()
            return self._client

    @property
    def materialize(self) -> MaterializationClient:
        """The materialization client of caveclient."""
        client = self.client
        with self._lock:
            if self._materialize is None:
                with self.asking("the materialization service"):
                    self._materialize = client.materialize
            return self._materialize

    @property
    def chunkedgraph(self) -> ChunkedGraphClient:
        """The chunkedgraph client of caveclient."""
        client = self.client
        with self._lock:
            if self._chunkedgraph is None:
                with self.asking("the chunkedgraph service"):
                    self._chunkedgraph = client.chunkedgraph
            return self._chunkedgraph

    @property
    def l2cache(self) -> L2CacheClient:
        """The L2 cache client of caveclient."""
        client = self.client
        with self._lock:
            if self._l2cache is None:
                with self.asking("the L2 cache"):
                    self._l2cache = client.l2cache
            return self._l2cache

    @property
    def skeleton(self) -> SkeletonClient:
        """The skeleton client of caveclient."""
        client = self.client
        with self._lock:
            if self._skeleton is None:
                with self.asking("the skeleton service"):
                    self._skeleton = client.skeleton
            return self._skeleton

    def service(self, name: Literal["annotation", "state"]) -> Any:  # noqa: ANN401  caveclient has no types
        """Return another service's client of caveclient."""
        client = self.client
        with self._lock, self.asking(f"the {name} service"):
            return getattr(client, name)

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
        return self._json(self._sent("GET", url, what), what)

    def get_json(self, url: str, what: str) -> object:
        """GET a JSON document of any service of this CAVE."""
        return self._json(self._sent("GET", url, what), what)

    def get_bytes(self, url: str, what: str) -> bytes:
        """GET a document of any service of this CAVE, as it is."""
        return self._sent("GET", url, what).content

    def post(
        self, url: str, what: str, *, body: str, params: dict[str, str]
    ) -> requests.Response:
        """POST a query; the reply's body has been read whole."""
        headers = {"Content-Type": "application/json", "Accept-Encoding": "zstd"}
        return self._sent("POST", url, what, data=body, params=params, headers=headers)

    @contextmanager
    def asking(self, what: str) -> Generator[None]:
        """Have errors of ours for whatever fails inside, as the server's answer does.

        Raises
        ------
        CorticalCacheError
        """
        with (
            translated(self.server_address, what),
            understood(self.server_address, what),
        ):
            yield

    def _sent(
        self,
        method: str,
        url: str,
        what: str,
        **request: Any,  # noqa: ANN401  requests' own
    ) -> requests.Response:
        session = self.materialize.session
        with translated(self.server_address, what):
            log.debug("%s %s", method, url)
            response = session.request(method, url, **request)
            check(response, self.server_address, what)
            return response

    def _json(self, response: requests.Response, what: str) -> object:
        with translated(self.server_address, what):
            return response.json()

    def _hear_clock(self, date: str) -> None:
        with suppress(ValueError, TypeError, OverflowError):
            heard = parsedate_to_datetime(date)
            if heard.tzinfo is not None and heard.year < _NO_CLOCK:
                self._server_time = heard.astimezone(UTC)
                self._heard_at = monotonic()

    @property
    def answers(self) -> int:
        """Requests that were answered so far. Grows with each."""
        return self._transport.answers

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
        with self.asking(what):
            client = Services(self._transport, self.datastack, self.server_address)
        seconds = monotonic() - began
        log.info("%s: connected to %s, %.2f s", what, self.server_address, seconds)
        return client
