"""Open an export: its columns, its rows as they come, the proof that they are it."""

from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from cortical_cache.errors import SourceError
from cortical_cache.model.export import Export
from cortical_cache.model.shape import Column, ColumnType
from cortical_cache.sources.buckets.bucket import Bucket, Entry, ObjectGoneError
from cortical_cache.sources.buckets.download import Download, open_object
from cortical_cache.sources.dumps.columns import read_header
from cortical_cache.sources.dumps.csv import csv_batches

__all__ = ["Came", "CsvDump", "Dump", "Spool", "open_csv", "present"]

Came = Callable[[int], object]
"""Told how many bytes have come."""

Spool = Callable[[str, str], Path]
"""Gives the file to keep the bytes of an object in, by path and generation."""

Types = Mapping[str, ColumnType]


class Dump(Protocol):
    """A dump being read, once."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """Its columns in order."""
        ...

    def batches(self) -> Generator[pa.RecordBatch]:
        """Yield every row, as `stored_schema` has the columns."""
        ...

    def check(self) -> dict[str, str]:
        """Prove, after the last row, that it was the object whole and unchanged."""
        ...

    def close(self) -> None:
        """Stop; what has come stays, to go on with."""
        ...


class CsvDump:
    """A gzipped CSV dump with its header file."""

    def __init__(
        self, columns: tuple[Column, ...], download: Download, where: str
    ) -> None:
        self.columns = columns
        self._download = download
        self._where = where

    def batches(self) -> Generator[pa.RecordBatch]:
        """Yield every row."""
        return csv_batches(self._download, self.columns, self._where)

    def check(self) -> dict[str, str]:
        """Prove it; see `Download.check`."""
        return self._download.check()

    def close(self) -> None:
        """Stop bringing it."""
        self._download.close()


def open_csv(  # noqa: PLR0913, PLR0917  what to read, and where its bytes go
    bucket: Bucket, export: Export, base: str, known: Types, spool: Spool, came: Came
) -> CsvDump:
    """Open a CSV dump, or one half of a split pair.

    Raises
    ------
    SourceError
        If data or header are not there, or the header cannot be understood.
    """
    data = present(bucket, f"{base}.csv.gz")
    header = bucket.find(f"{base}_header.csv")
    if header is None:
        raise SourceError(
            f"{export} has no header: there is no {bucket.location}/{base}_header.csv, "
            "and the data do not say what their columns are"
        )
    where = f"{bucket.location}/{header.name}"
    columns = read_header(bucket.read_all(header), where, known)
    download = open_object(bucket, data, spool(data.name, data.generation), came)
    return CsvDump(columns, download, f"{bucket.location}/{data.name}")


def present(bucket: Bucket, path: str) -> Entry:
    """Return an object as it is now.

    Raises
    ------
    ObjectGoneError
        If it is not there.
    """
    entry = bucket.find(path)
    if entry is None:
        raise ObjectGoneError(f"{bucket.location}/{path} is gone, though it was listed")
    return entry
