"""What a table or view of one materialization version looks like.

The shape is learnt from the server's own reply and schema and stored beside the rows,
so that types are never guessed from the values that happen to be there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

__all__ = ["AXES", "Column", "ColumnType", "Kind", "TableShape"]

Kind = Literal["table", "view"]

AXES = ("x", "y", "z")


class ColumnType(StrEnum):
    """The type of a column in CAVE's database, as far as the wire lets us see it.

    A reply gives table floats as Float32 and every integer of a view as Int64, so
    ``DOUBLE`` says what SQL type the values have, not how precisely they are held:
    that is the precision of the stored Arrow field.
    """

    BIGINT = "bigint"
    INTEGER = "integer"
    DOUBLE = "double precision"
    BOOLEAN = "boolean"
    VARCHAR = "character varying"
    TIMESTAMP = "timestamp"
    POINT = "point"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table or view.

    Attributes
    ----------
    name : str
        The model column's name, without suffix: ``pt_position``, not ``pt_position_x``.
    type : ColumnType
        A ``POINT`` is held as three int32 columns ``{name}_x``, ``_y``, ``_z`` in
        voxels of the table (float64 where an export brought the exact values).
    """

    name: str
    type: ColumnType

    @property
    def stored(self) -> tuple[str, ...]:
        """Names of the column or columns that hold it on disk and on the wire."""
        if self.type is ColumnType.POINT:
            return tuple(f"{self.name}_{axis}" for axis in AXES)
        return (self.name,)


@dataclass(frozen=True, slots=True)
class TableShape:
    """Name, columns and units of one table or view at one version.

    Attributes
    ----------
    name : str
        Table or view name as the server knows it.
    kind : {"table", "view"}
        Views have no ``valid`` filter and no coalesced root ids.
    columns : tuple of Column
        In the server's model order, without ``deleted`` (no reply ever shows it).
    is_merged : bool
        Of the version: a split version (False) shows NULL root and supervoxel ids as
        1 and has ``created`` and ``superceded_id``. The stored rows hold NULL.
    voxel_resolution : tuple of float
        Nanometres per voxel of the stored positions, x, y, z.
    reference_table : str or None
        The table that ``target_id`` points to.
    """

    name: str
    kind: Kind
    columns: tuple[Column, ...]
    is_merged: bool
    voxel_resolution: tuple[float, float, float]
    reference_table: str | None = None

    @property
    def stored_columns(self) -> tuple[str, ...]:
        """Names of all columns on disk, in model order."""
        return tuple(name for column in self.columns for name in column.stored)

    def column(self, name: str) -> Column | None:
        """Return the column of that model name, or None."""
        return next((column for column in self.columns if column.name == name), None)

    def coalesced(self, name: str) -> bool:
        """Tell whether the server shows NULL as 1 in this column.

        True for root and supervoxel ids of a table in a split version
        (MaterializationEngine, ``QueryManager.execute_query``).
        """
        return (
            self.kind == "table"
            and not self.is_merged
            and name.endswith(("_root_id", "_supervoxel_id"))
        )


def names(columns: Sequence[Column]) -> tuple[str, ...]:
    """Return the model names of the columns."""
    return tuple(column.name for column in columns)
