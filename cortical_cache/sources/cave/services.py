"""caveclient itself, with sessions of ours in every service that it makes, and when."""

from typing import Any, cast

from caveclient.auth import AuthClient
from caveclient.frameworkclient import CAVEclientFull

from cortical_cache.sources.cave.transport import Transport

__all__ = ["Services"]


class Services(CAVEclientFull):
    """caveclient's client of one datastack, which makes its services when first used.

    Parameters
    ----------
    transport : Transport
        How all of them ask.
    datastack : str
    server_address : str
    """

    def __init__(
        self, transport: Transport, datastack: str, server_address: str
    ) -> None:
        self._transport = transport
        super().__init__(
            datastack_name=datastack,
            server_address=server_address,
            # so that the server's own file is looked for first
            auth_token_file=cast("str", None),
        )
        transport.trust(str(self.local_server))

    def __getattribute__(self, name: str) -> Any:  # noqa: ANN401  caveclient has no types
        """Return an attribute; a service that is made for it has our session."""
        if name.startswith("_"):
            return super().__getattribute__(name)
        with super().__getattribute__("_transport").active():
            return super().__getattribute__(name)

    @property
    def auth(self) -> AuthClient:
        """The auth service of caveclient."""
        made = cast("AuthClient | None", self._auth)
        if made is None:
            made = self._auth = _Auth(self._transport, **self._auth_config)
        return made


class _Auth(AuthClient):
    """caveclient's auth service, which makes a session for each request."""

    def __init__(
        self,
        transport: Transport,
        **config: Any,  # noqa: ANN401  caveclient has no types
    ) -> None:
        super().__init__(**config)
        self._transport = transport

    def get_tokens(self) -> Any:  # noqa: ANN401  caveclient has no types
        with self._transport.active():
            return super().get_tokens()

    def get_user_information(self, user_ids: Any) -> Any:  # noqa: ANN401  caveclient has no types
        with self._transport.active():
            return super().get_user_information(user_ids)

    def get_group_users(self, group_id: Any) -> Any:  # noqa: ANN401  caveclient has no types
        with self._transport.active():
            return super().get_group_users(group_id)
