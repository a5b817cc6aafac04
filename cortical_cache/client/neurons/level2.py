"""Attributes of level-2 ids as caveclient shows them: plain records, or a frame."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cortical_cache.model.level2 import Attribute
from cortical_cache.repositories.level2 import Level2Values

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["as_frame", "as_records", "numbers"]

# caveclient's order of the columns that it splits
_SPLIT = ("rep_coord_nm", "pca", "pca_val", "chunk_intersect_count")


def as_records(
    values: Level2Values, wanted: tuple[Attribute, ...]
) -> dict[str, dict[str, Any]]:
    """Return a record by id (as text); what has no value is left out of it."""
    records: dict[str, dict[str, Any]] = {str(one): {} for one in values.ids.tolist()}
    for attribute in wanted:
        there = values.is_there[attribute.name]
        found = _stacked(values, attribute).tolist()
        for record, is_there, value in zip(
            records.values(), there.tolist(), found, strict=True
        ):
            if is_there:
                record[attribute.name] = value
    return records


def as_frame(
    values: Level2Values, wanted: tuple[Attribute, ...], *, split: bool
) -> "pd.DataFrame":
    """Return a row for each id, with the dtypes that caveclient's frame has.

    Where caveclient has uninitialised memory, or leaves a column out because nobody
    has a value, there are missing values.
    """
    import pandas as pd

    columns = _scalars(values, [one for one in wanted if not one.shape], wanted)
    vectors = [one for one in wanted if one.shape]
    if split:
        vectors.sort(key=lambda one: _SPLIT.index(one.name))
    for one in vectors:
        there = values.is_there[one.name]
        if split:
            for name in one.columns:
                columns[name] = _missing_apart(values.numbers[name], there)
        else:
            cells = np.full(len(there), np.nan, dtype=object)
            for place, value in enumerate(_stacked(values, one).tolist()):
                if there[place]:
                    cells[place] = value
            columns[one.name] = cells
    if not split:
        columns = {one.name: columns[one.name] for one in wanted}
    return pd.DataFrame(columns, index=pd.Index(values.ids, name="l2_id"))


def _scalars(
    values: Level2Values, scalars: list[Attribute], wanted: tuple[Attribute, ...]
) -> dict[str, npt.NDArray[Any]]:
    """Return the columns of numbers: objects if there are lists in the records.

    Else all have one dtype, as pandas finds it for caveclient's dict of records.
    """
    columns = {one.name: numbers(values, one) for one in scalars}
    if any(values.is_there[one.name].any() for one in wanted if one.shape):
        for one in scalars:
            columns[one.name] = _as_objects(columns[one.name], whole=one.is_whole)
    elif any(column.dtype != np.int64 for column in columns.values()):
        columns = {name: one.astype(np.float64) for name, one in columns.items()}
    return columns


def _stacked(values: Level2Values, attribute: Attribute) -> npt.NDArray[Any]:
    """Return the values of an attribute, each in its shape."""
    numbers = [values.numbers[name] for name in attribute.columns]
    return np.stack(numbers, axis=1).reshape(len(values.ids), *attribute.shape)


def numbers(values: Level2Values, attribute: Attribute) -> npt.NDArray[Any]:
    """Return the values of an attribute that is a number; NaN where there is none."""
    found = values.numbers[attribute.name]
    return _missing_apart(found, values.is_there[attribute.name])


def _missing_apart(
    numbers: npt.NDArray[Any], there: npt.NDArray[np.bool_]
) -> npt.NDArray[Any]:
    return numbers if there.all() else np.where(there, numbers, np.nan)


def _as_objects(numbers: npt.NDArray[Any], *, whole: bool) -> npt.NDArray[Any]:
    """Return Python's own numbers; whole ones stay whole beside missing values."""
    if numbers.dtype == np.int64 or not whole:
        return numbers.astype(object)
    found: list[float] = numbers.tolist()
    return np.array([one if np.isnan(one) else int(one) for one in found], object)
