"""From caveclient's own arguments to a `Query`.

One function per method of ``client.materialize``. What caveclient or the server would
refuse whatever the table looks like is refused here; the rest when the query meets
the shape of its tables.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from cortical_cache.errors import InvalidQueryError
from cortical_cache.model.query import (
    FILTER_KINDS,
    Box,
    Corner,
    Filter,
    FilterKind,
    Query,
    QueryKind,
    Side,
)
from cortical_cache.model.values import Scalar, as_given, integer, listed, plain

__all__ = ["join_query", "synapse_query", "table_query", "view_query"]

_AXES = 3
_LISTS: tuple[FilterKind, ...] = ("in", "out")

# What caveclient's ``attrs["filters"]`` calls each kind.
SHOWN: dict[FilterKind, str] = {
    "in": "inclusive",
    "out": "exclusive",
    "equal": "equal",
    "greater": "greater",
    "less": "less",
    "greater_equal": "greater_equal",
    "less_equal": "less_equal",
    "spatial": "spatial",
    "regex": "regex",
}


def table_query(  # noqa: PLR0913 - caveclient's own parameters
    table: str,
    *,
    datastack: str,
    version: int,
    reference_table: str | None = None,
    filter_in_dict: object = None,
    filter_out_dict: object = None,
    filter_equal_dict: object = None,
    filter_greater_dict: object = None,
    filter_less_dict: object = None,
    filter_greater_equal_dict: object = None,
    filter_less_equal_dict: object = None,
    filter_spatial_dict: object = None,
    filter_regex_dict: object = None,
    select_columns: object = None,
    offset: object = None,
    limit: object = None,
    return_df: bool = True,
    split_positions: bool = False,
    metadata: bool = True,
    merge_reference: bool = True,
    desired_resolution: object = None,
    get_counts: bool = False,
    random_sample: object = None,
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
    filter_in_dict, filter_out_dict, ... : dict, optional
        From column to value, as caveclient takes them.
    select_columns, offset, limit, return_df, split_positions, metadata, merge_reference
        As caveclient takes them.
    desired_resolution, get_counts, random_sample
        As caveclient takes them.

    Returns
    -------
    Query

    Raises
    ------
    InvalidQueryError
        If caveclient or the server would refuse the arguments.
    """
    shown = _shown(
        filter_in_dict,
        filter_out_dict,
        filter_equal_dict,
        filter_greater_dict,
        filter_less_dict,
        filter_greater_equal_dict,
        filter_less_equal_dict,
        filter_spatial_dict,
        filter_regex_dict,
    )
    merged = bool(merge_reference and reference_table)
    sides = (Side(table),)
    suffixes: dict[str, str] | None = None
    if merged and reference_table is not None:
        sides = (Side(table, "target_id"), Side(reference_table, "id"))
        suffixes = {table: "", reference_table: "_ref"}
    return _query(
        kind="join" if merged else "table",
        datastack=datastack,
        version=version,
        sides=sides,
        filters=_by_table(table, shown),
        shown=shown,
        select_columns=select_columns,
        suffixes=suffixes,
        offset=offset,
        limit=limit,
        counts=get_counts,
        random_sample=random_sample,
        desired_resolution=desired_resolution,
        split_positions=split_positions,
        merged=merged,
        metadata=metadata,
        return_df=return_df,
    )


def join_query(  # noqa: PLR0913 - caveclient's own parameters
    tables: object,
    *,
    datastack: str,
    version: int,
    filter_in_dict: object = None,
    filter_out_dict: object = None,
    filter_equal_dict: object = None,
    filter_greater_dict: object = None,
    filter_less_dict: object = None,
    filter_greater_equal_dict: object = None,
    filter_less_equal_dict: object = None,
    filter_spatial_dict: object = None,
    filter_regex_dict: object = None,
    select_columns: object = None,
    offset: object = None,
    limit: object = None,
    suffixes: object = None,
    return_df: bool = True,
    split_positions: bool = False,
    metadata: bool = True,
    desired_resolution: object = None,
    random_sample: object = None,
    get_counts: bool = False,
) -> Query:
    """Return the query that ``join_query`` stands for.

    Parameters
    ----------
    tables : list of [table, column]
        The tables and the columns they are joined on.
    datastack : str
    version : int
    filter_in_dict, filter_out_dict, ... : dict of dict, optional
        From table to column to value.
    select_columns : dict of list of str, or list of str, optional
    suffixes : dict of str, or list of str, optional
        For columns that both tables have.
    offset, limit, return_df, split_positions, metadata, desired_resolution
        As caveclient takes them.
    random_sample
        As caveclient takes it.
    get_counts : bool
        Count the rows. caveclient has no such argument for a join.

    Returns
    -------
    Query

    Raises
    ------
    InvalidQueryError
        If caveclient or the server would refuse the arguments.
    """
    sides = tuple(_side(one) for one in listed(tables))
    if len({side.table for side in sides}) < len(sides) or len(sides) < 2:  # noqa: PLR2004
        raise InvalidQueryError(
            "a join needs two different tables: [[table, column], [table, column]]"
        )
    shown = _shown(
        filter_in_dict,
        filter_out_dict,
        filter_equal_dict,
        filter_greater_dict,
        filter_less_dict,
        filter_greater_equal_dict,
        filter_less_equal_dict,
        filter_spatial_dict,
        filter_regex_dict,
    )
    filters: list[Filter] = []
    for kind, argument in shown.items():
        for table, conditions in _mapping(argument, f"the {kind} filter").items():
            filters += _by_table(table, {kind: conditions})
    return _query(
        kind="join",
        datastack=datastack,
        version=version,
        sides=sides,
        filters=filters,
        shown=shown,
        select_columns=select_columns,
        suffixes=suffixes,
        offset=offset,
        limit=limit,
        counts=get_counts,
        random_sample=random_sample,
        desired_resolution=desired_resolution,
        split_positions=split_positions,
        merged=False,
        metadata=metadata,
        return_df=return_df,
    )


def view_query(  # noqa: PLR0913 - caveclient's own parameters
    view_name: str,
    *,
    datastack: str,
    version: int,
    filter_in_dict: object = None,
    filter_out_dict: object = None,
    filter_equal_dict: object = None,
    filter_greater_dict: object = None,
    filter_less_dict: object = None,
    filter_greater_equal_dict: object = None,
    filter_less_equal_dict: object = None,
    filter_spatial_dict: object = None,
    filter_regex_dict: object = None,
    select_columns: object = None,
    offset: object = None,
    limit: object = None,
    return_df: bool = True,
    split_positions: bool = False,
    metadata: bool = True,
    desired_resolution: object = None,
    get_counts: bool = False,
    random_sample: object = None,  # noqa: ARG001 - the server ignores it for views
) -> Query:
    """Return the query that ``query_view`` stands for.

    Parameters
    ----------
    view_name : str
    datastack : str
    version : int
    filter_in_dict, filter_out_dict, ... : dict, optional
        From column to value, as caveclient takes them.
    select_columns, offset, limit, return_df, split_positions, metadata
        As caveclient takes them.
    desired_resolution, get_counts
        As caveclient takes them.
    random_sample
        Ignored, as by the server.

    Returns
    -------
    Query

    Raises
    ------
    InvalidQueryError
        If caveclient or the server would refuse the arguments.
    """
    shown = _shown(
        filter_in_dict,
        filter_out_dict,
        filter_equal_dict,
        filter_greater_dict,
        filter_less_dict,
        filter_greater_equal_dict,
        filter_less_equal_dict,
        filter_spatial_dict,
        filter_regex_dict,
    )
    return _query(
        kind="view",
        datastack=datastack,
        version=version,
        sides=(Side(view_name),),
        filters=_by_table(view_name, shown),
        shown=shown,
        select_columns=select_columns,
        suffixes=None,
        offset=offset,
        limit=limit,
        counts=get_counts,
        random_sample=None,
        desired_resolution=desired_resolution,
        split_positions=split_positions,
        merged=False,
        metadata=metadata,
        return_df=return_df,
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
        if isinstance(ids, Iterable) and getattr(ids, "ndim", 1) > 0:  # pyright: ignore[reportUnknownArgumentType]
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


def _shown(*arguments: object) -> dict[FilterKind, object]:
    return {
        kind: None if argument is None else _frozen(argument)
        for kind, argument in zip(FILTER_KINDS, arguments, strict=True)
    }


def _frozen(argument: object) -> object:
    """Read one-pass values (generators) once, for both uses of an argument."""
    if isinstance(argument, Mapping):
        return {str(key): _frozen(one) for key, one in argument.items()}  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType]
    return listed(argument) if isinstance(argument, Iterator) else argument  # pyright: ignore[reportUnknownArgumentType]


def _by_table(table: str, shown: Mapping[FilterKind, object]) -> list[Filter]:
    return [
        Filter(kind, table, column, _value(kind, column, value))
        for kind, argument in shown.items()
        for column, value in _mapping(argument, f"the {kind} filter").items()
    ]


def _mapping(argument: object, name: str) -> dict[str, object]:
    if argument is None:
        return {}
    if not isinstance(argument, Mapping):
        raise InvalidQueryError(f"{name} must be a dict keyed by name")
    return {str(key): one for key, one in argument.items()}  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType]


def _value(
    kind: FilterKind, column: str, value: object
) -> Scalar | tuple[Scalar, ...] | Box:
    if kind in _LISTS:
        return _sorted(listed(value))
    if kind == "spatial":
        return _box(column, value)
    single = plain(value)
    if kind == "regex" and not isinstance(single, str):
        raise InvalidQueryError(f"the pattern for {column} must be text")
    if kind not in ("equal", "regex") and (single is None or isinstance(single, bool)):
        raise InvalidQueryError(
            f"{column} has no order against {single}; use filter_equal_dict"
        )
    return single


def _sorted(members: list[object]) -> tuple[Scalar, ...]:
    if all(kind is int for kind in set(map(type, members))):
        return tuple(sorted(set(members)))  # pyright: ignore[reportArgumentType,reportUnknownVariableType,reportUnknownArgumentType]
    found = {(type(one).__name__, repr(one)): one for one in map(plain, members)}
    return tuple(found[key] for key in sorted(found))


def _box(column: str, value: object) -> Box:
    corners = [listed(corner) for corner in listed(value)]
    if [len(corner) for corner in corners] != [_AXES, _AXES]:
        raise InvalidQueryError(
            f"the box on {column} must be [[x, y, z], [x, y, z]], minimum first"
        )
    low, high = (_corner(column, corner) for corner in corners)
    if any(a >= b for a, b in zip(low, high, strict=True)):
        raise InvalidQueryError(
            f"the box on {column} needs minimum < maximum on every axis, "
            f"not {list(low)} and {list(high)}"
        )
    return low, high


def _corner(column: str, values: Sequence[object]) -> Corner:
    x, y, z = (plain(one) for one in values)
    if any(isinstance(one, bool | str | None) for one in (x, y, z)):
        raise InvalidQueryError(f"the box on {column} must consist of numbers")
    return x, y, z  # pyright: ignore[reportReturnType]


def _side(pair: object) -> Side:
    members = listed(pair)
    if len(members) != 2 or not all(isinstance(one, str) for one in members):  # noqa: PLR2004
        raise InvalidQueryError("each side of a join must be [table, column]")
    return Side(str(members[0]), str(members[1]))


def _query(  # noqa: PLR0913 - everything a query has
    *,
    kind: QueryKind,
    datastack: str,
    version: int,
    sides: tuple[Side, ...],
    filters: list[Filter],
    shown: Mapping[FilterKind, object],
    select_columns: object,
    suffixes: object,
    offset: object,
    limit: object,
    counts: bool,
    random_sample: object,
    desired_resolution: object,
    split_positions: bool,
    merged: bool,
    metadata: bool,
    return_df: bool,
) -> Query:
    tables = {side.table for side in sides}
    for one in filters:
        if one.table not in tables:
            raise InvalidQueryError(
                f"a filter names table {one.table!r}, which the query does not have"
            )
    columns, columns_of = _selection(kind, select_columns)
    given = {
        "filters": {SHOWN[kind]: as_given(value) for kind, value in shown.items()},
        "select_columns": as_given(select_columns),
        "suffixes": None if merged else as_given(suffixes),
    }
    return Query(
        datastack=datastack,
        version=int(version),
        kind=kind,
        sides=sides,
        filters=tuple(sorted(filters, key=_server_order)),
        columns=columns,
        columns_of=columns_of,
        suffixes=_suffixes(suffixes),
        suffix_of=_suffix_of(suffixes),
        offset=integer(offset, "offset", least=0),
        limit=integer(limit, "limit", least=1),
        counts=counts,
        random_sample=integer(random_sample, "random_sample", least=0) or None,
        desired_resolution=_resolution(desired_resolution),
        split_positions=split_positions,
        merged=merged,
        metadata=metadata,
        return_df=return_df,
        given=json.dumps(given),
    )


def _server_order(one: Filter) -> tuple[int, str, str]:
    return FILTER_KINDS.index(one.kind), one.table, one.column


def _selection(
    kind: QueryKind, selected: object
) -> tuple[tuple[str, ...] | None, tuple[tuple[str, tuple[str, ...]], ...] | None]:
    if selected is None:
        return None, None
    if isinstance(selected, list):
        return _names(selected) or None, None  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(selected, Mapping) and kind == "join":
        by_table = tuple(
            (str(table), _names(names))  # pyright: ignore[reportUnknownArgumentType]
            for table, names in selected.items()  # pyright: ignore[reportUnknownVariableType]
        )
        return None, by_table or None
    raise InvalidQueryError(
        "select_columns must be a list of column names"
        + (", or a dict of such lists by table" if kind == "join" else "")
    )


def _names(names: object) -> tuple[str, ...]:
    members = listed(names)
    if not all(isinstance(one, str) for one in members):
        raise InvalidQueryError("column names must be text")
    return tuple(dict.fromkeys(str(one) for one in members))


def _suffixes(suffixes: object) -> tuple[str, ...] | None:
    if suffixes is None or isinstance(suffixes, Mapping):
        return None
    if isinstance(suffixes, list):
        return tuple(str(one) for one in suffixes)  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType]
    raise InvalidQueryError("suffixes must be a dict of suffixes by table, or a list")


def _suffix_of(suffixes: object) -> tuple[tuple[str, str], ...] | None:
    if not isinstance(suffixes, Mapping):
        return None
    pairs = tuple((str(table), str(one)) for table, one in suffixes.items())  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType]
    if len({suffix for _, suffix in pairs}) < len(pairs):
        raise InvalidQueryError(
            f"suffixes must differ between tables, not {dict(pairs)}"
        )
    return pairs


def _resolution(wanted: object) -> tuple[float, float, float] | None:
    if wanted is None:
        return None
    values = [plain(one) for one in listed(wanted)]
    if len(values) != _AXES or not all(
        isinstance(one, int | float) and not isinstance(one, bool) and one
        for one in values
    ):
        raise InvalidQueryError(
            "desired_resolution must be three numbers other than 0: nm in x, y and z"
        )
    x, y, z = (float(one) for one in values)  # pyright: ignore[reportArgumentType]
    return x, y, z
