"""``client.cached.l2cache``: caveclient's reading methods, remembered.

Names and signatures are those of caveclient's ``L2CacheClient``.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cortical_cache.client.cached.passthrough import PassThrough
from cortical_cache.client.neurons.parts import l2_data
from cortical_cache.model.json import Json, JsonObject, as_object
from cortical_cache.model.level2 import ATTRIBUTES

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CachedL2Cache"]


class CachedL2Cache(PassThrough):
    """The L2 cache service, answered from the store where it can be.

    Parameters
    ----------
    repositories : Repositories
    """

    _service = "l2cache"

    def _connected(self) -> Any:  # noqa: ANN401  caveclient has no types
        return self._of.origin.session.l2cache

    def get_l2data(
        self, l2_ids: object, attributes: Sequence[str] | None = None
    ) -> dict[str, dict[str, Any]]:
        """Return attributes of level-2 ids by id, as text.

        Freshness: as `Client.get_l2data`.
        """
        found: Any = l2_data(
            self._of, l2_ids, attributes, as_dataframe=False, split_columns=False
        )
        return found

    def get_l2data_table(
        self,
        l2_ids: object,
        attributes: Sequence[str] | None = None,
        split_columns: bool = True,
    ) -> "pd.DataFrame":
        """Return attributes of level-2 ids as a frame.

        Freshness: as `Client.get_l2data`.
        """
        found: Any = l2_data(
            self._of,
            l2_ids,
            attributes,
            as_dataframe=True,
            split_columns=split_columns,
        )
        return found

    def cache_metadata(self) -> dict[str, Json]:
        """Return the type of each attribute. Freshness: asked each time."""
        return self._plain().cache_metadata()

    @property
    def attributes(self) -> list[str]:
        """The attributes that are remembered. No network."""
        return [one.name for one in ATTRIBUTES]

    def table_mapping(self) -> JsonObject:
        """Return the cache of each chunked graph by name. Freshness: a day."""
        return self._of.level2.caches()

    def has_cache(self, datastack_name: str | None = None) -> bool:
        """Tell whether there is an L2 cache. Freshness: a day."""
        if self._is_other(datastack_name):
            return self._plain().has_cache(datastack_name)
        source = str(as_object(self._of.catalog.info())["segmentation_source"])
        if not source.startswith("graphene:"):
            return False
        return source.rstrip("/").rpartition("/")[2] in self.table_mapping()
