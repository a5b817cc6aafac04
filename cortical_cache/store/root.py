"""The root folder of all datasets."""

from datetime import datetime, timedelta
from pathlib import Path

from cortical_cache.errors import UnknownNameError
from cortical_cache.store.dataset import DatasetStore
from cortical_cache.store.disk import Disk, place
from cortical_cache.store.layout import (
    CACHEDIR_TAG,
    binding_file,
    dataset_folders,
    names_in,
)
from cortical_cache.store.names import encode_name
from cortical_cache.store.sweep import GRACE, SweepReport, sweep
from cortical_cache.store.verify import Problem, verify

__all__ = ["Store"]

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
    """

    def __init__(self, root: Path, disk: Disk | None = None) -> None:
        self.root = Path(root)
        self._disk = disk or Disk()

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
        )

    def sweep(
        self, now: datetime | None = None, grace: timedelta = GRACE
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
        """
        return sweep(self.root, self._disk, dataset_folders(self.root), now, grace)

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

    def _prepare(self) -> None:
        tag = self.root / CACHEDIR_TAG
        if tag.exists():
            return
        self._disk.make_folder(self.root)
        place(self._disk, tag, _TAG)
