"""How sets of keys reach DuckDB: decided here and nowhere else.

``python -m benchmarks --only sql/keys`` measures the ways anew on the DuckDB that is
installed. On 1.5.6, 20 M synapses sorted by root in 620 row groups, CPU-ms of a join
with scattered roots that hands its keys to the scan, and of one that hands over nothing
but their range: 64 keys 39 and 259, 300 keys 133 and 277, 1,000 keys 238 and 301, 2,000
keys 296 and 300, 3,000 keys 328 and 312. 2,000 of them lie in 583 of the row groups;
beyond, checking costs more than it saves. A list of constants is as good as handing
over, but 4 us each to build.
"""

from collections.abc import Collection, Sequence
from typing import Any

import duckdb
import pyarrow as pa
from duckdb import ColumnExpression, ConstantExpression, DuckDBPyRelation

__all__ = ["FEW", "HANDED_OVER", "among", "key_table"]

FEW = 64
"""Keys that are written out: a table of keys costs a millisecond."""

HANDED_OVER = 2_000
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
