"""What a client says of versions, and of what changed between them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cortical_cache.client.base import Base
from cortical_cache.policy.answering import DEFAULT, Options
from cortical_cache.repositories.dataset import Repositories

if TYPE_CHECKING:
    import pandas as pd
    from caveclient.frameworkclient import CAVEclientFull

    from cortical_cache.client.diff import TableDiff

__all__ = ["Versioned"]


class Versioned(Base):
    """The part of a client that is about versions.

    Parameters
    ----------
    repositories : Repositories
        Everything that answers for the dataset.
    """

    def __init__(self, repositories: Repositories, options: Options = DEFAULT) -> None:
        super().__init__(repositories, options)
        self._fixed: int | None = None
        self._before: int | None = None
        self._told: int | None = None

    def version_timestamp(self, version: int | None = None) -> datetime:
        """Return when a version was frozen, aware, UTC. Freshness: for ever.

        Parameters
        ----------
        version : int, optional
            Otherwise the client's.

        Raises
        ------
        UnknownNameError
            If there is no such version.
        NotCachedError
            Offline, and nothing is known of it.
        """
        versions = self._of.versions
        return versions.record(versions.resolve(version)).timestamp

    def most_recent_materialization_version(self) -> int:
        """Return the newest version that the server answers queries for.

        Freshness: asked once a session; offline as last known.

        Raises
        ------
        NotCachedError
            Offline, and never asked.
        """
        return self._of.versions.newest()

    def fix_mat_timestamp(self, version: int | None = None) -> None:
        """Make a version, and its moment where a moment is meant, the default.

        Of this client, of ``client.cached`` and of ``client.cave``; setting
        `Client.version` moves all of them until `unfix_mat_timestamp`.

        Parameters
        ----------
        version : int, optional
            Otherwise the client's.

        Raises
        ------
        UnknownNameError
            If there is no such version.
        """
        versions = self._of.versions
        number = versions.resolve(version)
        versions.ensure(number)
        if self._fixed is None:
            self._before = versions.chosen
        self._fixed = versions.chosen = number

    def unfix_mat_timestamp(self) -> None:
        """Undo `fix_mat_timestamp`: the version that was set before counts again."""
        if self._fixed is not None:
            self._fixed = None
            self._of.versions.chosen = self._before

    def _as_fixed(self, cave: "CAVEclientFull") -> "CAVEclientFull":
        """Tell the plain client which version is fixed, if it does not know."""
        if self._fixed is not None:
            self._fixed = self._of.versions.chosen
        if self._told != self._fixed:
            cave.version = self._fixed
            self._told = self._fixed
        return cave

    @staticmethod
    def now() -> datetime:
        """Return the time, aware, UTC."""
        return datetime.now(UTC)

    def diff(
        self,
        table: str | None,
        old: int,
        new: int,
        *,
        columns: Sequence[str] | None = None,
        bookkeeping: bool = False,
    ) -> "TableDiff":
        """Return what changed in a table, or in the cells, between two versions.

        Freshness: for ever. Held tables are compared without the network; what is not
        held is fetched whole first.

        Parameters
        ----------
        table : str or None
            Table or view, its rows named by their id; None: the dataset's main table.
            For the tables that cell ids are made of, `cells` of the answer tells
            which cells kept their root, changed, merged, split, came or went.
        old, new : int
            Versions, merged or split.
        columns : sequence of str, optional
            Compare these only.
        bookkeeping : bool
            Compare ``created``, ``superceded_id`` and ``valid``, too.

        Returns
        -------
        TableDiff
            ``added``, ``removed`` and ``changed`` (ids, int64), ``columns`` (of each
            column the ids whose value changed), ``to_frame()`` with old and new values.

        Raises
        ------
        NotCachedError
            Offline, and one of the two is not held whole.
        UnknownNameError
            If a version, the table or a column does not exist.
        VersionExpiredError
            If the server has dropped a version that is not held.
        UnsupportedQueryError
            If the rows have no id of their own, as those of some views.

        Examples
        --------
        >>> client.diff("cell_types", 1300, 1412).changed  # doctest: +SKIP
        """
        from cortical_cache.client.diff import diff

        return diff(self._of, table, old, new, columns=columns, bookkeeping=bookkeeping)

    def map_roots(
        self, root_ids: object, to_version: int | None = None
    ) -> "pd.DataFrame":
        """Return where each root went in another version, older or newer.

        Freshness: for ever, as of the version. Mirrored cell tables and facts that are
        held answer first, then the server is asked, and the facts are kept.

        Parameters
        ----------
        root_ids : int or list of int
            In any order; repeats are kept.
        to_version : int, optional
            Otherwise the client's.

        Returns
        -------
        pandas.DataFrame
            Index the ids asked, in their order. ``root_id``, int64: -1 where there is
            none, or no single one. ``rule``, the first of these that tells:

            ``same root is alive there``
                it was current when the version was frozen;
            ``cell``
                the root that its cell has there;
            ``lineage``
                it has become that root alone, or was made of it alone;
            ``overlap``
                that root holds more than half of its level-2 ids;
            ``ambiguous``
                several roots have parts of it, none of them more than half; -1;
            ``none``
                it is no root, or nothing is left of it; -1.

        Raises
        ------
        NotCachedError
            Offline, for roots that nothing held decides; it names the first five.

        Examples
        --------
        >>> client.map_roots([864691135336055529], to_version=1412)  # doctest: +SKIP
        """
        from cortical_cache.client.moves import map_roots

        return map_roots(self._of, self.cached.chunkedgraph, root_ids, to_version)
