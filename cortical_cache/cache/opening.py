"""Open an export of any layout."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from cortical_cache.cache.pairs import PairDump
from cortical_cache.model.export import Export
from cortical_cache.model.shape import ColumnType
from cortical_cache.sources.buckets.bucket import Bucket
from cortical_cache.sources.dumps.columnar import open_columnar
from cortical_cache.sources.dumps.reader import Dump, Spool, open_csv

__all__ = ["open_export"]


def open_export(
    export: Export,
    known: Mapping[str, ColumnType],
    folder: Path,
    spool: Spool,
    came: Callable[[str, int], object],
) -> Dump:
    """Open an export to read it once.

    Parameters
    ----------
    export : Export
    known : mapping of str to ColumnType
        Types of columns, for a header that has none.
    folder : Path
        For what has to be sorted on disk.
    spool : callable
        Where the bytes of an object are kept.
    came : callable
        Told of each object how many bytes have come.

    Raises
    ------
    SourceError
        If something of it is not there.
    """
    bucket = Bucket(export.location)
    base, part = export.filepath_base, export.part
    if export.layout != "csv":
        return open_columnar(bucket, export, spool, partial(came, base))
    left = open_csv(bucket, export, base, known, spool, partial(came, base))
    if part is None:
        return left
    try:
        right = open_csv(bucket, export, part, known, spool, partial(came, part))
        return PairDump(left, right, folder, export.url)
    except BaseException:
        left.close()
        raise
