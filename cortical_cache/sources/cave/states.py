"""The state server: neuroglancer states, and segment properties beside them.

caveclient encodes what is sent, so that ids become text and arrays lists.
"""

import json
from collections.abc import Mapping
from time import monotonic
from typing import Any, Literal

import requests
from caveclient import jsonservice
from caveclient.endpoints import jsonservice_endpoints_v1, ngl_endpoints_common

from cortical_cache.errors import InvalidQueryError, ServerError
from cortical_cache.model.json import JsonObject, as_object
from cortical_cache.sources.cave.faults import check, translated, understood
from cortical_cache.sources.cave.session import CaveSession
from cortical_cache.sources.cave.transport import patient, read_whole
from cortical_cache.sources.limits import JSON_BYTES

__all__ = ["CaveStates", "StateKind"]

StateKind = Literal["state", "properties"]

_BRIEF = patient(10.0)
"""A viewer is a few static files."""

_theirs: Any = jsonservice  # it has no types

_GET: dict[StateKind, str] = {"state": "get_state", "properties": "get_properties"}


class CaveStates:
    """Ask the state server, and give to it. Remembers nothing.

    Parameters
    ----------
    session : CaveSession
    """

    def __init__(self, session: CaveSession) -> None:
        self._session = session

    def address(self, kind: StateKind, state_id: int) -> str:
        """Return where a state lies, or the folder of segment properties."""
        url = self._url(kind, state_id)
        return url.removesuffix("/info") if kind == "properties" else url

    def get(self, kind: StateKind, state_id: int) -> JsonObject:
        """Return what lies under a number.

        Raises
        ------
        UnknownNameError
            If nothing does.
        """
        what = f"{kind} {state_id}"
        told = self._session.get_json(self._url(kind, state_id), what)
        with understood(self._session.server_address, what):
            return as_object(told)

    def get_elsewhere(self, url: str) -> JsonObject:
        """Return the state at an address, with caveclient's own method."""
        server, what = self._session.server_address, f"the state at {url}"
        with translated(server, what), understood(server, what):
            service = self._session.service("state")
            return as_object(service.get_state_json(url))

    def upload(
        self,
        kind: StateKind,
        value: Mapping[str, object],
        **options: Any,  # noqa: ANN401  caveclient's own
    ) -> tuple[int, JsonObject]:
        """Give a value to the server.

        Returns
        -------
        int
            Its number.
        dict
            The value as the server got it.
        """
        service = self._session.service("state")
        upload = (
            service.upload_state_json
            if kind == "state"
            else service.upload_property_json
        )
        try:
            sent = json.loads(
                json.dumps(value, default=_theirs.neuroglancer_json_encoder)
            )
            with translated(self._session.server_address, f"an upload of {kind}"):
                return int(upload(value, **options)), as_object(sent)
        except AttributeError as error:  # caveclient's, where it finds no number
            message = f"{self._session.server_address} gave no number to {kind}"
            raise ServerError(message) from error
        except (TypeError, ValueError) as error:  # no JSON, or too large
            raise InvalidQueryError(f"{kind} cannot be uploaded: {error}") from error

    def is_new_viewer(self, viewer: str) -> bool:
        """Tell whether a neuroglancer is of the main line, by what it says of itself.

        As caveclient does: those of the Seung lab have no ``version.json``. Unlike
        caveclient, without the token, which is nothing to a viewer.
        """
        url = ngl_endpoints_common["get_info"].format_map({"ngl_url": viewer})
        times = _BRIEF.connect, _BRIEF.read
        until = monotonic() + _BRIEF.whole
        with (
            translated(viewer, "a request for its version.json"),
            requests.get(url, timeout=times, stream=True) as reply,
        ):
            read_whole(reply, url, until, JSON_BYTES)
        if reply.status_code != requests.codes.not_found:
            check(reply, viewer, "its version.json")
        try:
            return reply.ok and bool(reply.json())
        except requests.JSONDecodeError:  # a page that stands in for every file
            return False

    def _url(self, kind: StateKind, state_id: int) -> str:
        return jsonservice_endpoints_v1[_GET[kind]].format_map(
            {
                "json_server_address": self._session.server_address,
                "state_id": state_id,
            }
        )
