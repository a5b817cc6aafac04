"""A small table's shape, and how rows are put on disk."""

from collections.abc import Callable

import pyarrow as pa

from cortical_cache.model.held import HeldRows
from cortical_cache.model.shape import Column, ColumnType, TableShape

TYPES = {
    ColumnType.BIGINT: pa.int64(),
    ColumnType.INTEGER: pa.int32(),
    ColumnType.DOUBLE: pa.float32(),
    ColumnType.BOOLEAN: pa.bool_(),
    ColumnType.VARCHAR: pa.string(),
    ColumnType.TIMESTAMP: pa.timestamp("us", "UTC"),
    ColumnType.POINT: pa.int32(),
}

CELLS = TableShape(
    "cells",
    "table",
    (
        Column("id", ColumnType.BIGINT),
        Column("created", ColumnType.TIMESTAMP),
        Column("superceded_id", ColumnType.BIGINT),
        Column("valid", ColumnType.BOOLEAN),
        Column("cell_type", ColumnType.VARCHAR),
        Column("volume", ColumnType.DOUBLE),
        Column("layer", ColumnType.INTEGER),
        Column("pt_position", ColumnType.POINT),
        Column("pt_supervoxel_id", ColumnType.BIGINT),
        Column("pt_root_id", ColumnType.BIGINT),
    ),
    is_merged=False,
    voxel_resolution=(4.0, 4.0, 40.0),
)

Hold = Callable[..., HeldRows]
