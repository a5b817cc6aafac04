"""The ``df.attrs`` that caveclient would have attached to an answer."""

import json
from collections.abc import Mapping

from cortical_cache.model.normal import SHOWN
from cortical_cache.model.output import output_names, outputs, resolution
from cortical_cache.model.query import Query
from cortical_cache.model.shape import TableShape
from cortical_cache.model.values import as_given

__all__ = ["attributes", "given_filters"]

Metadata = Mapping[str, object]


def attributes(
    query: Query,
    metadata: Mapping[str, Metadata],
    shapes: Mapping[str, TableShape],
) -> dict[str, object]:
    """Return what caveclient's ``_assemble_attributes`` would.

    Parameters
    ----------
    query : Query
    metadata : mapping of str to mapping
        By table name, what caveclient's ``get_table_metadata`` (of a view:
        ``get_view_metadata``) returns. Of a join, caveclient shows the metadata of its
        own default version, whatever version was queried.
    shapes : mapping of str to TableShape

    Returns
    -------
    dict
        Fresh, and as a JSON round trip leaves it. Empty if the query has
        ``metadata=False``.
    """
    if not query.metadata:
        return {}
    given: dict[str, object] = json.loads(query.given)
    found: dict[str, object] = {"datastack_name": query.datastack}
    if query.kind == "join":
        found["join_query"] = True
        found["tables"] = _joined(query, metadata, given["suffixes"])
    else:
        found["join_query"] = False
        found |= _prefixed(metadata[query.tables[0]])
    found |= {
        "dataframe_resolution": list(resolution(query, shapes)),
        "filters": given["filters"],
        "select_columns": given["select_columns"],
        "offset": query.offset,
        "limit": query.limit,
        "live_query": False,
        "timestamp": None,
        "materialization_version": query.version,
        # The server sends Python's own repr, and caveclient leaves it at that.
        "column_names": repr(output_names(outputs(query, shapes))),
    }
    return found


def given_filters(arguments: Mapping[str, object]) -> dict[str, object]:
    """Return the filters among a method's arguments as ``attrs["filters"]`` has them.

    Parameters
    ----------
    arguments : mapping of str to object
        All of them by name: ``filter_in_dict``, ...
    """
    return {
        shown: as_given(arguments.get(f"filter_{kind}_dict"))
        for kind, shown in SHOWN.items()
    }


def _joined(
    query: Query, metadata: Mapping[str, Metadata], suffixes: object
) -> dict[str, object]:
    # Iterating over a dict of suffixes, caveclient shows its keys: table names. A table
    # without a counterpart is not shown at all.
    shown = ["_x", "_y"] if suffixes is None else list(suffixes)  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType,reportArgumentType]  an argument of any type
    return {
        side.table: _prefixed(metadata[side.table])
        | {"join_column": side.column, "suffix": suffix}
        for side, suffix in zip(query.sides, shown, strict=False)  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType]  an argument of any type
    }


def _prefixed(metadata: Metadata) -> dict[str, object]:
    return {
        key if key.startswith("table") else f"table_{key}": as_given(value)
        for key, value in metadata.items()
    }
