"""Rows of a dump on their way into sorted files, in bounded memory.

Up to one file's rows stay in memory and become one copy by id. More go to disk as
sorted runs, once for each root column, while the dump is still coming.
"""

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from cortical_cache.cache.pages import sort_orders
from cortical_cache.model.shape import Column, ColumnType, TableShape
from cortical_cache.store.runs import Runs, in_order

__all__ = ["Stage", "shape_of"]

_ROWS_PER_RUN = 1_000_000
_INTEGERS = {ColumnType.BIGINT, ColumnType.INTEGER}


class Stage:
    """Collects the rows of one dump.

    Parameters
    ----------
    folder : Path
        For the runs; exists.
    schema : pyarrow.Schema
        Of every batch.
    shape : TableShape
    rows_per_file : int
    """

    def __init__(
        self,
        folder: Path,
        schema: pa.Schema,
        shape: TableShape,
        rows_per_file: int,
    ) -> None:
        self._folder = folder
        self._schema = schema
        self.shape = shape
        self._rows_per_file = rows_per_file
        self._blocks: list[pa.RecordBatch] = []
        self._waiting = 0
        self._runs: dict[tuple[str, ...], Runs] = {}
        self.rows = 0
        self.valid = 0

    @property
    def orders(self) -> list[tuple[str, ...]]:
        """The orders of the copies, the first one first."""
        orders = sort_orders(self.shape, self.rows, self._rows_per_file)
        return [tuple(filter(self._is_integer, order)) for order in orders]

    def add(self, batch: pa.RecordBatch) -> None:
        """Take some rows."""
        self.rows += batch.num_rows
        self.valid += _valid(batch)
        self._waiting += batch.num_rows
        self._blocks.append(batch)
        if self._waiting >= _ROWS_PER_RUN and self.rows > self._rows_per_file:
            self._flush()

    def tables(self, order: tuple[str, ...]) -> Generator[pa.Table]:
        """Yield all rows in one of the orders; at least one table."""
        if not self._runs:
            yield in_order(self._take(), order)
            return
        if self._waiting:
            self._flush()
        yield from self._runs[order].tables()
        self._runs[order].close()

    def close(self) -> None:
        """Remove what lies on disk."""
        for runs in self._runs.values():
            runs.close()

    def _flush(self) -> None:
        if not self._runs:
            self._runs = {order: Runs(self._folder, order) for order in self.orders}
        table = self._take()
        for runs in self._runs.values():
            runs.add(table)
        self._blocks.clear()
        self._waiting = 0

    def _take(self) -> pa.Table:
        return pa.Table.from_batches(self._blocks, self._schema)

    def _is_integer(self, name: str) -> bool:
        column = self.shape.column(name)
        return column is not None and column.type in _INTEGERS


def shape_of(name: str, columns: Sequence[Column]) -> TableShape:
    """Return the shape of a dump.

    Points are as the database has them: in voxels of their table, whatever those are.
    """
    names = {column.name for column in columns}
    return TableShape(
        name=name,
        kind="table",
        columns=tuple(columns),
        is_merged="created" not in names,
        voxel_resolution=(1.0, 1.0, 1.0),
    )


def _valid(batch: pa.RecordBatch) -> int:
    """Count the rows that queries show: all, unless a column ``valid`` says which."""
    if "valid" not in batch.schema.names:
        return batch.num_rows
    column = cast("Any", batch.column("valid"))
    return int(pc.sum(column).as_py() or 0) if pa.types.is_boolean(column.type) else 0
