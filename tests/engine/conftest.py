"""Small tables on disk."""

from itertools import count

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cortical_cache.model.coverage import Piece
from cortical_cache.model.held import HeldRows
from cortical_cache.model.shape import TableShape
from tests.engine.kit import CELLS, TYPES, Hold


@pytest.fixture(scope="session")
def cells() -> TableShape:
    return CELLS


@pytest.fixture(scope="session")
def hold(tmp_path_factory: pytest.TempPathFactory) -> Hold:
    """Write rows (dicts by stored column; what is left out is NULL) as held rows."""
    folder = tmp_path_factory.mktemp("held")
    numbers = count()

    def write(rows: list[dict], shape: TableShape = CELLS, **facts: bool) -> HeldRows:
        path = folder / f"{next(numbers)}.parquet"
        columns = {}
        for column in shape.columns:
            kind = TYPES[column.type]
            if facts.get("exact") and pa.types.is_float32(kind):
                kind = pa.float64()
            for name in column.stored:
                missing = True if name == "valid" else None
                columns[name] = pa.array([one.get(name, missing) for one in rows], kind)
        pq.write_table(pa.table(columns), path)
        return HeldRows(shape, (Piece((str(path),)),), **facts)

    return write
