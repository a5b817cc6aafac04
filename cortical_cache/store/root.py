"""The root folder of all datasets."""

from pathlib import Path

from cortical_cache.store.dataset import DatasetStore
from cortical_cache.store.disk import Disk, place
from cortical_cache.store.layout import CACHEDIR_TAG, binding_file, names_in
from cortical_cache.store.names import encode_name

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

    def _prepare(self) -> None:
        tag = self.root / CACHEDIR_TAG
        if tag.exists():
            return
        self._disk.make_folder(self.root)
        place(self._disk, tag, _TAG)
