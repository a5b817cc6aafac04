"""What to remove of a dataset's store: planned first, then carried out. No network."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from cortical_cache.errors import InvalidQueryError, UnknownNameError
from cortical_cache.repositories.expiry import last_known
from cortical_cache.repositories.holdings import Holding, holdings
from cortical_cache.store import DatasetStore

__all__ = ["Removals", "Removed"]


@dataclass(frozen=True, slots=True)
class Removed:
    """What was removed.

    Attributes
    ----------
    row_sets : int
    nbytes : int
        Freed on the disk; files that another table shares are counted, too.
    """

    row_sets: int
    nbytes: int


class Removals:
    """Removes what is held of one dataset.

    Parameters
    ----------
    store : DatasetStore
    name : str
        Of the dataset, for messages.
    """

    def __init__(self, store: DatasetStore, name: str) -> None:
        self._store = store
        self._name = name

    def of_version(
        self, version: int, names: Collection[str] = (), *, expired: bool = False
    ) -> list[Holding]:
        """Return what is held of a version, or of some of its tables.

        Parameters
        ----------
        version : int
        names : collection of str
            Tables, views and exports; empty: all of them, and kept replies.
        expired : bool
            The version may be one that the server has dropped.

        Raises
        ------
        UnknownNameError
            If one of them, or the version, is not held.
        InvalidQueryError
            If the server has dropped the version: it could never be fetched again.
        """
        of = [one for one in holdings(self._store) if one.version == version]
        if not of:
            held = sorted({one.version for one in holdings(self._store)})
            raise UnknownNameError("held version", version, self._name, held)
        known = {one.name for one in of if one.kind != "query"}
        for name in names:
            if name not in known:
                where = f"what is held of {self._name} v{version}"
                raise UnknownNameError("table", name, where, sorted(known))
        if not expired and self._is_expired(version):
            raise InvalidQueryError(
                f"{self._name} v{version} has expired on the server and could never be "
                "fetched again; --expired removes it all the same"
            )
        return [one for one in of if not names or one.name in names]

    def of_old_versions(self, keep: int, *, expired: bool = False) -> list[Holding]:
        """Return what is held of all versions but the newest ones.

        Parameters
        ----------
        keep : int
            How many versions stay.
        expired : bool
            Versions that the server has dropped go, too; otherwise they stay, and do
            not count.

        Raises
        ------
        InvalidQueryError
            If `keep` is negative.
        """
        if keep < 0:
            raise InvalidQueryError(f"{keep} versions cannot be kept")
        found = holdings(self._store)
        versions = sorted({one.version for one in found}, reverse=True)
        if not expired:
            versions = [one for one in versions if not self._is_expired(one)]
        return [one for one in found if one.version in versions[keep:]]

    def carry_out(self, plan: Sequence[Holding]) -> Removed:
        """Remove what was planned."""
        wanted = {(one.version, one.kind, one.name) for one in plan}
        freed = sum(
            self._store.remove(row_set)
            for version in {one.version for one in plan}
            for row_set in self._store.row_sets(version)
            if (version, row_set.kind, row_set.name) in wanted
        )
        return Removed(len(plan), freed)

    def _is_expired(self, version: int) -> bool:
        known = last_known(self._store, version)
        return known is not None and not known.on_server
