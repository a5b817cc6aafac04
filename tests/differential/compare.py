"""Compare answers as sets of rows, and everything else to the letter."""

import ast
from collections import Counter

import numpy as np
import pandas as pd

NAN = "NaN"  # equal to itself, unlike the number


def multiset(answer) -> Counter:
    """Return the rows of a frame or of records, regardless of their order."""
    if isinstance(answer, list):
        return Counter(
            tuple(sorted((key, comparable(one)) for key, one in record.items()))
            for record in answer
        )
    names = sorted(answer.columns)
    columns = [[(name, comparable(one)) for one in answer[name]] for name in names]
    if not columns:
        return Counter([()] * len(answer))
    return Counter(zip(*columns, strict=True))


def comparable(cell):
    """Return what can be hashed, is equal to itself, and tells types apart."""
    if isinstance(cell, np.ndarray):
        return str(cell.dtype), cell.shape, tuple(map(comparable, cell.tolist()))
    if cell is None or cell is pd.NA or cell is pd.NaT:
        return "missing"
    if isinstance(cell, float | np.floating) and cell != cell:
        return NAN
    if isinstance(cell, bool | np.bool_):
        return "bool", bool(cell)
    return cell


def without_columns(answer, name: str):
    """Drop a column, or the three of a split position."""
    gone = {name, *(f"{name}_{axis}" for axis in "xyz")}
    if isinstance(answer, list):
        return [{k: v for k, v in one.items() if k not in gone} for one in answer]
    attrs = answer.attrs
    kept = answer[[column for column in answer.columns if column not in gone]]
    kept.attrs = attrs
    return kept


def same_answer(question, answer, expected, *, attrs: bool) -> None:
    """Assert that an answer is the one expected, its ``attrs`` too unless told not to.

    A ``limit`` or ``offset`` chooses any of the rows.
    """
    found = multiset(answer)
    assert not found - expected.rows, "rows that caveclient does not have"
    assert expected.size in {None, found.total()}, "as many rows as caveclient"
    sample = expected.sample
    assert type(answer) is type(sample)
    if isinstance(answer, list):
        return
    if question.is_join:
        assert sorted(answer.columns) == sorted(sample.columns)
    else:
        assert list(answer.columns) == list(sample.columns)
    # An empty answer has other types; and of a view, those of each column depend on
    # whether the rows that happen to be there have a value.
    is_view = question.method == "query_view"
    same_rows = found == multiset(sample)
    if same_rows or (not is_view and bool(len(answer)) == bool(len(sample))):
        names = [name for name in answer if not (is_view and _may_be_nan(sample, name))]
        differ = _differing(
            answer[names].dtypes.to_dict(), sample[names].dtypes.to_dict()
        )
        assert not differ, f"other dtypes: {differ}"
    if question.method == "synapse_query" and question.get("remove_autapses", True):
        # the places of the rows that stay, in whatever order they came
        assert answer.index.is_monotonic_increasing
    else:
        pd.testing.assert_index_equal(answer.index, pd.RangeIndex(len(answer)))
    if not attrs:
        return
    unlike = expected.unlike
    differ = _differing(_attrs(answer, unlike), _attrs(sample, unlike))
    assert not differ, f"other attrs: {differ}"


def _differing(found: dict, wanted: dict) -> dict:
    """Return what either has and the other has not, for the message."""
    nothing = object()
    return {
        key: (found.get(key), wanted.get(key))
        for key in found.keys() | wanted.keys()
        if found.get(key, nothing) != wanted.get(key, nothing)
    }


def _may_be_nan(sample: pd.DataFrame, name: str) -> bool:
    """Whether a column without values has a type for the NaN that no reply shows."""
    return bool(sample[name].isna().all()) and str(sample[name].dtype) == "Float64"


def _attrs(frame: pd.DataFrame, unlike: frozenset[str]) -> dict:
    unlike = unlike | {"cortical_cache"}
    attrs = {key: one for key, one in frame.attrs.items() if key not in unlike}
    if (
        "column_names" in attrs and attrs["join_query"]
    ):  # the order of its tables is a matter of chance
        attrs["column_names"] = ast.literal_eval(attrs["column_names"])
    return attrs
