"""Facts by a 64-bit id that no version changes: written through, shared, compacted.

Each write is one small commit and takes no lock. Readers look ids up by bisection in
each commit's rows, in memory where they are few, else mapped; what several rows say of
one id is for the caller to put together, so no writer needs to know what another wrote.
"""

import hashlib
import logging
import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cortical_cache.model.coverage import Request
from cortical_cache.model.ids import MISSING
from cortical_cache.model.shape import Column, ColumnType, TableShape
from cortical_cache.store import Provenance, RowSet, RowSetState

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from cortical_cache.store.segments import Segment
    from cortical_cache.store.writer import RowWriter

    Ints = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]

__all__ = ["COMPACT_AT", "Keyed", "Matches"]

log = logging.getLogger(__name__)

COMPACT_AT = 100
"""Commits from which on they are joined into one; below, bisection in each is cheap."""


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
        self._segments: dict[str, Segment] = {}

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
        with self._writer(()) as writer:
            writer.write(pa.table(arrays, names=list(self._names)))
        self.compact()

    def get(self, keys: "Ints") -> Matches:
        """Return every row about the ids, whoever wrote it."""
        import numpy as np

        found = [segment.find(keys) for segment in self._read()]
        said = [one for one in found if len(one[0])]

        def values(name: str, kind: type[Any]) -> "npt.NDArray[Any]":
            parts = [rows[name] for _, rows in said]
            return np.concatenate(parts) if parts else np.empty(0, kind)

        return Matches(
            np.concatenate([asked for asked, _ in said] or [np.empty(0, np.int64)]),
            {name: values(name, np.int64) for name in self._whole[1:]},
            {name: values(name, np.float64) for name in self._floats},
        )

    def asking(self, keys: "Ints", what: str) -> "AbstractContextManager[bool]":
        """Return a context manager that keeps others from asking the same of the ids.

        Look again what is held once inside: another one may have asked meanwhile. It
        only saves work; see `RowSet.fetch_lock`.
        """
        digest = hashlib.sha256(keys.tobytes()).hexdigest()
        return self._row_set.fetch_lock(f"{what} {digest}", timeout=60)

    def compact(self) -> None:
        """Join the smaller commits into one, each row once, if they are many.

        Another process may be at it; then this does nothing.
        """
        from cortical_cache.cache.joining import are_many, join, worth_joining

        if not are_many(self._row_set.own_state().commits, self._compact_at):
            return
        with self._row_set.fetch_lock("compact", timeout=0) as mine:
            state = self._row_set.own_state()
            if not mine or not are_many(state.commits, self._compact_at):
                return
            small = worth_joining(state.commits)
            for one in small:  # damage must not get a new, right checksum
                state.files(one)
            with self._writer([one.id for one in small]) as writer:
                join(self._row_set, small, list(self._names), writer)
            log.info("%r: joined %d commits", self._row_set, len(small))

    def _writer(self, supersedes: Sequence[str]) -> "RowWriter":
        return self._row_set.writer(
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

    def _read(self) -> "list[Segment]":
        with self._lock:
            self._row_set.note_use()
            return self._row_set.read(self._read_state)

    def _read_state(self, state: RowSetState) -> "list[Segment]":
        files = {
            file.name: (file, state.folder_of(commit))
            for commit in state.commits
            for file in commit.files
        }
        new = files.keys() - self._segments.keys()
        if new:
            state.held_in_part()  # looks whether they are what their commits say
        self._segments = {
            name: self._segments.get(name) or self._row_set.segment(file, folder)
            for name, (file, folder) in files.items()
        }
        return [*self._segments.values()]
