"""What stands behind a name of a SQL statement, as a relation of stored columns."""

from functools import reduce

import duckdb
from duckdb import (
    ColumnExpression,
    ConstantExpression,
    DuckDBPyRelation,
    FunctionExpression,
)

from cortical_cache.engine.scan import every
from cortical_cache.model.held import HeldRows
from cortical_cache.model.sql import Source

__all__ = ["rows_of"]


def rows_of(connection: duckdb.DuckDBPyConnection, source: Source) -> DuckDBPyRelation:
    """Return the rows of a source; nothing is read yet but the files' footers.

    Raises
    ------
    StoreChangedError
        If a file is gone.
    """
    if source.rule == "cells":
        return _cells(connection, source)
    held = source.parts[0].held
    rows = _stored(connection, held)
    match source.rule:
        case "valid" if held.shape.column("valid") is not None:
            return rows.filter(ColumnExpression("valid"))
        case "distinct":
            return rows.distinct()
        case "level 2":
            is_mine = ColumnExpression("layer") == ConstantExpression(2)
            root, leaf = ColumnExpression("node_id"), ColumnExpression("leaf_id")
            return (
                rows.filter(is_mine)
                .select(root.alias("root_id"), leaf.alias("l2_id"))
                .distinct()
            )
        case "one per id":
            rest = [one for one in held.shape.stored_columns if one != "id"]
            first = [
                FunctionExpression("first", ColumnExpression(one)).alias(one)
                for one in rest
            ]
            return rows.aggregate([ColumnExpression("id"), *first]).select(
                *map(ColumnExpression, held.shape.stored_columns)
            )
        case _:
            return rows


def _stored(connection: duckdb.DuckDBPyConnection, held: HeldRows) -> DuckDBPyRelation:
    return every(connection, held).select(
        *map(ColumnExpression, held.shape.stored_columns)
    )


def _cells(connection: duckdb.DuckDBPyConnection, source: Source) -> DuckDBPyRelation:
    """Return ``cell_id``, ``root_id`` and ``supervoxel_id``, an entry a row."""
    made: list[DuckDBPyRelation] = []
    for part in source.parts:
        rows = _stored(connection, part.held)
        if part.held.shape.kind == "table" and part.held.shape.column("valid"):
            rows = rows.filter(ColumnExpression("valid"))
        entries = rows.select(
            ColumnExpression(part.cell_column).alias("cell_id"),
            ColumnExpression("pt_root_id").alias("root_id"),
            ColumnExpression("pt_supervoxel_id").alias("supervoxel_id"),
        )
        # An alternative point stands in for the nucleus's own.
        made = [_without(one, entries) for one in made]
        made.append(entries)
    return reduce(DuckDBPyRelation.union, made)


def _without(rows: DuckDBPyRelation, others: DuckDBPyRelation) -> DuckDBPyRelation:
    same = ColumnExpression("rows", "cell_id") == ColumnExpression("others", "cell_id")
    return rows.set_alias("rows").join(
        others.set_alias("others"),
        same,  # pyright: ignore[reportArgumentType]  duckdb's == is an expression
        how="anti",
    )
