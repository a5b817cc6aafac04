"""The root folder of all datasets."""

import logging
import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cortical_cache.errors import UnknownNameError
from cortical_cache.model.quantities import size
from cortical_cache.model.room import distinct_bytes
from cortical_cache.store.dataset import DatasetStore
from cortical_cache.store.disk import Disk, IdleDisk, ReadOnlyDisk, place
from cortical_cache.store.layout import (
    CACHEDIR_TAG,
    binding_file,
    dataset_folders,
    names_in,
)
from cortical_cache.store.names import encode_name
from cortical_cache.store.sealed import read_sealed
from cortical_cache.store.space import taken
from cortical_cache.store.sweep import GRACE, SweepReport, sweep
from cortical_cache.store.verify import Problem, verify

__all__ = ["Store"]

log = logging.getLogger(__name__)

_MEASURED_FOR = 600.0
"""Seconds between two measurements of a store that is written: each lists it all."""

_TAG = (
    b"Signature: 8a477f597d28d172789f06886806bc55\n"
    b"# This folder is a cache of cortical_cache: backups may leave it out.\n"
    b"# See https://bford.info/cachedir/\n"
)


class Store:
    """Everything held on this disk, under one root.

    Opening it touches nothing: a root that does not exist holds nothing, and is made by
    the first write.

    Parameters
    ----------
    root : Path
    disk : Disk, optional
        What carries out every change to the disk.
    max_size : int, optional
        Bytes beyond which whoever writes is warned.
    layers : sequence of Path
        Roots of stores that are read, too, the first before the others. Nothing of
        them is ever changed.
    """

    def __init__(
        self,
        root: Path,
        disk: Disk | None = None,
        *,
        max_size: int | None = None,
        layers: Sequence[Path] = (),
    ) -> None:
        self._layers = [Store(one, ReadOnlyDisk()) for one in layers]
        self.root = Path(root)
        self._disk = disk or Disk()
        self._max_size = max_size
        self._measured_at: float | None = None

    def datasets(self) -> tuple[str, ...]:
        """Return the names of the dataset folders, sorted."""
        found = (
            name
            for name in names_in(self.root)
            if binding_file(self.root / encode_name(name)).exists()
        )
        return tuple(sorted(found))

    def dataset(self, folder: str, *, datastack: str, server: str) -> DatasetStore:
        """Return the dataset in that folder, existing or not.

        Whose the folder is, is checked at the first reading or writing.

        Parameters
        ----------
        folder : str
            Name of the folder under the root.
        datastack : str
            What CAVE calls it.
        server : str
            Address of the info server.

        Raises
        ------
        ConfigurationError
            If `folder` cannot name a folder.
        """
        return DatasetStore(
            self.root / encode_name(folder),
            datastack,
            server,
            disk=self._disk,
            prepare=self._prepare,
            below=[
                one.dataset(folder, datastack=datastack, server=server)
                for one in self._layers
            ],
        )

    def existing(self, folder: str) -> DatasetStore:
        """Return a dataset that is there, bound to whom its folder says.

        For upkeep, which is the same whoever it belongs to.

        Raises
        ------
        FileNotFoundError
            If there is no such dataset.
        CorruptStoreError
            If whose it is cannot be told.
        """
        body = read_sealed(binding_file(self.root / encode_name(folder)))
        datastack, server = str(body.get("datastack")), str(body.get("server"))
        return self.dataset(folder, datastack=datastack, server=server)

    def sweep(
        self,
        now: datetime | None = None,
        grace: timedelta = GRACE,
        *,
        datasets: Iterable[str] | None = None,
        dry: bool = False,
    ) -> SweepReport:
        """Remove what no reader can need any more.

        That is temporaries, files that no commit names, and superseded commits with
        their files, once they are older than `grace`. Changes no answer, and may run
        beside readers, writers and other sweeps. A second call finds nothing to do.

        Parameters
        ----------
        now : datetime, optional
            With a time zone; the present by default.
        grace : timedelta
            How long a reader may go on with files it has begun to use, and a writer
            may take between two files. Less than a few minutes endangers both.
        datasets : iterable of str, optional
            Names of the folders to look at; otherwise all.
        dry : bool
            Only tell what would go.
        """
        disk = IdleDisk() if dry else self._disk
        folders = (
            dataset_folders(self.root)
            if datasets is None
            else (self.root / encode_name(one) for one in datasets)
        )
        return sweep(self.root, disk, folders, now, grace)

    def verify(self, dataset: str, *, deep: bool = False) -> tuple[Problem, ...]:
        """Look for damage in a dataset folder, whoever it belongs to.

        Reads every commit and document and compares the size of every data file; `deep`
        reads the data files too, and compares their checksums. Changes nothing.

        Raises
        ------
        UnknownNameError
            If there is no such folder.
        """
        folder = self.root / encode_name(dataset)
        if not folder.is_dir():
            where = f"the store {self.root}"
            raise UnknownNameError("dataset", dataset, where, self.datasets())
        return tuple(verify(folder, deep=deep))

    def excess(self) -> str | None:
        """Say by how much the store exceeds its limit; None if it does not."""
        if self._max_size is None:
            return None
        folders = [self.root / encode_name(name) for name in self.datasets()]
        nbytes = distinct_bytes(one for folder in folders for one in taken(folder))
        if nbytes <= self._max_size:
            return None
        return (
            f"{self.root} takes {size(nbytes)} of the {size(self._max_size)} that "
            "CORTICAL_CACHE_MAX_SIZE allows; `cortical-cache prune` shows what could go"
        )

    def _warn_of_size(self) -> None:
        now = time.monotonic()
        last = self._measured_at
        if self._max_size is None or (last is not None and now - last < _MEASURED_FOR):
            return
        self._measured_at = now
        warning = self.excess()
        if warning is not None:
            log.warning("%s", warning)

    def _prepare(self) -> None:
        """Get ready for something to be written."""
        self._warn_of_size()
        tag = self.root / CACHEDIR_TAG
        if tag.exists():
            return
        self._disk.make_folder(self.root)
        place(self._disk, tag, _TAG)
