"""From caveclient's own arguments to a `Query`.

One function per method of ``client.materialize``. What caveclient or the server would
refuse whatever the table looks like is refused here; the rest when the query meets
the shape of its tables.
"""

from collections.abc import Iterable
from typing import Unpack

from cortical_cache.errors import InvalidQueryError, UnsupportedQueryError
from cortical_cache.model.normal import (
    Asked,
    build,
    by_name,
    filters_on,
    shown_filters,
    side,
)
from cortical_cache.model.query import Filter, Query, Side
from cortical_cache.model.values import listed

__all__ = ["join_query", "synapse_query", "table_query", "view_query"]


def table_query(
    table: str,
    *,
    datastack: str,
    version: int,
    reference_table: str | None = None,
    merge_reference: bool = True,
    **asked: Unpack[Asked],
) -> Query:
    """Return the query that ``query_table`` stands for.

    Parameters
    ----------
    table : str
    datastack : str
    version : int
    reference_table : str, optional
        The table that `table` refers to. With `merge_reference` the query is the
        join with it, all filters on `table`.
    merge_reference : bool
    **asked
        As caveclient takes them; a filter is a dict from column to value.

    Returns
    -------
    Query

    Raises
    ------
    InvalidQueryError
        If caveclient or the server would refuse the arguments.
    """
    shown = shown_filters(asked)
    merged = bool(merge_reference and reference_table)
    sides = (Side(table),)
    suffixes: dict[str, str] | None = None
    if merged and reference_table is not None:
        sides = (Side(table, "target_id"), Side(reference_table, "id"))
        suffixes = {table: "", reference_table: "_ref"}
    return build(
        "join" if merged else "table",
        sides,
        filters_on(table, shown),
        shown,
        asked,
        datastack=datastack,
        version=version,
        suffixes=suffixes,
        merged=merged,
    )


def join_query(
    tables: object,
    *,
    datastack: str,
    version: int,
    suffixes: object = None,
    **asked: Unpack[Asked],
) -> Query:
    """Return the query that ``join_query`` stands for.

    Parameters
    ----------
    tables : list of [table, column]
        The tables and the columns they are joined on.
    datastack : str
    version : int
    suffixes : dict of str, or list of str, optional
        For columns that both tables have.
    **asked
        As caveclient takes them: a filter is a dict from table to column to value,
        `select_columns` a list, or a dict of lists by table. `get_counts`, which
        caveclient does not have for a join, counts the rows.

    Returns
    -------
    Query

    Raises
    ------
    InvalidQueryError
        If caveclient or the server would refuse the arguments.
    """
    sides = tuple(side(one) for one in listed(tables))
    if len({side.table for side in sides}) < len(sides) or len(sides) < 2:  # noqa: PLR2004  a join has two sides
        raise InvalidQueryError(
            "a join needs two different tables: [[table, column], [table, column]]"
        )
    if len(sides) > 2:  # noqa: PLR2004  a join has two sides
        raise UnsupportedQueryError(
            "CAVE joins two tables, not more; join the third one with SQL"
        )
    shown = shown_filters(asked)
    filters: list[Filter] = []
    for kind, argument in shown.items():
        for table, conditions in by_name(argument, f"the {kind} filter").items():
            filters += filters_on(table, {kind: conditions})
    return build(
        "join",
        sides,
        filters,
        shown,
        asked,
        datastack=datastack,
        version=version,
        suffixes=suffixes,
    )


def view_query(
    view_name: str, *, datastack: str, version: int, **asked: Unpack[Asked]
) -> Query:
    """Return the query that ``query_view`` stands for.

    Parameters
    ----------
    view_name : str
    datastack : str
    version : int
    **asked
        As caveclient takes them; a filter is a dict from column to value.
        `random_sample` is ignored, as by the server.

    Returns
    -------
    Query

    Raises
    ------
    InvalidQueryError
        If caveclient or the server would refuse the arguments.
    """
    asked["random_sample"] = None
    shown = shown_filters(asked)
    return build(
        "view",
        (Side(view_name),),
        filters_on(view_name, shown),
        shown,
        asked,
        datastack=datastack,
        version=version,
    )


def synapse_query(  # noqa: PLR0913 - caveclient's own parameters
    synapse_table: str,
    *,
    datastack: str,
    version: int,
    pre_ids: object = None,
    post_ids: object = None,
    bounding_box: object = None,
    bounding_box_column: str = "post_pt_position",
    include_zeros: bool = True,
    limit: object = None,
    offset: object = None,
    split_positions: bool = False,
    desired_resolution: object = None,
    metadata: bool = True,
) -> Query:
    """Return the query that ``synapse_query`` stands for, autapses included.

    Removing autapses is a step after the answer: see
    `cortical_cache.engine.without_autapses`.

    Parameters
    ----------
    synapse_table : str
    datastack : str
    version : int
    pre_ids, post_ids : int or list of int, optional
        Root ids.
    bounding_box : [[x, y, z], [x, y, z]], optional
        In voxels of the table.
    bounding_box_column : str
    include_zeros : bool
        False leaves out synapses of root id 0, which the server does not do.
    limit, offset, split_positions, desired_resolution, metadata
        As caveclient takes them.

    Returns
    -------
    Query

    Raises
    ------
    InvalidQueryError
        If caveclient or the server would refuse the arguments.
    """
    among: dict[str, object] = {}
    equal: dict[str, object] = {}
    for column, ids in (("pre_pt_root_id", pre_ids), ("post_pt_root_id", post_ids)):
        if isinstance(ids, Iterable) and getattr(ids, "ndim", 1) > 0:  # pyright: ignore[reportUnknownArgumentType]  any argument may come
            among[column] = ids
        elif ids is not None:
            equal[column] = ids
    zeros = {"pre_pt_root_id": [0], "post_pt_root_id": [0]}
    return table_query(
        synapse_table,
        datastack=datastack,
        version=version,
        filter_in_dict=among,
        filter_out_dict=None if include_zeros else zeros,
        filter_equal_dict=equal,
        filter_spatial_dict=(
            None if bounding_box is None else {bounding_box_column: bounding_box}
        ),
        limit=limit,
        offset=offset,
        split_positions=split_positions,
        desired_resolution=desired_resolution,
        metadata=metadata,
        merge_reference=False,
    )
