"""Columns of values with explicit nulls: the plain data that the demo serves.

Nothing here knows about CAVE; a relation is a mapping of column names to vectors.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Kind = Literal[
    "bigint",
    "integer",
    "smallint",
    "double precision",
    "real",
    "numeric",
    "boolean",
    "character varying",
    "timestamp without time zone",
    "geometry",
]
"""The SQL type of a column, as PostgreSQL's information schema spells it."""

Array = npt.NDArray[np.generic]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Times = npt.NDArray[np.datetime64]

WHOLE_KINDS: frozenset[Kind] = frozenset({"bigint", "integer", "smallint"})
FLOAT_KINDS: frozenset[Kind] = frozenset({"double precision", "real", "numeric"})


@dataclass(frozen=True, slots=True)
class Vector:
    """One column. Where `null` is true, the entry of `data` means nothing."""

    kind: Kind
    data: Array
    null: Bools

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.null)

    def take(self, index: Ints | Bools | slice) -> "Vector":
        """Return the chosen rows (a slice shares memory)."""
        return Vector(self.kind, self.data[index], self.null[index])

    def ints(self) -> Ints:
        """Return the values of a whole-number column, 0 where null."""
        return np.where(self.null, 0, self.data).astype(np.int64)

    def xyz(self) -> Floats:
        """Return the points of a geometry column, shape (n, 3)."""
        return self.data.astype(np.float64, copy=False)


@dataclass(frozen=True, slots=True)
class Rows:
    """Columns of equal length, in order."""

    columns: Mapping[str, Vector]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def __getitem__(self, name: str) -> Vector:
        """Return one column."""
        return self.columns[name]

    def take(self, index: Ints | Bools | slice) -> "Rows":
        """Return the chosen rows of every column."""
        return Rows({name: c.take(index) for name, c in self.columns.items()})

    def select(self, names: Iterable[str]) -> "Rows":
        """Return the named columns, in the order of `names`."""
        return Rows({name: self.columns[name] for name in names})

    def with_columns(self, columns: Mapping[str, Vector]) -> "Rows":
        """Return these rows with columns added or replaced."""
        return Rows({**self.columns, **columns})


def _no_nulls(n: int, null: Bools | None) -> Bools:
    return np.zeros(n, dtype=np.bool_) if null is None else null


def whole(
    values: Ints | Sequence[int], null: Bools | None = None, kind: Kind = "bigint"
) -> Vector:
    """Make a whole-number column."""
    array = np.asarray(values, dtype=np.int64)
    return Vector(kind, array, _no_nulls(len(array), null))


def floating(
    values: Floats | Sequence[float],
    null: Bools | None = None,
    kind: Kind = "double precision",
) -> Vector:
    """Make a floating-point column."""
    array = np.asarray(values, dtype=np.float64)
    return Vector(kind, array, _no_nulls(len(array), null))


def truth(values: Bools | Sequence[bool], null: Bools | None = None) -> Vector:
    """Make a boolean column."""
    array = np.asarray(values, dtype=np.bool_)
    return Vector("boolean", array, _no_nulls(len(array), null))


def text(values: Sequence[str | None]) -> Vector:
    """Make a string column; None is null."""
    array = np.empty(len(values), dtype=np.object_)
    array[:] = list(values)
    null = np.fromiter((v is None for v in values), np.bool_, len(values))
    return Vector("character varying", array, null)


def moments(values: Times, null: Bools | None = None) -> Vector:
    """Make a column of UTC times with microseconds."""
    array = values.astype("datetime64[us]")
    return Vector(
        "timestamp without time zone",
        array,
        np.isnat(array) if null is None else null,
    )


def points(values: Floats, null: Bools | None = None) -> Vector:
    """Make a column of points, shape (n, 3)."""
    array = np.asarray(values, dtype=np.float64).reshape(-1, 3)
    return Vector("geometry", array, _no_nulls(len(array), null))


def empty(kind: Kind, n: int) -> Vector:
    """Make a column of `n` nulls."""
    null = np.ones(n, dtype=np.bool_)
    if kind in WHOLE_KINDS:
        return whole(np.zeros(n, dtype=np.int64), null, kind)
    if kind in FLOAT_KINDS:
        return floating(np.zeros(n), null, kind)
    if kind == "boolean":
        return truth(np.zeros(n, dtype=np.bool_), null)
    if kind == "geometry":
        return points(np.zeros((n, 3)), null)
    if kind == "character varying":
        return text([None] * n)
    return moments(np.full(n, "NaT", dtype="datetime64[us]"), null)


def stack(first: Vector, second: Vector) -> Vector:
    """Put one column below another of the same type."""
    return Vector(
        first.kind,
        np.concatenate([first.data, second.data]),
        np.concatenate([first.null, second.null]),
    )
