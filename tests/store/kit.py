"""A small cortex to put into a store, and disks that fail. Not a test."""

import errno
import os
import signal
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from io import BufferedWriter
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cortical_cache.model.coverage import Keys, Piece
from cortical_cache.model.held import HeldRows
from cortical_cache.model.shape import Column, ColumnType, TableShape
from cortical_cache.store import (
    DatasetStore,
    Disk,
    Provenance,
    RowSet,
    Store,
    SweepReport,
)

SERVER = "https://global.example.org"
SHAPE = TableShape(
    "synapses",
    "table",
    tuple(Column(name, ColumnType.BIGINT) for name in ("id", "pre", "post")),
    is_merged=True,
    voxel_resolution=(4.0, 4.0, 40.0),
)
PROVENANCE = Provenance("cave", SERVER, datetime(2026, 11, 22, tzinfo=UTC))

# The whole table, as the server has it: root 0 is real, and NULL is a root nobody asks
# for. Ids are of the size that one pass through float64 would spoil.
FIRST = 864691135336055500
CORTEX = [
    (FIRST + number, FIRST + number % 5, None if number % 7 == 0 else number % 4)
    for number in range(60)
]


def table(rows: Iterable[tuple[int, int, int | None]]) -> pa.Table:
    """Rows of (id, pre, post) as Arrow."""
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    return pa.table(
        {
            name: pa.array(values, pa.int64())
            for name, values in zip(("id", "pre", "post"), columns, strict=True)
        }
    )


def rows_of(column: str, keys: Iterable[int]) -> pa.Table:
    """What the server answers for all rows with ``column`` in `keys`."""
    place, wanted = ("id", "pre", "post").index(column), set(keys)
    return table(row for row in CORTEX if row[place] in wanted)


def pieces(held: HeldRows | None) -> tuple[Piece, ...]:
    """What is held; nothing of None."""
    return () if held is None else held.pieces


def ids(held: HeldRows | None) -> list[int]:
    """Ids of the rows that are held, read by other code than the store's."""
    found: list[int] = []
    for piece in pieces(held):
        for file in piece.files:
            rows = pq.read_table(file)
            if piece.key_column is not None:
                keys = pa.array(sorted(piece.keys), pa.int64())
                rows = rows.filter(pc.is_in(rows[piece.key_column], keys))
            found += rows["id"].to_pylist()
    return sorted(found)


def files_under(root: Path) -> set[Path]:
    """All files but those whose time says when something was read."""
    return {path for path in root.rglob("*") if path.is_file() and path.name != "used"}


def open_dataset(root: Path, disk: Disk | None = None) -> DatasetStore:
    return Store(root, disk).dataset("minnie", datastack="minnie65", server=SERVER)


def open_synapses(root: Path, disk: Disk | None = None) -> RowSet:
    return open_dataset(root, disk).rows("table", "synapses", 1300)


def append_table(
    rows: RowSet, column: str, keys: Iterable[int], values: pa.Table
) -> str:
    commit = rows.append(
        values,
        shape=SHAPE,
        coverage=Keys(column, frozenset(keys)),
        provenance=PROVENANCE,
    )
    return commit.id


def append_keys(rows: RowSet, column: str, keys: Iterable[int]) -> str:
    wanted = frozenset(keys)
    return append_table(rows, column, wanted, rows_of(column, wanted))


def sweep_later(root: Path, disk: Disk | None = None) -> SweepReport:
    """Sweep as if a year had passed."""
    return Store(root, disk).sweep(datetime.now(UTC) + timedelta(days=365))


class CountingDisk(Disk):
    """Calls `before(number, operation, arguments)` ahead of every change."""

    def __init__(self, before: Callable[[int, str, tuple[object, ...]], None]) -> None:
        super().__init__()
        self.operations = 0
        self._before = before

    def _step(self, operation: str, *arguments: object) -> None:
        self.operations += 1
        self._before(self.operations, operation, arguments)

    def create(self, path: Path) -> BufferedWriter:
        self._step("create", path)
        return super().create(path)

    def write(self, file: BinaryIO, data: bytes | memoryview) -> None:
        half = len(data) // 2
        super().write(file, data[:half])
        self._step("write", file)
        super().write(file, data[half:])

    def sync(self, file: BinaryIO) -> None:
        self._step("sync", file)
        super().sync(file)

    def rename(self, source: Path, target: Path) -> None:
        self._step("rename", source, target)
        super().rename(source, target)

    def link(self, source: Path, target: Path) -> None:
        self._step("link", source, target)
        super().link(source, target)

    def sync_folder(self, path: Path) -> None:
        self._step("sync_folder", path)
        super().sync_folder(path)

    def make_folder(self, path: Path) -> None:
        self._step("make_folder", path)
        super().make_folder(path)

    def touch(self, path: Path) -> None:
        self._step("touch", path)
        super().touch(path)

    def remove(self, path: Path) -> None:
        self._step("remove", path)
        super().remove(path)


def full_disk(at: int, *, for_ever: bool) -> CountingDisk:
    """A disk with no space at its operation number `at`, and ever after or not."""

    def before(number: int, operation: str, _: tuple[object, ...]) -> None:
        due = number >= at if for_ever else number == at
        if due and operation not in {"remove", "touch"}:
            raise OSError(errno.ENOSPC, "No space left on device")

    return CountingDisk(before)


def deadly_disk(at: int) -> CountingDisk:
    """A disk that ends the process, unannounced, at its operation number `at`."""

    def before(number: int, operation: str, arguments: tuple[object, ...]) -> None:
        if number == at:
            if operation == "write" and isinstance(arguments[0], BufferedWriter):
                arguments[0].flush()  # half of the bytes get there
            os.kill(os.getpid(), signal.SIGKILL)

    return CountingDisk(before)
