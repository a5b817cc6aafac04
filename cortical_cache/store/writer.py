"""Stream rows into one commit, in bounded memory.

Data files get their final, unique names as they are written; no one looks at them until
the commit that names them is there, and the commit is one rename.
"""

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import UUID

import pyarrow as pa
from uuid6 import uuid7

from cortical_cache.errors import InvalidQueryError, StoreError
from cortical_cache.model.coverage import Coverage, Keys, Request
from cortical_cache.model.shape import TableShape
from cortical_cache.store.commit import Commit, DataFile, Provenance
from cortical_cache.store.commit_file import commit_file, write_commit
from cortical_cache.store.disk import TEMPORARY, Disk, told
from cortical_cache.store.layout import commits_folder
from cortical_cache.store.order import cut, sort
from cortical_cache.store.parquet import key_ranges, write_parquet

__all__ = ["RowWriter"]


class RowWriter:
    """Collects batches, writes them to files, and commits when its block ends.

    Made by `RowSet.writer`. If the block raises, nothing is committed and the files
    written so far are removed.

    Files are cut at `rows_per_file` rows, between two values of the first sort column
    unless one value alone exceeds a file; 0 and NULL get files of their own once there
    is more than one. Each file is sorted; so if the batches come in order the files
    follow each other, and a key of at most a file's rows lies in one file.
    """

    def __init__(  # noqa: PLR0913  # as RowSet.writer
        self,
        folder: Path,
        disk: Disk,
        bind: Callable[[], object],
        *,
        shape: TableShape,
        coverage: Coverage,
        provenance: Provenance,
        supersedes: Collection[str],
        sort_by: Sequence[str],
        exact: bool,
        rows_per_file: int,
    ) -> None:
        self._folder = folder
        self._disk = disk
        self._bind = bind
        self._shape = shape
        self._coverage = coverage
        self._provenance = provenance
        self._supersedes = _commit_ids(supersedes)
        self._sort_by = tuple(sort_by)
        self._exact = exact
        self._rows_per_file = rows_per_file
        self._schema: pa.Schema | None = None
        self._waiting: list[pa.Table] = []
        self._waiting_rows = 0
        self._copies: list[tuple[str, ...]] = []
        self._files: list[DataFile] = []
        self._commit: Commit | None = None

    @property
    def commit(self) -> Commit:
        """The commit, once the block has ended without an error.

        Raises
        ------
        StoreError
            Before that.
        """
        if self._commit is None:
            raise StoreError(f"nothing is committed to {self._folder} yet")
        return self._commit

    def __enter__(self) -> Self:
        """Bind the dataset folder and make room."""
        self._bind()
        self._disk.make_folder(commits_folder(self._folder))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Commit, or remove what was written."""
        try:
            if error is None:
                self._finish()
        finally:
            if self._commit is None:
                self._discard()

    def write(self, batch: pa.Table | pa.RecordBatch) -> None:
        """Add rows to the current copy.

        Raises
        ------
        InvalidQueryError
            If columns are missing, or differ from those of the first batch.
        StoreError
            If the disk is full or fails.
        """
        table = (
            pa.Table.from_batches([batch])
            if isinstance(batch, pa.RecordBatch)
            else batch
        )
        self._check_schema(table.schema)
        self._waiting.append(table)
        self._waiting_rows += table.num_rows
        while self._waiting_rows >= self._rows_per_file:
            self._write_some(more=True)

    def start_copy(self, sort_by: Sequence[str]) -> None:
        """End this copy of the rows and begin another one, sorted otherwise.

        Every copy must hold all rows. A reader uses the one sorted by the column it
        asks about, and never two of them together.
        """
        self._end_copy()
        self._sort_by = tuple(sort_by)

    def _check_schema(self, schema: pa.Schema) -> None:
        if self._schema is not None:
            if not schema.equals(self._schema):
                raise InvalidQueryError(
                    f"rows of {self._shape.name} changed their columns or types "
                    "between two batches"
                )
            return
        needed = list(self._sort_by)
        match self._coverage:
            case Request():
                pass
            case Keys(column, _):
                needed += [column, *self._shape.stored_columns]
            case _:
                needed += self._shape.stored_columns
        missing = sorted(set(needed).difference(schema.names))
        if missing:
            raise InvalidQueryError(
                f"rows of {self._shape.name} lack the columns {', '.join(missing)}"
            )
        self._schema = schema

    def _write_some(self, *, more: bool) -> None:
        """Write one file of what waits, and keep the rest waiting."""
        table = self._take()
        end = cut(table, self._sort_by, self._rows_per_file, more=more)
        self._write_file(table.slice(0, end))
        self._waiting = [table.slice(end)]
        self._waiting_rows = table.num_rows - end

    def _end_copy(self) -> None:
        if self._sort_by in self._copies:
            raise InvalidQueryError(
                f"there is a copy sorted by {self._sort_by} already"
            )
        if self._schema is None:
            raise InvalidQueryError(
                f"no batch of {self._shape.name} was written; to commit that there are "
                "no rows, write a batch without rows"
            )
        if any(file.sorted_by == self._sort_by for file in self._files):
            while self._waiting_rows:
                self._write_some(more=False)
        else:  # small enough for one file, whatever it holds
            self._write_file(self._take())
        self._waiting = []
        self._waiting_rows = 0
        self._copies.append(self._sort_by)

    def _take(self) -> pa.Table:
        """Return all that waits, sorted."""
        schema = self._schema or pa.schema([])
        rows = (
            pa.concat_tables(self._waiting) if self._waiting else schema.empty_table()
        )
        return sort(rows, self._sort_by)

    def _write_file(self, table: pa.Table) -> None:
        name = f"{uuid7()}.parquet"
        with told(self._folder / name):
            self._write_named(table, name)
        self._keep_alive()

    def _write_named(self, table: pa.Table, name: str) -> None:
        temporary = self._folder / f".{name}{TEMPORARY}"
        try:
            written = write_parquet(
                self._disk,
                temporary,
                table,
                sorted_by=self._sort_by,
                provenance=self._provenance,
            )
            self._files.append(
                DataFile(
                    name=name,
                    rows=table.num_rows,
                    nbytes=written.nbytes,
                    sha256=written.sha256,
                    key_ranges=key_ranges(table),
                    sorted_by=self._sort_by,
                    sums=written.sums,
                )
            )
            self._disk.rename(temporary, self._folder / name)
        finally:
            self._disk.remove(temporary)

    def _keep_alive(self) -> None:
        """Show a sweep that the files written so far are still wanted.

        Raises
        ------
        StoreError
            If it has taken one already, as after a day's sleep of the machine.
        """
        for file in self._files:
            try:
                with told(self._folder / file.name, "read"):
                    self._disk.touch(self._folder / file.name)
            except FileNotFoundError as error:
                raise StoreError(
                    f"{self._folder / file.name} was swept before its commit; "
                    "write again"
                ) from error

    def _finish(self) -> None:
        self._end_copy()
        commit = Commit(
            id=str(uuid7()),
            created=datetime.now(UTC),
            files=tuple(self._files),
            shape=self._shape,
            coverage=self._coverage,
            provenance=self._provenance,
            supersedes=self._supersedes,
            exact=self._exact,
        )
        rows = {
            sum(file.rows for file in self._files if file.sorted_by == order)
            for order in self._copies
        }
        if len(rows) > 1:
            raise InvalidQueryError(
                f"the sorted copies of {self._shape.name} differ in number of rows"
            )
        self._keep_alive()
        with told(self._folder):
            self._disk.sync_folder(self._folder)
        try:
            write_commit(self._disk, self._folder, commit)
        except BaseException:
            # Past its rename the commit counts, whatever failed after it: then its
            # files must stay.
            if commit_file(self._folder, commit.id).exists():
                self._commit = commit
            raise
        self._commit = commit

    def _discard(self) -> None:
        for file in self._files:
            with suppress(OSError):  # what stays is swept in a day
                self._disk.remove(self._folder / file.name)
        self._files.clear()


def _commit_ids(ids: Collection[str]) -> frozenset[str]:
    for one in ids:
        try:
            UUID(one)
        except ValueError as error:
            raise InvalidQueryError(f"{one!r} is not the id of a commit") from error
    return frozenset(ids)
