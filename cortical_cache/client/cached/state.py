"""``client.cached.state``: caveclient's reading methods, remembered.

Names and signatures are those of caveclient's ``JSONService``. What is uploaded is
kept, too, under the number that the server gives it.
"""

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

from cortical_cache.client.cached.passthrough import PassThrough
from cortical_cache.errors import InvalidQueryError
from cortical_cache.model.json import JsonObject
from cortical_cache.model.viewer import SPELUNKER
from cortical_cache.repositories.dataset import Repositories

__all__ = ["CachedState"]

_OLD, _NEW = ("seunglab",), ("spelunker", "mainline", "cave-explorer")


class CachedState(PassThrough):
    """The state server, answered from the store where it can be.

    Parameters
    ----------
    repositories : Repositories
    """

    _service = "state"

    def __init__(self, repositories: Repositories) -> None:
        super().__init__(repositories)
        self._viewer: str | None = None

    def _connected(self) -> Any:  # noqa: ANN401  caveclient has no types
        return self._of.origin.session.client.state

    @property
    def ngl_url(self) -> str:
        """The viewer that states are opened in. Freshness: a day; settable."""
        return self._viewer or str(self._of.catalog.info()["viewer_site"])

    @ngl_url.setter
    def ngl_url(self, new_ngl_url: str | None) -> None:
        self._viewer = new_ngl_url

    def get_state_json(self, state_id: int | str) -> JsonObject:
        """Return a state by number or address.

        Freshness: by number for ever; elsewhere asked each time.
        """
        return self._of.states.get_state(state_id)

    def get_property_json(self, state_id: int) -> JsonObject:
        """Return segment properties by number. Freshness: for ever."""
        return self._of.states.get("properties", int(state_id))

    def upload_state_json(
        self,
        json_state: Mapping[str, object],
        state_id: int | None = None,
        timestamp: object = None,
    ) -> int:
        """Upload a state and return its number. Freshness: kept for ever by it."""
        given = {"state_id": state_id, "timestamp": timestamp}
        return self._of.states.upload("state", json_state, **given)

    def upload_property_json(
        self,
        property_json: Mapping[str, object],
        state_id: int | None = None,
        max_size: int | None = 2_500_000,
    ) -> int:
        """Upload segment properties, return their number. Kept for ever by it."""
        given = {"state_id": state_id, "max_size": max_size}
        return self._of.states.upload("properties", property_json, **given)

    def build_neuroglancer_url(
        self,
        state_id: int | str,
        ngl_url: str | None = None,
        target_site: Literal["seunglab", "cave-explorer", "mainline", "spelunker"]
        | None = None,
        static_url: bool = False,
        format_properties: bool = False,
    ) -> str:
        """Return the address that opens a state, or the source of properties.

        No network, but for viewers of unknown kind: those are asked each time.
        """
        if format_properties:
            folder = self._of.states.address("properties", int(state_id))
            return f"precomputed://middleauth+{folder}"
        viewer = (ngl_url or self.ngl_url).rstrip("/")
        site = target_site or self._kind(viewer)
        if site not in {*_OLD, *_NEW}:
            known = ", ".join((*_OLD, *_NEW))
            raise InvalidQueryError(f"target_site {site!r} is none of {known}")
        mark, login = ("#!", "middleauth+") if site in _NEW else ("?json_url=", "")
        if static_url:
            return f"{viewer}/{mark}{state_id}"
        return (
            f"{viewer}/{mark}{login}{self._of.states.address('state', int(state_id))}"
        )

    def _kind(self, viewer: str) -> str:
        if urlsplit(viewer).netloc == urlsplit(SPELUNKER).netloc:
            return _NEW[0]
        return _NEW[0] if self._of.states.is_new_viewer(viewer) else _OLD[0]
