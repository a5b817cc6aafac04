"""Normal form of what caveclient's methods take: filters, boxes, names, suffixes."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TypedDict

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

__all__ = [
    "SHOWN",
    "Asked",
    "build",
    "by_name",
    "filters_on",
    "shown_filters",
    "side",
]

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


class Asked(TypedDict, total=False):
    """What caveclient's methods take whatever they query."""

    filter_in_dict: object
    filter_out_dict: object
    filter_equal_dict: object
    filter_greater_dict: object
    filter_less_dict: object
    filter_greater_equal_dict: object
    filter_less_equal_dict: object
    filter_spatial_dict: object
    filter_regex_dict: object
    select_columns: object
    offset: object
    limit: object
    return_df: bool
    split_positions: bool
    metadata: bool
    desired_resolution: object
    get_counts: bool
    random_sample: object


def shown_filters(asked: Asked) -> dict[FilterKind, object]:
    """Return the nine filter arguments by kind, in the order of `FILTER_KINDS`."""
    shown: dict[FilterKind, object] = {}
    for kind in FILTER_KINDS:
        argument = asked.get(f"filter_{kind}_dict")
        shown[kind] = None if argument is None else _frozen(argument)
    return shown


def _frozen(argument: object) -> object:
    """Read one-pass values (generators) once, for both uses of an argument."""
    if isinstance(argument, Mapping):
        return {str(key): _frozen(one) for key, one in argument.items()}  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType]  an argument of any type
    return listed(argument) if isinstance(argument, Iterator) else argument  # pyright: ignore[reportUnknownArgumentType]  an argument of any type


def filters_on(table: str, shown: Mapping[FilterKind, object]) -> list[Filter]:
    """Return the filters that dicts of values by column put on one table.

    Raises
    ------
    InvalidQueryError
        For a value that no column of any type can be compared with that way.
    """
    return [
        Filter(kind, table, column, _value(kind, column, value))
        for kind, argument in shown.items()
        for column, value in by_name(argument, f"the {kind} filter").items()
    ]


def by_name(argument: object, name: str) -> dict[str, object]:
    """Return a dict argument, empty if it is None; `name` is for the message."""
    if argument is None:
        return {}
    if not isinstance(argument, Mapping):
        raise InvalidQueryError(f"{name} must be a dict keyed by name")
    return {str(key): one for key, one in argument.items()}  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType]  an argument of any type


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
        return tuple(sorted(set(members)))  # pyright: ignore[reportArgumentType,reportUnknownVariableType,reportUnknownArgumentType]  an argument of any type
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
    return x, y, z  # pyright: ignore[reportReturnType]  an argument of any type


def side(pair: object) -> Side:
    """Return one ``[table, column]`` of a join."""
    members = listed(pair)
    if len(members) != 2 or not all(isinstance(one, str) for one in members):  # noqa: PLR2004  a pair
        raise InvalidQueryError("each side of a join must be [table, column]")
    return Side(str(members[0]), str(members[1]))


def build(  # noqa: PLR0913 - everything a query has
    kind: QueryKind,
    sides: tuple[Side, ...],
    filters: list[Filter],
    shown: Mapping[FilterKind, object],
    asked: Asked,
    *,
    datastack: str,
    version: int,
    suffixes: object = None,
    merged: bool = False,
) -> Query:
    """Put the parts of a query into normal form."""
    tables = {side.table for side in sides}
    for one in filters:
        if one.table not in tables:
            raise InvalidQueryError(
                f"a filter names table {one.table!r}, which the query does not have"
            )
    selected = asked.get("select_columns")
    sample = integer(asked.get("random_sample"), "random_sample", least=0)
    columns, columns_of = _selection(kind, selected)
    given = {
        "filters": {SHOWN[kind]: as_given(value) for kind, value in shown.items()},
        "select_columns": as_given(selected),
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
        offset=integer(asked.get("offset"), "offset", least=0),
        limit=integer(asked.get("limit"), "limit", least=1),
        counts=asked.get("get_counts", False),
        random_sample=sample or None,
        desired_resolution=_resolution(asked.get("desired_resolution")),
        split_positions=asked.get("split_positions", False),
        merged=merged,
        metadata=asked.get("metadata", True),
        return_df=asked.get("return_df", True),
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
        return _names(selected) or None, None  # pyright: ignore[reportUnknownArgumentType]  an argument of any type
    if isinstance(selected, Mapping) and kind == "join":
        by_table = tuple(
            (str(table), _names(names))  # pyright: ignore[reportUnknownArgumentType]  an argument of any type
            for table, names in selected.items()  # pyright: ignore[reportUnknownVariableType]  an argument of any type
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
        return tuple(str(one) for one in suffixes)  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType]  an argument of any type
    raise InvalidQueryError("suffixes must be a dict of suffixes by table, or a list")


def _suffix_of(suffixes: object) -> tuple[tuple[str, str], ...] | None:
    if not isinstance(suffixes, Mapping):
        return None
    pairs = tuple((str(table), str(one)) for table, one in suffixes.items())  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType]  an argument of any type
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
    x, y, z = (float(one) for one in values)  # pyright: ignore[reportArgumentType]  an argument of any type
    return x, y, z
