"""The facade: tables, views and everything else of one dataset."""

import logging
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from cortical_cache.client.described import Described
from cortical_cache.client.morphology import Morphology
from cortical_cache.client.sql.queried import Queried
from cortical_cache.client.status import CacheStatus, cache_status
from cortical_cache.client.upkept import Upkept
from cortical_cache.errors import InvalidQueryError
from cortical_cache.model.dataset import Dataset
from cortical_cache.model.ids import as_ids
from cortical_cache.policy.answering import Options
from cortical_cache.registry import resolve
from cortical_cache.repositories.dataset import open_dataset
from cortical_cache.repositories.live import utc
from cortical_cache.repositories.missing import require
from cortical_cache.settings import read_settings

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from caveclient.frameworkclient import CAVEclientFull

    from cortical_cache.client.cached.managers import TableManager, ViewManager
    from cortical_cache.client.exports import Exports
    from cortical_cache.client.plot import Plots
    from cortical_cache.repositories.answered import Answered, Explanation

__all__ = ["Client", "load_client"]

log = logging.getLogger(__name__)


class Client(Morphology, Queried, Described, Upkept):
    """One dataset, answered from the store, and from CAVE where it must.

    Made by `load_client`; making it opens no socket and writes nothing.

    Parameters
    ----------
    repositories : Repositories
        Everything that answers for the dataset.
    """

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
    def cave(self) -> "CAVEclientFull":
        """The plain caveclient, connected on first use; nothing of it is kept.

        Raises
        ------
        NotCachedError
            If offline.
        """
        origin = self._of.origin
        require(origin, f"the plain caveclient of {origin.dataset.name} is")
        return self._as_fixed(origin.session.client)

    @cached_property
    def exports(self) -> "Exports":
        """Bulk exports: whole tables as files of a bucket, brought once.

        Freshness: the list for a day; an export for ever under its generation.
        """
        from cortical_cache.client.exports import Exports

        return Exports(self._of)

    @property
    def plot(self) -> "Plots":
        """Pictures of what is held; they need the extra ``plots``.

        Freshness: as the rows that are drawn.
        """
        from cortical_cache.client.plot import Plots

        return Plots(self, self)

    def set_export_cloudpath(self, cloudpath: str) -> None:
        """Look for exports there, now and in later sessions. No network.

        Parameters
        ----------
        cloudpath : str
            ``gs://bucket/exports/``, ``s3://``, ``https://``, ``file://`` or a path;
            its folders are ``v{version}``.

        Raises
        ------
        ConfigurationError
            If it is none of these.
        """
        self._of.exports.set_location(cloudpath)

    @property
    def last_source(self) -> "Answered | None":
        """Where the last answer to a query came from; None before the first."""
        return self._of.tables.last

    def query_synapses(  # noqa: PLR0913, PLR0917  cortical_tools' own signature
        self,
        root_ids: object,
        pre: bool = False,  # noqa: FBT001, FBT002  cortical_tools' signature
        post: bool = False,  # noqa: FBT001, FBT002  cortical_tools' signature
        reference_tables: Sequence[str] | None = None,
        synapse_table: str | None = None,
        omit_self_synapse: bool = True,  # noqa: FBT001, FBT002  cortical_tools' signature
        resolution: Sequence[float] = (1, 1, 1),
        split_positions: bool = True,  # noqa: FBT001, FBT002  cortical_tools' signature
        live: bool = False,  # noqa: FBT001, FBT002  cortical_tools' signature
        timestamp: datetime | None = None,
        suffixes: Mapping[str, str] | None = None,
        batch_size: int = 100,
        ref_batch_size: int = 5000,
        progress: bool = True,  # noqa: FBT001, FBT002  cortical_tools' signature
    ) -> "pd.DataFrame":
        """Return the synapses of one or many roots.

        Freshness: at a version, kept for ever under the roots they are of; a second
        call, or one for more roots, asks only for what is missing. Live answers are
        kept only where they can no longer change.

        Parameters
        ----------
        root_ids : int or list of int
            Any number; what was fetched stays if the call is interrupted.
        pre, post : bool
            Outputs, inputs of the roots; at least one of them.
        reference_tables : list of str, optional
            Merged onto the synapses they refer to; missing entries are missing values.
        synapse_table : str, optional
            Otherwise the datastack's own.
        omit_self_synapse : bool
            Leave out synapses of a root onto itself.
        resolution : sequence of float
            Nanometres per unit of the positions.
        split_positions : bool
            Positions as three columns each.
        live : bool
            At `timestamp`, or now, instead of at the version.
        timestamp : datetime, optional
            Of a version: that version. Any other: live at that time.
        suffixes : dict, optional
            For columns of a reference table that the synapses have, too; otherwise
            ``_{table}``.
        batch_size, ref_batch_size : int
            Roots, and entries of a reference table, of one request.
        progress : bool
            Draw a progress bar where there are several batches.

        Returns
        -------
        pandas.DataFrame
            One row a synapse (several where a reference table has several entries),
            each synapse once, with a RangeIndex.

        Raises
        ------
        InvalidQueryError
            If neither `pre` nor `post` is asked, or an id is no id.
        NotCachedError
            Offline, and not all of it is held.
        """
        from cortical_cache.client.synapses import SynapseQuery, query_synapses

        if not pre and not post:
            raise InvalidQueryError("ask for pre=True, post=True, or both")
        materialize = self.cached.materialize
        table = synapse_table or materialize.synapse_table
        if table is None:
            message = f"{self.datastack_name} names no synapse table; give one"
            raise InvalidQueryError(message)
        at = None if timestamp is None else self._of.versions.at(utc(timestamp))
        is_live = live or (timestamp is not None and at is None)
        asked = SynapseQuery(
            root_ids=as_ids(root_ids, "root_ids"),
            pre=pre,
            post=post,
            table=table,
            version=None if is_live else at or self.version,
            timestamp=(timestamp or datetime.now(UTC)) if is_live else None,
            resolution=resolution,
            split_positions=split_positions,
            omit_self_synapse=omit_self_synapse,
            reference_tables=tuple(reference_tables or ()),
            suffixes=suffixes or {},
            batch_size=batch_size,
            ref_batch_size=ref_batch_size,
            progress=progress,
        )
        return query_synapses(materialize, self._of.tables, asked)

    def explain(self, question: object, **options: object) -> "Explanation":
        """Tell how a question would be answered, without touching the network.

        Parameters
        ----------
        question : Query, SQL text, or what ``client.tables.NAME(...)`` returns
            Without its ``.query()``.
        **options
            Of its ``query``: limit, select_columns, ...; of SQL: params.

        Returns
        -------
        Explanation
            `route`: ``local``, ``fetch`` or ``pass-through``; why; which files would
            be read, and the rows and bytes held of their tables.

        Examples
        --------
        >>> client.explain(client.tables.cell_types(cell_type="23P"))  # doctest: +SKIP
        """
        from cortical_cache.client.explain import explain

        return explain(self._of, self._options, question, options)

    def using(
        self,
        *,
        widen: bool = True,
        approximate: bool = False,
        columns: Literal["all", "held"] = "all",
    ) -> "Client":
        """Return a client of the same store whose queries are answered otherwise.

        Parameters
        ----------
        widen : bool
            False: fetch no more than a query asks, not the whole of a small table.
        approximate : bool
            Take held values at face value where their rounding leaves rows open,
            instead of asking the server about those.
        columns : {"all", "held"}
            ``"held"``: of a table whose export lacks columns, those that there are;
            a warning is logged. It still raises if a filter needs one that is missing.

        Examples
        --------
        >>> client.using(columns="held").tables.synapses().query()  # doctest: +SKIP
        """
        if columns not in {"all", "held"}:
            message = f"columns must be 'all' or 'held', not {columns!r}"
            raise InvalidQueryError(message)
        options = Options(widen=widen, approximate=approximate, columns=columns)
        return Client(self._of, options)

    def cache_status(self) -> CacheStatus:
        """Return what is held: versions, tables, rows, bytes, age, source. No network.

        Of each version it tells whether the server still has it, and until when, as
        last known; a version that ends within 30 days is named at the end.

        Returns
        -------
        CacheStatus
            Prints as a table; ``.to_frame()`` for pandas.
        """
        return cache_status(self._of)

    def __repr__(self) -> str:
        """Name dataset, version and what is held, without touching the network."""
        from cortical_cache.client.shown import as_text

        return as_text(self._of)

    def _repr_html_(self) -> str:
        """Link to neuroglancer, made of remembered facts, without a request."""
        from cortical_cache.client.shown import as_html

        return as_html(self._of)


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
