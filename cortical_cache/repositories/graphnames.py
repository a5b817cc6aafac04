"""What the names of SQL's schema ``graph`` stand for.

Each table of facts goes by its own name; a few have a name that users would look for.
"""

from cortical_cache.errors import CorticalCacheError, UnknownNameError
from cortical_cache.model.sql import Part, Rule, Source
from cortical_cache.repositories.dataset import Repositories
from cortical_cache.repositories.skeletonnodes import NAME as SKELETON_NODES
from cortical_cache.repositories.skeletonnodes import fill, is_fillable

__all__ = ["graph_names", "graph_source"]

_LEVEL2_DATA = "l2_data"
_ALIASES: dict[str, tuple[str, Rule]] = {
    "roots": ("root_lives", "distinct"),
    "l2_ids": ("leaves", "level 2"),
}


def graph_names(of: Repositories) -> list[str]:
    """Return the names of what is held, sorted; no rows are added.

    Freshness: no network, unless facts of two L2 caches are held: then a day, as which
    of them is the dataset's.
    """
    held = [one.name for one in of.store.graph_sets()]
    names = {*held, *(name for name, (fact, _) in _ALIASES.items() if fact in held)}
    if _level2_data(of, held) is not None:
        names.add(_LEVEL2_DATA)
    return sorted(names)


def graph_source(of: Repositories, name: str, *, adding: bool = True) -> Source:
    """Return the rows behind a name, each once.

    Freshness: for ever, or as of the time that stands in the row. Naming the nodes of
    skeletons adds those of the skeletons that have come since.

    Parameters
    ----------
    of : Repositories
    name : str
    adding : bool
        Otherwise nothing is written: rows that are yet to be made have no part.

    Raises
    ------
    UnknownNameError
        If nothing of that name is held.
    """
    wanted = name.casefold()
    if wanted == SKELETON_NODES and adding:
        fill(of.store, of.dataset.server_address)
    held = [one.name for one in of.store.graph_sets()]
    fact, rule = _ALIASES.get(wanted, (wanted, "distinct"))
    if wanted == _LEVEL2_DATA:
        fact = _level2_data(of, held) or wanted
    found = next((one for one in held if one.casefold() == fact.casefold()), None)
    rows = None
    if found is not None:
        rows = of.store.rows("graph", found, 0).read(
            lambda one: one.held_in_part("scanned")
        )
    if rows is None and wanted == SKELETON_NODES and is_fillable(of.store):
        return Source((), rule)
    if rows is None:
        where = f"the graph of {of.dataset.name} (what nobody asked yet is not there)"
        raise UnknownNameError("facts", name, where, graph_names(of))
    return Source((Part(rows),), rule)


def _level2_data(of: Repositories, held: list[str]) -> str | None:
    """Return the facts of the dataset's L2 cache: the only one held, or its present."""
    found = [one for one in held if one.startswith(f"{_LEVEL2_DATA}.")]
    if len(found) <= 1:
        return next(iter(found), None)
    try:
        return f"{_LEVEL2_DATA}.{of.level2.cache_id()}"
    except CorticalCacheError:  # offline, and never asked
        return None
