"""From a `Query` back to a call of the real caveclient."""

import json

from cortical_cache.model.json import Json
from cortical_cache.model.normal import SHOWN
from cortical_cache.model.query import Query

__all__ = ["call"]


def call(query: Query) -> tuple[str, dict[str, object]]:
    """Return the method of ``client.materialize`` that asks this, and its arguments.

    Parameters
    ----------
    query : Query

    Returns
    -------
    method : {"query_table", "join_query", "query_view"}
    arguments : dict
        Keyword arguments; filters and selection as the user gave them, so that
        ``attrs`` come out the same.

    Notes
    -----
    The server ignores ``filter_out_dict``, and the counts of a join.
    """
    given = json.loads(query.given)
    arguments: dict[str, object] = {
        "datastack_name": query.datastack,
        "materialization_version": query.version,
        "select_columns": _in_order(given["select_columns"], query.tables),
        "offset": query.offset,
        "limit": query.limit,
        "split_positions": query.split_positions,
        "metadata": query.metadata,
        "return_df": query.return_df,
        "desired_resolution": query.desired_resolution and [*query.desired_resolution],
        "random_sample": query.random_sample,
    }
    for kind, shown in SHOWN.items():
        arguments[f"filter_{kind}_dict"] = given["filters"][shown]
    if query.kind == "view":
        arguments |= {"view_name": query.tables[0], "get_counts": query.counts}
        return "query_view", arguments
    if query.kind == "join" and not query.merged:
        arguments["tables"] = [[side.table, side.column] for side in query.sides]
        arguments["suffixes"] = given["suffixes"]
        return "join_query", arguments
    arguments |= {
        "table": query.tables[0],
        "get_counts": query.counts,
        "merge_reference": query.merged,
    }
    return "query_table", arguments


def _in_order(selected: Json, tables: tuple[str, ...]) -> Json:
    """Put a selection by table into the tables' order, which suffixes go by here."""
    if not isinstance(selected, dict):
        return selected
    return {table: selected[table] for table in tables if table in selected}
