"""What the user wants kept, however little it is used."""

from collections.abc import Callable, Collection

from cortical_cache.errors import UnknownNameError
from cortical_cache.model.room import Taken
from cortical_cache.store import DatasetStore

__all__ = ["Pins"]


class Pins:
    """The pins of one dataset.

    Parameters
    ----------
    store : DatasetStore
    name : str
        Of the dataset, for messages.
    """

    def __init__(self, store: DatasetStore, name: str) -> None:
        self._store = store
        self._name = name

    def pin(
        self, version: int | None = None, names: Collection[str] = ()
    ) -> tuple[str, ...]:
        """Keep a dataset, a version or some of its tables from being removed.

        Freshness: until it is taken back.

        Parameters
        ----------
        version : int, optional
            0: graph facts and skeletons, by name.
        names : collection of str

        Returns
        -------
        tuple of str
            What was not pinned before.

        Raises
        ------
        UnknownNameError
            If it is not held.
        """
        return self._each(version, names, self._store.pin)

    def unpin(
        self, version: int | None = None, names: Collection[str] = ()
    ) -> tuple[str, ...]:
        """Take back what `pin` did with the same arguments.

        Returns
        -------
        tuple of str
            What was pinned before.
        """
        return self._each(version, names, self._store.unpin)

    def _each(
        self,
        version: int | None,
        names: Collection[str],
        change: Callable[[int | None, Taken | None], bool],
    ) -> tuple[str, ...]:
        things = [one for one in self._store.taken() if one.kind != "records"]
        where = self._name if version is None else f"{self._name} v{version}"
        if version and version not in self._store.versions():
            held = self._store.versions()
            raise UnknownNameError("held version", version, self._name, held)
        if not names and version != 0:
            return (where,) if change(version, None) else ()
        of = [one for one in things if one.version == (version or 0)]
        known = {one.name for one in of}
        for name in names:
            if name not in known:
                raise UnknownNameError("table", name, where, sorted(known))
        done = [
            f"{one.kind} {one.name} of {where}"
            for one in of
            if (not names or one.name in names) and change(version, one)
        ]
        return tuple(done)
