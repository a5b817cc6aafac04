"""Cut a large table into parts so that no value of a column is in two of them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pyarrow.parquet as pq

from cortical_cache.model.coverage import Piece
from cortical_cache.model.sql import Source

__all__ = ["parts"]


def parts(source: Source, column: str) -> list[Source]:
    """Return sources that together have each row once.

    Parameters
    ----------
    source : Source
        It comes back as it is unless it is of files that are sorted by the column.
    column : str
        Of integers. Rows with NULL may be in several parts.
    """
    (part, *others) = source.parts
    files = [file for piece in part.held.pieces for file in piece.files]
    is_plain = not others and all(one.key_column is None for one in part.held.pieces)
    if not is_plain:
        return [source]
    footers = {file: pq.read_metadata(file) for file in files}
    if not all(_is_sorted(one, column) for one in footers.values()):
        return [source]
    made: list[Source] = []
    for group in _apart([(_span(one, column), file) for file, one in footers.items()]):
        held = replace(part.held, pieces=(Piece(tuple(group)),))
        made.append(replace(source, parts=(replace(part, held=held),)))
    return made


def _apart(files: Sequence[tuple[tuple[int, int] | None, str]]) -> list[list[str]]:
    """Group files that share a value; None: a file that has no value at all."""
    groups = [[file] for span, file in files if span is None]
    last: int | None = None
    for (low, high), file in sorted((span, file) for span, file in files if span):
        if last is not None and low <= last:
            groups[-1].append(file)
        else:
            groups.append([file])
        last = high if last is None else max(last, high)
    return groups


def _is_sorted(footer: pq.FileMetaData, column: str) -> bool:
    order = footer.row_group(0).sorting_columns if footer.num_row_groups else ()
    names = footer.schema.names
    return bool(order) and names[order[0].column_index] == column


def _span(footer: pq.FileMetaData, column: str) -> tuple[int, int] | None:
    place = footer.schema.names.index(column)
    groups = [footer.row_group(one) for one in range(footer.num_row_groups)]
    told: list[Any] = [one.column(place).statistics for one in groups]
    known = [one for one in told if one is not None and one.has_min_max]
    if not known:
        return None
    return min(one.min for one in known), max(one.max for one in known)
