"""Facts by a 64-bit id that no version changes: written through, shared, compacted.

Each write is one small commit and takes no lock. Readers keep every commit's rows
sorted in memory and look ids up by bisection; what several rows say of one id is for
the caller to put together, so no writer needs to know what another one wrote.
"""

import hashlib
import logging
import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cortical_cache.model.coverage import Request
from cortical_cache.model.shape import Column, ColumnType, TableShape
from cortical_cache.store import Provenance, RowSet

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    Ints = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]

__all__ = ["COMPACT_AT", "MISSING", "Keyed", "Matches"]

log = logging.getLogger(__name__)

COMPACT_AT = 100
"""Commits from which on they are joined into one; below, bisection in each is cheap."""

MISSING = -(2**63)
"""Stands for NULL in arrays; no id or time has this value."""


@dataclass(frozen=True, slots=True)
class Matches:
    """All rows about some ids.

    Attributes
    ----------
    asked : numpy.ndarray of int64, shape (m,)
        For each row the position of its id among those asked for.
    columns : mapping of str to numpy.ndarray of int64, shape (m,)
        `MISSING` where a row says nothing.
    floats : mapping of str to numpy.ndarray of float64, shape (m,)
        NaN where a row says nothing.
    """

    asked: "Ints"
    columns: "Mapping[str, Ints]"
    floats: "Mapping[str, Floats]" = field(default_factory=dict[str, "Floats"])


class Keyed:
    """One table of facts. Every column is int64, or float64 where it says so.

    Parameters
    ----------
    row_set : RowSet
        Where it is kept.
    key : str
        The column of the ids.
    columns : sequence of str
        The others. Times are microseconds since 1970, UTC.
    server : str
        Address, for the provenance.
    floats : sequence of str
        More columns, of float64.
    compact_at : int
        Commits from which on they are joined.
    """

    def __init__(  # noqa: PLR0913  a table is described in one place
        self,
        row_set: RowSet,
        key: str,
        columns: Sequence[str],
        server: str,
        *,
        floats: Sequence[str] = (),
        compact_at: int = COMPACT_AT,
    ) -> None:
        self._compact_at = compact_at
        self._row_set = row_set
        self._whole = (key, *columns)
        self._floats = tuple(floats)
        self._names = (*self._whole, *self._floats)
        self._server = server
        self._lock = threading.Lock()
        self._segments: dict[str, tuple[npt.NDArray[Any], ...]] = {}

    def add(self, rows: "Sequence[Ints]", floats: "Sequence[Floats]" = ()) -> None:
        """Keep rows.

        Parameters
        ----------
        rows : sequence of numpy.ndarray of int64
            For the key and the other columns; `MISSING` for NULL.
        floats : sequence of numpy.ndarray of float64
            For the columns of floats; NaN for NULL.
        """
        import pyarrow as pa

        if not len(rows[0]):
            return
        arrays = [
            *(pa.array(one, pa.int64(), mask=one == MISSING) for one in rows),
            *(pa.array(one, pa.float64(), mask=one != one) for one in floats),  # noqa: PLR0124  NaN
        ]
        self._append(pa.table(arrays, names=list(self._names)), ())
        if len(self._row_set.own_state().commits) >= self._compact_at:
            self.compact()

    def get(self, keys: "Ints") -> Matches:
        """Return every row about the ids, whoever wrote it."""
        import numpy as np

        asked: list[Ints] = []
        found: list[list[npt.NDArray[Any]]] = [[] for _ in self._names[1:]]
        for segment in self._read():
            first = np.searchsorted(segment[0], keys, "left")
            count = np.searchsorted(segment[0], keys, "right") - first
            here = np.repeat(np.arange(len(keys)), count)
            if not len(here):
                continue
            offsets = np.arange(len(here)) - np.repeat(np.cumsum(count) - count, count)
            rows = first[here] + offsets
            asked.append(here)
            for column, values in zip(found, segment[1:], strict=True):
                column.append(values[rows])
        whole, real = np.empty(0, np.int64), np.empty(0, np.float64)
        columns: dict[str, npt.NDArray[Any]] = {
            name: np.concatenate(parts or [real if name in self._floats else whole])
            for name, parts in zip(self._names[1:], found, strict=True)
        }
        return Matches(
            np.concatenate(asked or [whole]),
            {name: columns[name] for name in self._whole[1:]},
            {name: columns[name] for name in self._floats},
        )

    def asking(self, keys: "Ints", what: str) -> "AbstractContextManager[bool]":
        """Return a context manager that keeps others from asking the same of the ids.

        Look again what is held once inside: another one may have asked meanwhile. It
        only saves work; see `RowSet.fetch_lock`.
        """
        digest = hashlib.sha256(keys.tobytes()).hexdigest()
        return self._row_set.fetch_lock(f"{what} {digest}", timeout=60)

    def compact(self) -> None:
        """Join the commits into one, each row once. Another process may be at it."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        with self._row_set.fetch_lock("compact", timeout=0) as mine:
            state = self._row_set.own_state()
            if not mine or len(state.commits) < self._compact_at:
                return
            tables = [
                pq.read_table(self._row_set.folder / file.name)
                for commit in state.commits
                for file in commit.files
            ]
            rows = pa.concat_tables(tables).group_by(list(self._names)).aggregate([])
            self._append(rows, [commit.id for commit in state.commits])
            log.info("%r: joined %d commits", self._row_set, len(state.commits))

    def _append(self, rows: "pa.Table", supersedes: Sequence[str]) -> None:
        self._row_set.append(
            rows,
            shape=TableShape(
                self._row_set.name,
                "view",
                (
                    *(Column(name, ColumnType.BIGINT) for name in self._whole),
                    *(Column(name, ColumnType.DOUBLE) for name in self._floats),
                ),
                is_merged=True,
                voxel_resolution=(1.0, 1.0, 1.0),
            ),
            coverage=Request("facts"),
            provenance=Provenance("cave", self._server, datetime.now(UTC)),
            supersedes=supersedes,
            sort_by=(self._names[0],),
        )

    def _read(self) -> "list[tuple[npt.NDArray[Any], ...]]":
        with self._lock:
            self._row_set.note_use()
            state = self._row_set.read(lambda state: state)
            wanted = {
                file.name: state.folder_of(commit) / file.name
                for commit in state.commits
                for file in commit.files
            }
            for name in set(self._segments).difference(wanted):
                del self._segments[name]
            for name in set(wanted).difference(self._segments):
                self._segments[name] = self._load(wanted[name])
            return list(self._segments.values())

    def _load(self, path: Path) -> "tuple[npt.NDArray[Any], ...]":
        import numpy as np
        import pyarrow as pa
        import pyarrow.parquet as pq

        rows = pq.read_table(path, columns=list(self._names))
        filler, nan = pa.scalar(MISSING, pa.int64()), pa.scalar(np.nan, pa.float64())
        return (
            *(
                np.asarray(rows.column(one).fill_null(filler), np.int64)
                for one in self._whole
            ),
            *(
                np.asarray(rows.column(one).fill_null(nan), np.float64)
                for one in self._floats
            ),
        )
