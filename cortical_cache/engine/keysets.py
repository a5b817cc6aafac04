"""How sets of keys reach DuckDB: decided here and nowhere else.

``python benchmarks/bench_sql.py keys`` measures the ways anew on the DuckDB that is
installed. On 1.5.6, 20 M synapses sorted by root, rows of 100 and of 1,000 scattered
roots, CPU-ms: a join that hands its keys to the scan 53 and 253, one that hands over
nothing but their range 292 and 318, a list of constants 51 and 246 (and 4 us each to
build). Beyond 10,000 keys every row group has one of them, and checking costs more.
"""

from collections.abc import Collection, Sequence
from typing import Any

import duckdb
import pyarrow as pa
from duckdb import ColumnExpression, ConstantExpression, DuckDBPyRelation

__all__ = ["FEW", "HANDED_OVER", "among", "key_table"]

FEW = 64
"""Keys that are written out: a table of keys costs a millisecond."""

HANDED_OVER = 10_000
"""Keys of the small side of a join up to which DuckDB checks each row group of the
large side for them before it reads it. DuckDB's own default is 50."""


def key_table(
    connection: duckdb.DuckDBPyConnection, keys: Sequence[Any], name: str
) -> DuckDBPyRelation:
    """Return keys as a relation with one BIGINT column of that name."""
    return connection.from_arrow(pa.table({name: pa.array(keys, pa.int64())}))


def among(
    connection: duckdb.DuckDBPyConnection,
    rows: DuckDBPyRelation,
    column: str,
    keys: Collection[Any],
    how: str = "semi",
) -> DuckDBPyRelation:
    """Return the rows whose column is one of the keys; of an anti join the others.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        That the rows are of.
    rows : duckdb.DuckDBPyRelation
    column : str
        Of integers.
    keys : collection of int
    how : {"semi", "anti"}
    """
    if how == "semi" and not keys:
        return rows.limit(0)
    if how == "semi" and len(keys) <= FEW:
        return rows.filter(
            ColumnExpression(column).isin(*map(ConstantExpression, keys))
        )
    wanted = key_table(connection, [*keys], "key").set_alias("wanted")
    same = ColumnExpression("rows", column) == ColumnExpression("wanted", "key")
    return rows.set_alias("rows").join(wanted, same, how=how)  # pyright: ignore[reportArgumentType]  an expression is a condition
