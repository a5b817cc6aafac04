"""``client.cached``: the shape of a CAVEclient, answered by the store.

Whatever takes a caveclient runs on it unchanged. Services that the store does not
answer for are caveclient's own.
"""

import sys
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cortical_cache.client.cached.materialize import CachedMaterialize
from cortical_cache.client.cached.passthrough import PassThrough
from cortical_cache.errors import InvalidQueryError
from cortical_cache.model.json import Json
from cortical_cache.policy.answering import Options
from cortical_cache.repositories.dataset import Repositories

if TYPE_CHECKING:
    from cortical_cache.client.cached.chunkedgraph import CachedChunkedGraph
    from cortical_cache.client.cached.info import CachedInfo
    from cortical_cache.client.cached.l2cache import CachedL2Cache
    from cortical_cache.client.cached.skeleton import CachedSkeleton
    from cortical_cache.client.cached.state import CachedState

__all__ = ["Cached"]


class _CachedSchema(PassThrough):
    """``client.cached.schema``: definitions from the store, for a day."""

    _service = "schema"

    def _connected(self) -> Any:  # noqa: ANN401  caveclient has no types
        return self._of.origin.session.client.schema

    def get_schemas(self) -> list[str]:
        """Return the names of the annotation types. Freshness: a day."""
        return list(self._of.catalog.schemas())

    def schema_definition(self, schema_type: str) -> Json:
        """Return the JSON schema of an annotation type. Freshness: a day."""
        definitions = self._of.catalog.schemas()
        if schema_type not in definitions:
            raise InvalidQueryError(f"there is no annotation type {schema_type!r}")
        return definitions[schema_type]

    def schema_definition_all(self) -> dict[str, Json]:
        """Return the JSON schema of every annotation type. Freshness: a day."""
        return self._of.catalog.schemas()


class Cached(PassThrough):
    """A CAVEclient that asks once.

    Parameters
    ----------
    repositories : Repositories
    options : Options
        What its queries allow.
    explaining : bool
        Queries return how they would be answered instead of answers.
    """

    def __init__(
        self, repositories: Repositories, options: Options, *, explaining: bool = False
    ) -> None:
        super().__init__(repositories)
        self.materialize = CachedMaterialize(
            repositories, self, options, explaining=explaining
        )
        self.schema = _CachedSchema(repositories)

    @property
    def __class__(self) -> type:  # pyright: ignore[reportIncompatibleMethodOverride]  pretends to be caveclient's
        """Pass for a CAVEclient: pcg_skel looks whether it was given one.

        Nobody can look before caveclient is imported, so it is not imported here.
        """
        theirs = sys.modules.get("caveclient.frameworkclient")
        return type(self) if theirs is None else theirs.CAVEclientFull

    def _connected(self) -> Any:  # noqa: ANN401  caveclient has no types
        return self._of.origin.session.client

    @cached_property
    def chunkedgraph(self) -> "CachedChunkedGraph":
        """The chunkedgraph service."""
        from cortical_cache.client.cached.chunkedgraph import CachedChunkedGraph

        return CachedChunkedGraph(self._of, self)

    @cached_property
    def l2cache(self) -> "CachedL2Cache":
        """The L2 cache service."""
        from cortical_cache.client.cached.l2cache import CachedL2Cache

        return CachedL2Cache(self._of)

    @cached_property
    def skeleton(self) -> "CachedSkeleton":
        """The skeleton service."""
        from cortical_cache.client.cached.skeleton import CachedSkeleton

        return CachedSkeleton(self._of)

    @cached_property
    def info(self) -> "CachedInfo":
        """The info service."""
        from cortical_cache.client.cached.info import CachedInfo

        return CachedInfo(self._of)

    @cached_property
    def state(self) -> "CachedState":
        """The state server."""
        from cortical_cache.client.cached.state import CachedState

        return CachedState(self._of)

    def __repr__(self) -> str:
        """Name datastack and server, as caveclient does."""
        return (
            f"Cached<datastack_name={self.datastack_name}, "
            f"server_address={self.server_address}>"
        )

    @property
    def datastack_name(self) -> str:
        """CAVE's name of the dataset."""
        return self._of.dataset.datastack

    @property
    def server_address(self) -> str:
        """The global CAVE server."""
        return self._of.dataset.server_address

    @property
    def local_server(self) -> str:
        """The server of the dataset's services. Freshness: a day."""
        return str(self._of.catalog.info()["local_server"])

    @property
    def version(self) -> int | None:
        """The version set on the client, or None."""
        return self._of.versions.chosen

    @version.setter
    def version(self, version: int | None) -> None:
        if version is not None:
            self._of.versions.ensure(int(version))
        self._of.versions.chosen = version

    @property
    def timestamp(self) -> datetime | None:
        """When the version that is set was frozen, UTC. Freshness: for ever."""
        version = self.version
        return None if version is None else self._of.versions.record(version).timestamp
