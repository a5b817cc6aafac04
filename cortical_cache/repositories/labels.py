"""The ``df.attrs`` of answers, from what the catalog says of their tables."""

from collections.abc import Mapping

from cortical_cache.errors import NotCachedError, SourceError, UnknownNameError
from cortical_cache.model.attributes import attributes
from cortical_cache.model.json import JsonObject
from cortical_cache.model.query import Query
from cortical_cache.model.shape import TableShape
from cortical_cache.repositories.catalog import Catalog
from cortical_cache.repositories.versions import Versions

__all__ = ["Labels"]


class Labels:
    """What caveclient attaches to answers.

    Parameters
    ----------
    catalog, versions
        Collaborators.
    """

    def __init__(self, catalog: Catalog, versions: Versions) -> None:
        self._catalog = catalog
        self._versions = versions

    def materialized(
        self, query: Query, shapes: Mapping[str, TableShape]
    ) -> dict[str, object]:
        """Return the attributes of a version's rows."""
        # caveclient shows a join's tables as its own default version has them
        version = self._versions.resolve() if query.kind == "join" else query.version
        return attributes(query, self._records(query, version), shapes)

    def live(self, query: Query, shapes: Mapping[str, TableShape]) -> dict[str, object]:
        """Return those of a live answer: the table as the default version has it."""
        return attributes(query, self._records(query, self._versions.resolve()), shapes)

    def _records(self, query: Query, version: int) -> dict[str, JsonObject]:
        """Return the tables' metadata.

        Of the query's own version where the other's are not known, or lack a table.
        """
        kind = self._catalog.view if query.kind == "view" else self._catalog.table
        found: dict[str, JsonObject] = {}
        for name in query.tables:
            try:
                found[name] = kind(name, version)
            except (NotCachedError, UnknownNameError, SourceError):
                found[name] = kind(name, query.version)
        return found
