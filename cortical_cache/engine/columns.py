"""Read whole integer columns, without DuckDB."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cortical_cache.model.held import HeldRows

__all__ = ["int_columns"]


def int_columns(
    held: HeldRows, names: Sequence[str], missing: int
) -> list[npt.NDArray[np.int64]]:
    """Return integer columns of all rows that queries show.

    Parameters
    ----------
    held : HeldRows
        Whole.
    names : sequence of str
        Stored columns of type int64.
    missing : int
        Stands for NULL.

    Returns
    -------
    list of numpy.ndarray of int64, one for each name
    """
    has_valid = held.shape.kind == "table" and held.shape.column("valid") is not None
    filters = pc.field("valid") if has_valid else None
    filler = pa.scalar(missing, pa.int64())
    tables = [
        pq.read_table(
            list(piece.files),
            columns=list(names),
            filters=filters,
            partitioning=None,  # a folder such as session=3 is no column
        )
        for piece in held.pieces
    ]
    rows = pa.concat_tables(tables)
    return [np.asarray(rows.column(name).fill_null(filler), np.int64) for name in names]
