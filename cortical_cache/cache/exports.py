"""Bring an export into the store: once, whole, sorted, or not at all."""

import logging
import shutil
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Self
from uuid import uuid4

from cortical_cache.cache.facts import Clock
from cortical_cache.errors import StoreError
from cortical_cache.model.coverage import Whole
from cortical_cache.model.export import Export
from cortical_cache.model.shape import ColumnType
from cortical_cache.store import Commit, DatasetStore, Provenance, RowSet
from cortical_cache.store.disk import TEMPORARY

if TYPE_CHECKING:
    from cortical_cache.cache.staging import Stage

__all__ = ["ROWS_PER_FILE", "BringProgress", "ExportCache", "no_progress"]

log = logging.getLogger(__name__)

BringProgress = Callable[[int, int, int], None]
"""Called with the bytes that have come, the bytes there are, and the rows so far."""

ROWS_PER_FILE = 2_000_000

# A second process waits for the first one's download rather than repeat it; if the
# first one dies its lock is free at once.
_PATIENCE = 6 * 3600

# Of a gzipped dump, in its own size: as it came, one sorted copy on its way, one done.
_RUN, _COPY, _COPIES = 1.4, 0.9, 2


def no_progress(come: int, there_are: int, rows: int) -> None:
    """Report nothing."""


class ExportCache:
    """The exports of one dataset.

    Parameters
    ----------
    store : DatasetStore
    clock : callable
        Tells the time of a fetch.
    rows_per_file : int
        A larger export is cut into files of so many rows, sorted for its root ids.
    """

    def __init__(
        self,
        store: DatasetStore,
        clock: Clock,
        *,
        rows_per_file: int = ROWS_PER_FILE,
    ) -> None:
        self._store = store
        self._clock = clock
        self._rows_per_file = rows_per_file

    def row_set(self, name: str, version: int) -> RowSet:
        """Return what is held of an export."""
        return self._store.rows("export", name, version)

    def held(self, name: str, version: int) -> Commit | None:
        """Return the commit that holds an export; None if it is not held."""
        commits = self.row_set(name, version).state().commits
        return commits[-1] if commits else None

    def is_current(self, export: Export) -> bool:
        """Tell whether this very generation of an export is held."""
        commit = self.held(export.name, export.version)
        return (
            commit is not None
            and commit.provenance.details.get("listed") == export.generation
        )

    def bring(
        self,
        export: Export,
        *,
        known: Mapping[str, ColumnType],
        progress: BringProgress = no_progress,
    ) -> bool:
        """Fetch an export, unless this generation of it is held.

        Whatever happens before the end, what was held stays as it was; the bytes
        that have come stay too, for a day, and the next call goes on with them.

        Parameters
        ----------
        export : Export
        known : mapping of str to ColumnType
            Types of columns, for a header that has none.
        progress : callable

        Returns
        -------
        bool
            False if there was nothing to do.

        Raises
        ------
        SourceError
            If it cannot be read, or is not what its header or checksum says.
        StoreError
            If there is no room for it; how much it takes is said.
        """
        row_set = self.row_set(export.name, export.version)
        self._store.bind()
        with row_set.fetch_lock("whole", _PATIENCE) as is_alone:
            if self.is_current(export):
                return False
            row_set.make_folder()
            with _said(export), _Spools(row_set.folder, shared=is_alone) as spools:
                self._require_room(export, row_set.folder, spools.nbytes)
                self._bring(export, row_set, known, progress, spools)
            return True

    def _bring(
        self,
        export: Export,
        row_set: RowSet,
        known: Mapping[str, ColumnType],
        progress: BringProgress,
        spools: "_Spools",
    ) -> None:
        from cortical_cache.cache.opening import open_export
        from cortical_cache.cache.staging import Stage, shape_of
        from cortical_cache.sources.dumps.columns import stored_schema

        come: dict[str, int] = {}
        rows = 0

        def came(part: str, nbytes: int) -> None:
            come[part] = nbytes
            progress(sum(come.values()), export.size, rows)

        dump = open_export(export, known, row_set.folder, spools.path, came)
        try:
            stage = Stage(
                row_set.folder,
                stored_schema(dump.columns),
                shape_of(export.name, dump.columns),
                self._rows_per_file,
            )
            try:
                for batch in dump.batches():
                    stage.add(batch)
                    rows = stage.rows
                progress(export.size, export.size, rows)
                proof = dump.check()
                self._commit(export, row_set, stage, proof)
            finally:
                stage.close()
        finally:
            dump.close()
        spools.drop()

    def _commit(
        self, export: Export, row_set: RowSet, stage: "Stage", proof: dict[str, str]
    ) -> None:
        """Write every sorted copy, and make them count in one step."""
        orders = stage.orders
        provenance = Provenance(
            source="export",
            server=export.location,
            fetched_at=self._clock(),
            details={
                **proof,
                "path": export.datapath,
                "listed": export.generation,
                "valid_rows": str(stage.valid),
            },
        )
        with row_set.writer(
            shape=stage.shape,
            coverage=Whole(),
            provenance=provenance,
            supersedes=[one.id for one in row_set.state().commits],
            sort_by=orders[0],
            exact=True,
            rows_per_file=self._rows_per_file,
        ) as writer:
            for number, order in enumerate(orders):
                if number:
                    writer.start_copy(order)
                for table in stage.tables(order):
                    writer.write(table)
        log.info("%s: %d rows kept", export, stage.rows)

    def _require_room(self, export: Export, folder: Path, come: int) -> None:
        needs = room_for(export) - come
        free = shutil.disk_usage(folder).free
        if needs > free:
            raise StoreError(
                f"{export} takes about {needs / 1e9:.1f} GB while it is brought and "
                f"{export.size * _COPY * _COPIES / 1e9:.1f} GB afterwards; "
                f"{free / 1e9:.1f} GB are free in {folder}"
            )


def room_for(export: Export) -> int:
    """Return about how many bytes of disk it takes to bring an export."""
    spool = 0 if export.is_local else 1
    return int(export.size * (spool + _COPIES * _RUN + _COPIES * _COPY))


class _Spools:
    """The files that the bytes of an export come into.

    They are named after path and generation, so that another run finds them; without
    the lock they are this run's own.
    """

    def __init__(self, folder: Path, *, shared: bool) -> None:
        self._folder = folder
        self._mark = "" if shared else uuid4().hex
        self._paths: list[Path] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._mark:
            self.drop()

    @property
    def nbytes(self) -> int:
        """Bytes that have come before."""
        return sum(path.stat().st_size for path in self._folder.glob(".come-*"))

    def path(self, name: str, generation: str) -> Path:
        """Return the file for an object."""
        digest = sha256(f"{name}\n{generation}{self._mark}".encode()).hexdigest()[:32]
        path = self._folder / f".come-{digest}{TEMPORARY}"
        self._paths.append(path)
        return path

    def drop(self) -> None:
        """Remove them: what they held is in the store, or not to be gone on with."""
        for path in self._paths:
            path.unlink(missing_ok=True)


@contextmanager
def _said(export: Export) -> Generator[None]:
    """Say of a full disk what it was filled by."""
    try:
        yield
    except OSError as error:
        if error.errno is None:  # one of ours
            raise
        raise StoreError(f"{export} cannot be kept: {error}") from error
