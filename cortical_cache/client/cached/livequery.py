"""``live_query`` at a past moment, computed from a version and remembered roots.

The steps are caveclient's (``MaterializationClient.live_query``): root filters are
mapped back to the newest version before the moment, that version is queried, roots are
brought forward, and the filters are applied again. Mapping back and bringing forward
are caveclient's own code, on a version and a chunkedgraph that the store answers for,
so only roots that nothing held decides are asked of the server.
"""

import operator
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from caveclient.materializationengine import MaterializationClient

from cortical_cache.errors import CorticalCacheError
from cortical_cache.model.arguments import table_query
from cortical_cache.model.attributes import given_filters
from cortical_cache.model.values import as_given
from cortical_cache.repositories.dataset import Repositories

if TYPE_CHECKING:
    import pandas as pd

    from cortical_cache.client.cached.chunkedgraph import CachedChunkedGraph

__all__ = ["PLAIN_ONLY", "computed"]

_theirs: Any = MaterializationClient  # it has no types

# Which rows these choose depends on the server's order of rows.
PLAIN_ONLY = ("limit", "offset", "random_sample")

_MAPPED = ("in", "out", "equal", "greater", "less", "greater_equal", "less_equal")


class _Graph:
    """What caveclient's two steps expect of their object."""

    def __init__(self, graph: "CachedChunkedGraph") -> None:
        self.cg_client = graph


def computed(
    repositories: Repositories,
    query_table: "Callable[..., pd.DataFrame]",
    graph: "CachedChunkedGraph",
    arguments: Mapping[str, Any],
    base: int,
) -> "pd.DataFrame | None":
    """Compute the answer of ``live_query``; None where only the server can.

    Parameters
    ----------
    repositories : Repositories
    query_table, graph
        Of ``client.cached``.
    arguments : mapping of str to object
        All of the method's arguments by name.
    base : int
        The newest version at or before the timestamp.

    Raises
    ------
    InvalidQueryError
        If the arguments have no meaning at any moment.
    NotCachedError
        Offline, and something is held that does not decide all roots.
    """
    moment: datetime = arguments["timestamp"]
    given = [arguments.get(f"filter_{kind}_dict") for kind in _MAPPED]
    start = repositories.versions.record(base).timestamp
    steps = _Graph(graph)
    found = _step(_theirs.map_filters, steps, given, moment, start)
    if found is None:
        return None
    past, future = found
    mapped = _as_sets(dict(zip(_MAPPED, past, strict=True)))
    frame = query_table(
        arguments["table"],
        **{f"filter_{kind}_dict": one for kind, one in mapped.items()},
        filter_spatial_dict=arguments.get("filter_spatial_dict"),
        filter_regex_dict=arguments.get("filter_regex_dict"),
        select_columns=arguments.get("select_columns"),
        split_positions=arguments["split_positions"],
        materialization_version=base,
        merge_reference=arguments["merge_reference"],
        desired_resolution=arguments.get("desired_resolution"),
        log_warning=arguments["log_warning"],
    )
    shown = frame.attrs
    frame.attrs = {}
    update = _theirs._update_rootids  # noqa: SLF001  caveclient has no public name for it
    frame = _step(update, steps, frame, moment, future)
    if frame is None:
        return None
    if arguments.get("post_filter", True):
        frame = _filtered(frame, dict(zip(_MAPPED, given, strict=True)))
    if arguments["metadata"]:
        frame.attrs = _attributes(repositories, arguments, base, shown)
    return frame


def _step(step: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401  caveclient has no types
    """Take one of caveclient's steps; None where it refuses.

    It does for roots that do not live at the moment, and trips over NULL roots.
    """
    try:
        return step(*arguments)
    except CorticalCacheError:  # ours, from within it: some are ValueErrors, too
        raise
    except ValueError:
        return None


def _as_sets(filters: dict[str, Any]) -> dict[str, Any]:
    """Turn equality with a root into membership: it may have been several roots."""
    equal = filters["equal"]
    if equal is None:
        return filters
    roots = {one: equal[one] for one in equal if one.endswith("root_id")}
    rest = {one: equal[one] for one in equal if one not in roots}
    if roots:
        filters = {**filters, "in": {**(filters["in"] or {}), **roots}}
    return {**filters, "equal": rest or None}


def _filtered(frame: "pd.DataFrame", filters: Mapping[str, Any]) -> "pd.DataFrame":
    """Apply the filters as given; the index keeps its gaps, as theirs does."""
    for kind, by_column in filters.items():
        for column, value in _items(by_column):
            kept: pd.Series[bool] = _TESTS[kind](frame[column], value)
            frame = frame[kept.fillna(value=False)]
    return frame


def _items(by_column: Mapping[str, object] | None) -> Iterable[tuple[str, Any]]:
    return () if by_column is None else by_column.items()


_TESTS: Mapping[str, Callable[[Any, Any], Any]] = {
    "in": lambda values, wanted: values.isin(list(wanted)),
    "out": lambda values, wanted: ~values.isin(list(wanted)),
    "equal": operator.eq,
    "greater": operator.gt,
    "less": operator.lt,
    "greater_equal": operator.ge,
    "less_equal": operator.le,
}


def _attributes(
    repositories: Repositories,
    arguments: Mapping[str, Any],
    base: int,
    shown: Mapping[Any, object],
) -> dict[Any, object]:
    table = str(arguments["table"])
    query = table_query(
        table,
        datastack=repositories.dataset.datastack,
        version=base,
        merge_reference=False,
    )
    found = repositories.tables.attributes(query)
    del found["column_names"]
    return {
        **found,
        "dataframe_resolution": shown.get("dataframe_resolution"),
        "filters": given_filters(arguments),
        "select_columns": as_given(arguments.get("select_columns")),
        "live_query": True,
        "timestamp": arguments["timestamp"].strftime("%Y-%m-%dT%H:%M:%S.%f"),
        "materialization_version": None,
        "cortical_cache": shown.get("cortical_cache"),
    }
