"""Read exports in Parquet, feather and Delta Lake: typed already, made canonical.

Positions come as three columns, or as WKB, or both in one table; ids may be unsigned;
what a lake was partitioned by is of the lake, not of the table. What came in whole
voxels or as Float32 was rounded before, and by which rule nobody says: a Delta export
of MaterializationEngine cuts off positions that queries round.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, cast

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import feather

from cortical_cache.errors import SourceError
from cortical_cache.model.export import Export
from cortical_cache.model.shape import AXES, Column, ColumnType
from cortical_cache.sources.buckets.bucket import Bucket
from cortical_cache.sources.buckets.download import open_object
from cortical_cache.sources.dumps.columns import stored_schema
from cortical_cache.sources.dumps.deltalog import DeltaFile, replay
from cortical_cache.sources.dumps.ewkb import points
from cortical_cache.sources.dumps.reader import Came, Spool, present
from cortical_cache.sources.limits import check_rows

__all__ = ["ColumnarDump", "open_columnar"]

Values: TypeAlias = "pa.Array[Any]"

_ROWS = 131_072
_PARTITION = "_partition"


@dataclass(frozen=True, slots=True)
class _Source:
    bucket: Bucket
    export: Export
    spool: Spool
    came: Came


class ColumnarDump:
    """Files of one schema, brought one after another.

    Made by `open_columnar`.
    """

    def __init__(
        self, source: _Source, files: Sequence[DeltaFile], proof: dict[str, str]
    ) -> None:
        self._source = source
        self._files = files
        self._proof = proof
        self._before = 0
        self._rounded: set[str] = set()
        self._first = self._bring(files[0]) if files else None
        schema = pa.schema([])
        if self._first is not None:
            with _reading(self._where(files[0])):
                schema = self._schema(self._first)
        self.columns = _columns(schema, source.export)
        self._stored = stored_schema(self.columns)

    def batches(self) -> Generator[pa.RecordBatch]:
        """Yield every row.

        Raises
        ------
        SourceError
            If a file is damaged, differs in its columns, has not as many rows as the
            log says, or one with more text than any row has.
        """
        for number, file in enumerate(self._files):
            first = self._first if number == 0 else None
            path = first or self._bring(file)
            rows = 0
            with _reading(self._where(file)):
                for batch in _read(path, self._source.export):
                    check_rows(batch, self._where(file))
                    rows += batch.num_rows
                    yield self._canonical(batch)
            if file.rows is not None and rows != file.rows:
                raise SourceError(
                    f"{self._where(file)} has {rows:,} rows, its log says {file.rows:,}"
                )

    def check(self) -> dict[str, str]:
        """Prove that no newer version came meanwhile; each file is checked already.

        Of columns that are not the database's own values it gives the names, a line
        each, under ``rounded``.

        Raises
        ------
        SourceError
            If the Delta table changed.
        """
        export = self._source.export
        if export.layout == "delta":
            now = replay(self._source.bucket, export.filepath_base)
            if str(now.version) != self._proof["delta_version"]:
                raise SourceError(f"{export.url} changed while it was read; run again")
        rounded = {"rounded": "\n".join(sorted(self._rounded))} if self._rounded else {}
        return {**self._proof, **rounded, "files": str(len(self._files))}

    def close(self) -> None:
        """Do nothing: no file stays open."""

    def _where(self, file: DeltaFile) -> str:
        return f"{self._source.bucket.location}/{file.path}"

    def _bring(self, file: DeltaFile) -> Path:
        """Return a file once it is on this disk, whole and checked."""
        source = self._source
        entry = present(source.bucket, file.path)
        if entry.size != file.size:
            raise SourceError(
                f"{self._where(file)} has {entry.size} bytes, its log says {file.size}"
            )
        spool = source.spool(entry.name, entry.generation)
        before = self._before
        download = open_object(
            source.bucket, entry, spool, lambda come: source.came(before + come)
        )
        try:
            proof = download.check()
            if source.export.layout != "delta":
                self._proof.update(proof)
        finally:
            download.close()
        self._before += entry.size
        return source.bucket.path(entry.name) if source.bucket.is_local else spool

    def _schema(self, path: Path) -> pa.Schema:
        if self._source.export.layout == "feather":
            return cast("Any", feather).read_table(path, memory_map=True).schema
        return pq.read_schema(path)

    def _canonical(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        arrays: list[Values] = []
        where = self._source.export.url
        names = set(batch.schema.names)
        for column in self.columns:
            if column.type is ColumnType.POINT and column.name in names:
                values = cast("Values", batch.column(column.name)).cast(pa.binary())
                arrays += points(values, f"{where}, column {column.name}")
                continue
            for stored in column.stored:
                if stored not in names:
                    raise SourceError(f"{where}: a file lacks the column {stored}")
                values = cast("Values", batch.column(stored))
                if _is_rounded(column, values.type):
                    self._rounded.add(column.name)
                arrays.append(_cast(values, self._stored, stored))
        return pa.RecordBatch.from_arrays(arrays, schema=self._stored)


def open_columnar(
    bucket: Bucket, export: Export, spool: Spool, came: Came
) -> ColumnarDump:
    """Open a Parquet or feather file, or a Delta table, to read it once.

    Raises
    ------
    SourceError
        If something of it is not there, or it cannot be read here.
    """
    source = _Source(bucket, export, spool, came)
    if export.layout != "delta":
        entry = present(bucket, export.datapath)
        return ColumnarDump(source, [DeltaFile(entry.name, entry.size, {}, None)], {})
    table = replay(bucket, export.filepath_base)
    kept = [one for one in table.partition_columns if not one.endswith(_PARTITION)]
    if kept:
        raise SourceError(f"{export.url} is partitioned by {', '.join(kept)}: not read")
    files = [
        DeltaFile(f"{export.filepath_base}/{one.path}", one.size, {}, one.rows)
        for one in table.files.values()
    ]
    if not files:
        raise SourceError(f"{export.url} has no files")
    return ColumnarDump(source, files, {"delta_version": str(table.version)})


@contextmanager
def _reading(where: str) -> Generator[None]:
    """Say which file it is that cannot be read."""
    try:
        yield
    except SourceError:  # an OSError, too
        raise
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{where} is damaged: {error}") from error


def _read(path: Path, export: Export) -> Generator[pa.RecordBatch]:
    if export.layout == "feather":
        table: pa.Table = cast("Any", feather).read_table(path, memory_map=True)
        yield from table.to_batches(_ROWS)
        return
    with pq.ParquetFile(path) as file:
        yield from file.iter_batches(_ROWS)


def _columns(schema: pa.Schema, export: Export) -> tuple[Column, ...]:
    found: list[Column] = []
    names: list[str] = schema.names
    for index, name in enumerate(names):
        base = name[:-2]
        if name.endswith(_PARTITION):
            continue
        if names[index : index + 3] == [f"{base}_{axis}" for axis in AXES]:
            found.append(Column(base, ColumnType.POINT))
        elif name[-2:] in {"_y", "_z"} and any(one.name == base for one in found):
            continue
        else:
            kind = cast("pa.DataType", schema.field(name).type)
            found.append(Column(name, _type(kind, name, export)))
    if not found:
        raise SourceError(f"{export.url} has no columns")
    return tuple(found)


def _type(kind: pa.DataType, name: str, export: Export) -> ColumnType:
    if pa.types.is_dictionary(kind):
        kind = cast("Any", kind).value_type
    if pa.types.is_integer(kind):
        is_long = kind in {pa.int64(), pa.uint64(), pa.uint32()}
        return ColumnType.BIGINT if is_long else ColumnType.INTEGER
    tests = [
        (pa.types.is_floating, ColumnType.DOUBLE),
        (pa.types.is_boolean, ColumnType.BOOLEAN),
        (pa.types.is_timestamp, ColumnType.TIMESTAMP),
        (pa.types.is_string, ColumnType.VARCHAR),
        (pa.types.is_large_string, ColumnType.VARCHAR),
        (pa.types.is_binary, ColumnType.POINT),
        (pa.types.is_large_binary, ColumnType.POINT),
    ]
    for test, found in tests:
        if test(kind):
            return found
    raise SourceError(f"{export.url}: column {name} has the type {kind}, not read here")


def _is_rounded(column: Column, sent: pa.DataType) -> bool:
    """Tell whether a column has less in a file than the database's doubles."""
    if column.type not in {ColumnType.POINT, ColumnType.DOUBLE}:
        return False
    return not pa.types.is_float64(sent)


def _cast(values: Values, schema: pa.Schema, name: str) -> Values:
    target = cast("pa.DataType", schema.field(name).type)
    if pa.types.is_timestamp(values.type) and values.type.tz is None:
        values = values.cast(pa.timestamp("us"))
    return values.cast(target)
