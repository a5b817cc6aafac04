"""The L2 cache: what is computed of level-2 nodes."""

from collections.abc import Sequence
from typing import Any

from cortical_cache.errors import ServerError
from cortical_cache.model.json import JsonObject, as_object
from cortical_cache.sources.cave.faults import translated, understood
from cortical_cache.sources.cave.session import CaveSession

__all__ = ["IDS_AT_ONCE", "CaveLevel2"]

IDS_AT_ONCE = 5_000
"""A request of 100 kB; with every attribute a reply of 3 MB."""


class CaveLevel2:
    """Ask the L2 cache. Remembers nothing.

    Parameters
    ----------
    session : CaveSession
    """

    def __init__(self, session: CaveSession) -> None:
        self._session = session
        self._server = session.server_address

    def caches(self) -> JsonObject:
        """Return the cache of each chunked graph, by name: its ``l2cache_id``."""
        what = "the list of L2 caches"
        with translated(self._server, what), understood(self._server, what):
            client: Any = self._session.l2cache
            return as_object(client.table_mapping())

    def records(
        self, ids: Sequence[int], names: Sequence[str]
    ) -> dict[int, JsonObject]:
        """Return the attributes of level-2 ids, at most `IDS_AT_ONCE`.

        Asking for an id of which nothing is computed has the server compute it.

        Returns
        -------
        dict of int to dict
            By id; what is not computed is left out of a record.

        Raises
        ------
        ServerError
            If an id is missing from the answer.
        """
        what = f"attributes of {len(ids):,} level-2 ids"
        with translated(self._server, what), understood(self._server, what):
            client: Any = self._session.l2cache
            found = as_object(client.get_l2data([*ids], attributes=[*names]))
            records = {int(one): as_object(record) for one, record in found.items()}
        if set(records) != set(ids):
            raise ServerError(
                f"{self._server} was asked for {len(ids):,} level-2 ids and told of "
                f"{len(records):,}"
            )
        return records
