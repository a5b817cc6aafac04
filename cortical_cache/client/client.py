"""The facade: tables, views and everything else of one dataset."""

import logging
import os
from typing import TYPE_CHECKING

from cortical_cache.client.status import CacheStatus
from cortical_cache.model.dataset import Dataset
from cortical_cache.registry import resolve
from cortical_cache.repositories.dataset import Repositories, open_dataset
from cortical_cache.repositories.holdings import holdings
from cortical_cache.settings import read_settings

if TYPE_CHECKING:
    from pathlib import Path

    from caveclient.frameworkclient import CAVEclientFull

    from cortical_cache.client.cached import Cached
    from cortical_cache.client.managers import TableManager, ViewManager
    from cortical_cache.repositories.tables import Answered

__all__ = ["Client", "load_client"]

log = logging.getLogger(__name__)


class Client:
    """One dataset, answered from the store, and from CAVE where it must.

    Made by `load_client`; making it opens no socket and writes nothing.

    Parameters
    ----------
    repositories : Repositories
        Everything that answers for the dataset.
    """

    def __init__(self, repositories: Repositories) -> None:
        self.repositories = self._of = repositories
        self._cached: Cached | None = None

    @property
    def dataset(self) -> Dataset:
        """The dataset's description: server, cell tables, transform."""
        return self._of.dataset

    @property
    def datastack_name(self) -> str:
        """CAVE's name of the dataset."""
        return self._of.dataset.datastack

    @property
    def server_address(self) -> str:
        """The global CAVE server that is asked."""
        return self._of.dataset.server_address

    @property
    def offline(self) -> bool:
        """Whether no socket may be opened."""
        return self._of.settings.offline

    @property
    def cache_dir(self) -> "Path":
        """Folder of this dataset in the store; need not exist yet."""
        return self._of.store.folder

    @property
    def version(self) -> int:
        """The materialization version that is asked where none is given.

        Settable. In order: what was set here or in `load_client`, then
        ``CORTICAL_CACHE_VERSION``, the configuration's pin, then offline the newest
        held, else the server's newest (asked once a session, when first needed).
        """
        return self._of.versions.resolve()

    @version.setter
    def version(self, version: int | None) -> None:
        if version is not None:
            self._of.versions.ensure(int(version))
        self._of.versions.chosen = version

    @property
    def tables(self) -> "TableManager":
        """The tables of the version: ``client.tables.NAME(column=value).query()``.

        Freshness: the list for a day; rows of a version for ever.
        """
        return self.cached.materialize.tables

    @property
    def views(self) -> "ViewManager":
        """The views of the version: ``client.views.NAME(column=value).query()``.

        Freshness: the list for a day; rows of a version for ever.
        """
        return self.cached.materialize.views

    @property
    def cached(self) -> "Cached":
        """The shape of a CAVEclient, answered from the store where it can be."""
        if self._cached is None:
            from cortical_cache.client.cached import Cached

            self._cached = Cached(self._of)
        return self._cached

    @property
    def cave(self) -> "CAVEclientFull":
        """The plain caveclient, connected on first use; nothing of it is kept.

        Raises
        ------
        NotCachedError
            If offline.
        """
        from cortical_cache.client.plain import plain_client

        return plain_client(self._of.origin)

    @property
    def last_source(self) -> "Answered | None":
        """Where the last answer to a query came from; None before the first."""
        return self._of.tables.last

    def cache_status(self) -> CacheStatus:
        """Return what is held: versions, tables, rows, bytes, age, source. No network.

        Returns
        -------
        CacheStatus
            Prints as a table; ``.to_frame()`` for pandas.
        """
        return CacheStatus(self.dataset.name, tuple(holdings(self._of.store)))

    def __repr__(self) -> str:
        """Name dataset, version and place, without touching the network."""
        held = self._of.versions.held()
        shown = self._of.versions.settled()
        return (
            f"<cortical_cache.Client {self.dataset.name} "
            f"version={'newest' if shown is None else shown} "
            f"held={list(held)}{' offline' if self.offline else ''}>"
        )

    def _repr_html_(self) -> str:
        return self.cache_status()._repr_html_()


def load_client(  # noqa: PLR0913  a front door has several bells
    name: str,
    *,
    version: int | None = None,
    offline: bool | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    server_address: str | None = None,
    same_data: bool = False,
) -> Client:
    """Make the client of a dataset. Opens no socket and writes nothing.

    Parameters
    ----------
    name : str
        Name or alias of a dataset: ``"minnie_public"``; your own from the
        configuration file or an entry point.
    version : int, optional
        Materialization version to use; see `Client.version` for what holds otherwise.
    offline : bool, optional
        No socket may be opened: what is held answers, all else raises
        `NotCachedError`. Otherwise ``CORTICAL_CACHE_OFFLINE``, then the configuration.
    cache_dir : path, optional
        Root of the store. Otherwise ``CORTICAL_CACHE_DIR``, then the configuration,
        then the user's data folder.
    server_address : str, optional
        Another CAVE server. Its data go to a folder of their own.
    same_data : bool
        That server holds the same data as the dataset's own; share its folder.

    Returns
    -------
    Client

    Raises
    ------
    UnknownNameError
        If no dataset has that name; the error names those that exist.
    ConfigurationError
        If a setting has no meaning.

    Examples
    --------
    >>> load_client("minnie_public", version=1300).datastack_name
    'minnie65_public'
    """
    settings = read_settings(cache_dir=cache_dir, offline=offline)
    home = resolve(name, settings, server_address=server_address, same_data=same_data)
    repositories = open_dataset(home, settings)
    if version is not None:
        repositories.versions.chosen = version
    return Client(repositories)
