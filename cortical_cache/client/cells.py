"""``client.cell_id_to_root_id`` and ``root_id_to_cell_id``: ids in, a DataFrame out."""

from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from cortical_cache.errors import InvalidQueryError
from cortical_cache.model.ids import MISSING, as_ids
from cortical_cache.repositories.answered import Answered
from cortical_cache.repositories.cellmaps import NONE
from cortical_cache.repositories.live import utc

if TYPE_CHECKING:
    from cortical_cache.repositories.dataset import Repositories

__all__ = ["Missing", "cell_id_to_root_id", "root_id_to_cell_id"]

Missing = Literal["raise", "na"]

Ints = npt.NDArray[np.int64]


def cell_id_to_root_id(  # noqa: PLR0913  see Client.cell_id_to_root_id
    repositories: "Repositories",
    cell_ids: object,
    *,
    timestamp: object,
    version: int | None,
    filter_empty: bool,
    omit_multiple: bool,
) -> pd.DataFrame:
    """See `Client.cell_id_to_root_id`."""
    asked = _ids(cell_ids, "cell_ids")
    unique = np.unique(asked)
    before = repositories.origin.answers
    moment = None if timestamp is None else utc(timestamp)
    number = repositories.versions.resolve(version)
    found, roots = repositories.cells.roots_of(unique, number, moment)
    if omit_multiple:
        mapped = _one_each(unique, found, roots)
        index = asked
        values = mapped[np.searchsorted(unique, asked)]
    else:
        index, values = _all_of(asked, found, roots)
    frame = pd.DataFrame({"root_id": values}, index=pd.Index(index))
    _sign(frame, repositories, before, number if moment is None else None)
    return frame[frame["root_id"] != NONE] if filter_empty else frame


def root_id_to_cell_id(
    repositories: "Repositories",
    root_ids: object,
    *,
    filter_empty: bool,
    missing: Missing,
) -> pd.DataFrame:
    """See `Client.root_id_to_cell_id`."""
    asked = _ids(root_ids, "root_ids")
    unique, back = np.unique(asked, return_inverse=True)
    before = repositories.origin.answers
    cells = repositories.cells.cells_of(unique)
    open_ones = cells == MISSING
    if open_ones.any() and missing == "raise":
        raise repositories.cells.undecided(unique[open_ones])
    values = cells[back]
    if missing == "na":
        column = pd.array(values, dtype="Int64")
        column[values == MISSING] = pd.NA
        frame = pd.DataFrame({"cell_id": column}, index=pd.Index(asked))
    else:
        frame = pd.DataFrame({"cell_id": values}, index=pd.Index(asked))
    _sign(frame, repositories, before, None)
    if filter_empty:
        return frame[(frame["cell_id"] != NONE).fillna(value=True)]
    return frame


def _sign(
    frame: pd.DataFrame, repositories: "Repositories", before: int, version: int | None
) -> None:
    """Say whether the server was asked since it had answered `before` requests."""
    source = "server" if repositories.origin.answers > before else "store"
    told = Answered(source, version, None, "cells and their roots")
    repositories.tables.last = told
    frame.attrs["cortical_cache"] = told.note()


def _ids(values: object, name: str) -> Ints:
    """Return ids as an array, in order, repeats kept; see `as_ids`."""
    is_list = getattr(values, "ndim", 0) == 1
    if is_list and str(getattr(values, "dtype", "")) == "int64":  # by the million
        return np.array(values, np.int64)
    try:
        return np.array(as_ids(values, name), np.int64)
    except OverflowError as error:
        raise InvalidQueryError(f"{name} must have 63 bits at most") from error


def _one_each(cells: Ints, found: Ints, roots: Ints) -> Ints:
    """Return one root for each cell: `NONE` for no entry, or for different ones."""
    mapped = np.full(len(cells), NONE, np.int64)
    order = np.lexsort((roots, found))
    found, roots = found[order], roots[order]
    first = np.searchsorted(found, cells, "left")
    last = np.searchsorted(found, cells, "right") - 1
    there = first <= last
    one = there.copy()
    one[there] = roots[first[there]] == roots[last[there]]
    mapped[one] = roots[first[one]]
    return mapped


def _all_of(asked: Ints, found: Ints, roots: Ints) -> tuple[Ints, Ints]:
    """Return every root of each cell, in the order asked."""
    order = np.lexsort((roots, found))
    found, roots = found[order], roots[order]
    first = np.searchsorted(found, asked, "left")
    count = np.searchsorted(found, asked, "right") - first
    shown = np.maximum(count, 1)
    index = np.repeat(asked, shown)
    offsets = np.arange(len(index)) - np.repeat(np.cumsum(shown) - shown, shown)
    place = np.repeat(first, shown) + offsets
    has = np.repeat(count > 0, shown)
    values = np.full(len(index), NONE, np.int64)
    values[has] = roots[place[has]]
    return index, values
