"""One table, join or view query, with every parameter, in normal form.

Two requests that ask the same thing make equal values: lists of values are sorted and
without repeats, filters stand in the server's order, an empty selection is none.
"""

import hashlib
import json
from dataclasses import dataclass, field, fields
from typing import Literal

from cortical_cache.model.values import Scalar

__all__ = ["FILTER_KINDS", "Box", "Filter", "FilterKind", "Query", "QueryKind", "Side"]

QueryKind = Literal["table", "join", "view"]

FilterKind = Literal[
    "in",
    "out",
    "equal",
    "greater",
    "less",
    "greater_equal",
    "less_equal",
    "spatial",
    "regex",
]

FILTER_KINDS: tuple[FilterKind, ...] = (
    "in",
    "out",
    "equal",
    "greater",
    "less",
    "greater_equal",
    "less_equal",
    "spatial",
    "regex",
)

Corner = tuple[int | float, int | float, int | float]
Box = tuple[Corner, Corner]


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition on one column.

    Attributes
    ----------
    kind : str
        One of `FILTER_KINDS`.
    table : str
        The table or view that has the column.
    column : str
        Model name, without suffix: ``pt_position``, not ``pt_position_x``.
    value : scalar, tuple of scalars, or box
        ``in`` and ``out`` have a sorted tuple without repeats, ``spatial`` a pair of
        corners in voxels of the table, the others one value.
    """

    kind: FilterKind
    table: str
    column: str
    value: Scalar | tuple[Scalar, ...] | Box


@dataclass(frozen=True, slots=True)
class Side:
    """One table of a query, and the column it is joined on.

    Attributes
    ----------
    table : str
    column : str or None
        None unless the query is a join.
    """

    table: str
    column: str | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """A query of CAVE's materialized tables and views.

    Python takes 1, 1.0 and True for equal, hence also two queries that differ only in
    that; their digests differ.

    Attributes
    ----------
    datastack : str
    version : int
    kind : {"table", "join", "view"}
    sides : tuple of Side
        One, or the two or more sides of a join in the caller's order.
    filters : tuple of Filter
        All of them hold. In the order of `FILTER_KINDS`.
    columns : tuple of str or None
        Selected model columns; of a join, each from the first table that has it.
    columns_of : tuple of (table, tuple of str) or None
        Selected columns by table (joins only).
    suffixes : tuple of str or None
        For columns that several tables have, in the order of the sides.
    suffix_of : tuple of (table, str) or None
        The same by table, in the caller's order.
    offset, limit : int or None
    counts : bool
        Asks how many rows there are, not for the rows.
    random_sample : int or None
    desired_resolution : tuple of float or None
        Nanometres per voxel of the answer's positions.
    split_positions : bool
        Positions stay three columns.
    merged : bool
        The join is caveclient's own, of a reference table and its target.
    metadata : bool
        The answer carries ``attrs``.
    return_df : bool
        False: a list of records instead of a DataFrame.
    given : str
        JSON of the arguments that ``attrs`` shows as they were given. Not compared.
    """

    datastack: str
    version: int
    kind: QueryKind
    sides: tuple[Side, ...]
    filters: tuple[Filter, ...] = ()
    columns: tuple[str, ...] | None = None
    columns_of: tuple[tuple[str, tuple[str, ...]], ...] | None = None
    suffixes: tuple[str, ...] | None = None
    suffix_of: tuple[tuple[str, str], ...] | None = None
    offset: int | None = None
    limit: int | None = None
    counts: bool = False
    random_sample: int | None = None
    desired_resolution: tuple[float, float, float] | None = None
    split_positions: bool = False
    merged: bool = False
    metadata: bool = True
    return_df: bool = True
    given: str = field(default="{}", compare=False, repr=False)

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables, or of the view, in the caller's order."""
        return tuple(side.table for side in self.sides)

    def filters_of(self, table: str) -> tuple[Filter, ...]:
        """Return the filters on one table."""
        return tuple(one for one in self.filters if one.table == table)

    def digest(self) -> str:
        """Return the SHA-256 of the request, the same in every process."""
        parts: list[object] = []
        for one in fields(self):
            value: object = getattr(self, one.name)
            if one.name == "sides":
                value = [[side.table, side.column] for side in self.sides]
            elif one.name == "filters":
                value = [[f.kind, f.table, f.column, f.value] for f in self.filters]
            if one.compare:
                parts.append([one.name, value])
        text = json.dumps(parts, ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()
