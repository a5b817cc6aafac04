"""Everything that is held under the names that `client.sql` knows it by."""

from cortical_cache.errors import NotCachedError, UnknownNameError
from cortical_cache.model.sql import Source, TableName
from cortical_cache.policy.naming import CELL_IDS, Kind, Meaning
from cortical_cache.repositories.dataset import Repositories
from cortical_cache.repositories.graphnames import graph_names, graph_source
from cortical_cache.repositories.sql import find

__all__ = ["held_at", "held_sources"]

_SCHEMAS: dict[Kind, str] = {"table": "", "cells": "", "export": "exports"}


def held_sources(of: Repositories, version: int) -> dict[TableName, Source]:
    """Return all that is held whole, of every version, and the graph's facts.

    Parameters
    ----------
    of : Repositories
    version : int
        The one whose names are plain.
    """
    found: dict[TableName, Source] = {}
    for one in of.store.versions():
        for asked, source in held_at(of, one).items():
            schema = _SCHEMAS[asked.kind]
            numbered = f"{schema}_v{one}".lstrip("_")
            found[TableName("", numbered, asked.name)] = source
            if one == version:
                found[TableName("", schema, asked.name)] = source
    for name in graph_names(of):
        found[TableName("", "graph", name)] = graph_source(of, name)
    return found


def held_at(of: Repositories, version: int) -> dict[Meaning, Source]:
    """Return the tables, views, exports and cell ids that are held whole of a version.

    No network is touched, if that of `of` is not.
    """
    kinds: dict[str, Kind] = {"table": "table", "view": "table", "export": "export"}
    asked = [
        Meaning(kinds[one.kind], one.name, version, "")
        for one in of.store.row_sets(version)
        if one.kind in kinds
    ]
    found: dict[Meaning, Source] = {}
    for one in [*asked, Meaning("cells", CELL_IDS, version, "")]:
        try:
            source = find(of, one)
        except (NotCachedError, UnknownNameError):
            continue
        if isinstance(source, Source):
            found[one] = source
    return found
