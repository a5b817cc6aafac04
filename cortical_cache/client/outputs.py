"""The forms in which rows are given to the user."""

from typing import TYPE_CHECKING, Any, Literal

from cortical_cache.errors import InvalidQueryError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["Output", "check_output", "converted", "to_pandas"]

Output = Literal["pandas", "arrow", "polars", "duckdb"]

_OUTPUTS = ("pandas", "arrow", "polars", "duckdb")


def check_output(output: str) -> None:
    """Refuse an output that there is none of, before any work is done.

    Raises
    ------
    InvalidQueryError
    """
    if output not in _OUTPUTS:
        raise InvalidQueryError(
            f"output {output!r} is none of {', '.join(map(repr, _OUTPUTS))}"
        )


def converted(table: "pa.Table", output: Output) -> "pa.Table | object":
    """Return the rows in another form than pandas; ids and NULL stay what they are.

    Raises
    ------
    ConfigurationError
        If polars is asked for and not installed.
    """
    match output:
        case "polars":
            return _polars(table)
        case "duckdb":
            from cortical_cache.engine.relation import relation

            return relation(table)
        case _:
            return table


def _polars(table: "pa.Table") -> object:
    try:
        import polars as pl
    except ImportError as error:
        from cortical_cache.errors import ConfigurationError

        message = "output='polars' needs polars: pip install polars"
        raise ConfigurationError(message) from error
    return pl.from_arrow(table)


def to_pandas(table: "pa.Table") -> "pd.DataFrame":
    """Return a frame whose dtypes follow from the columns' types, not the values.

    Numbers and booleans have pandas' nullable dtypes, so NULL is ``<NA>`` and an id
    beside it stays exact. A list is a NumPy array; where NULL is among the integers of
    a column of lists these are lists, with None.
    """
    import pandas as pd
    import pyarrow as pa

    types: dict[pa.DataType, Any] = {
        pa.int8(): pd.Int8Dtype(),
        pa.int16(): pd.Int16Dtype(),
        pa.int32(): pd.Int32Dtype(),
        pa.int64(): pd.Int64Dtype(),
        pa.uint8(): pd.UInt8Dtype(),
        pa.uint16(): pd.UInt16Dtype(),
        pa.uint32(): pd.UInt32Dtype(),
        pa.uint64(): pd.UInt64Dtype(),
        pa.float32(): pd.Float32Dtype(),
        pa.float64(): pd.Float64Dtype(),
        pa.bool_(): pd.BooleanDtype(),
        pa.string(): pd.StringDtype("python"),
    }
    frame = table.to_pandas(types_mapper=types.get)
    for place, column in enumerate(table.columns):
        if any(map(_loses_digits, column.chunks)):
            values: Any = pd.Series(column.to_pylist(), frame.index, object)
            frame.isetitem(place, values)
    return frame


def _loses_digits(values: "pa.Array[Any]", *, in_list: bool = False) -> bool:
    """Tell whether NumPy would make floats of integers, because NULL is among them."""
    import pyarrow.types as pt

    kind: Any = values.type
    rows: Any = values
    if pt.is_integer(kind):
        return in_list and values.null_count > 0
    if pt.is_struct(kind):
        return any(map(_loses_digits, rows.flatten()))
    if pt.is_map(kind):
        return _loses_digits(rows.keys) or _loses_digits(rows.items)
    if pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind):
        return _loses_digits(rows.flatten(), in_list=True)
    return False
