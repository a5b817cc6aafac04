"""What changed in a table, and in the cells, from one version to another.

Both are read whole: what is held is read as it is, what is not is mirrored first.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

from cortical_cache.cache.origin import Origin
from cortical_cache.cache.rows import RowCache
from cortical_cache.errors import UnknownNameError, UnsupportedQueryError
from cortical_cache.model.dataset import Dataset
from cortical_cache.model.held import HeldRows
from cortical_cache.model.ids import MISSING
from cortical_cache.model.shape import Column, Kind, TableShape
from cortical_cache.model.subject import Subject
from cortical_cache.repositories.catalog import Catalog
from cortical_cache.repositories.versions import Versions
from cortical_cache.store import RowSetState

if TYPE_CHECKING:
    import pyarrow as pa

    from cortical_cache.engine.diff import Differences

__all__ = ["BOOKKEEPING", "Diffs", "Placed", "RowChanges", "placed"]

Ints = npt.NDArray[np.int64]

T = TypeVar("T")

BOOKKEEPING = frozenset({"created", "deleted", "superceded_id", "valid"})
"""Columns that say how a row came to be, not what it says; some versions lack them."""

NONE = -1


@dataclass(frozen=True, slots=True, eq=False)
class RowChanges:
    """How the rows of a table differ between two versions.

    Attributes
    ----------
    rows_old, rows_new : int
        That queries show.
    columns : tuple of Column
        Compared.
    differing : pyarrow.Table
        See `engine.diff.differences`.
    only_old, only_new : tuple of str
        Columns that one version alone has, or has with this type.
    """

    rows_old: int
    rows_new: int
    columns: tuple[Column, ...]
    differing: "pa.Table"
    only_old: tuple[str, ...]
    only_new: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """The root of every cell at one version.

    Attributes
    ----------
    cells, roots : numpy.ndarray of int64, shape (n,)
        Ascending, unique cells; -1 for a cell with no root or more than one, 0 off
        the segmentation.
    """

    cells: Ints
    roots: Ints


class Diffs:
    """Differences between the versions of one dataset.

    Freshness: rows of a version never change, so neither do their differences.

    Parameters
    ----------
    dataset, catalog, versions, rows, origin
        Collaborators.
    """

    def __init__(
        self,
        dataset: Dataset,
        catalog: Catalog,
        versions: Versions,
        rows: RowCache,
        origin: Origin,
    ) -> None:
        self._dataset = dataset
        self._catalog = catalog
        self._versions = versions
        self._rows = rows
        self._origin = origin

    def of_rows(
        self,
        name: str,
        old: int,
        new: int,
        columns: Sequence[str] | None = None,
        *,
        bookkeeping: bool = False,
    ) -> RowChanges:
        """Compare a table or view at two versions, by id.

        Parameters
        ----------
        name : str
        old, new : int
            Versions.
        columns : sequence of str, optional
            Compare these only.
        bookkeeping : bool
            Compare `BOOKKEEPING` as well, where both versions have it.

        Raises
        ------
        NotCachedError
            Offline, and one of the two is not held whole.
        UnknownNameError
            If a version, the table or a column does not exist.
        UnsupportedQueryError
            If the rows have no id.
        VersionExpiredError
            If the server has dropped a version that is not held.
        """
        first, second = self._subject(name, old), self._subject(name, new)
        shapes = [self._mirrored(one) for one in (first, second)]
        compared, only_old, only_new = _columns(shapes[0], shapes[1])
        if columns is not None:
            compared = _chosen(compared, columns, f"{name} v{old} and v{new}")
        elif not bookkeeping:
            compared = [one for one in compared if one.name not in BOOKKEEPING]
            only_old = [one for one in only_old if one not in BOOKKEEPING]
            only_new = [one for one in only_new if one not in BOOKKEEPING]
        rows_old, rows_new, differing = self._compared(first, second, compared)
        return RowChanges(
            rows_old,
            rows_new,
            tuple(compared),
            differing,
            tuple(only_old),
            tuple(only_new),
        )

    def of_cells(self, old: int, new: int) -> tuple[Placed, Placed]:
        """Return the root of every cell at two versions, as `cell_id_to_root_id` does.

        Of the lookup view if both versions have it, else of the cell tables.

        Raises
        ------
        NotCachedError
            Offline, and not all of that is held whole.
        """
        view = self._dataset.lookup_view
        if view is not None:
            for version in (old, new):
                self._versions.ensure(version)
            if all(view in self._catalog.views(one) for one in (old, new)):
                seen = [self._entries(view, "id", one, "view") for one in (old, new)]
                return placed(*seen[0]), placed(*seen[1])
        return self._of_tables(old), self._of_tables(new)

    def _of_tables(self, version: int) -> Placed:
        cells, roots = self._entries(self._dataset.main_table, "id", version)
        for table in self._dataset.alternative_tables:
            try:
                others = self._entries(table.name, "target_id", version)
            except UnknownNameError:  # an old version without it
                continue
            # an alternative point stands in for the nucleus's own
            kept = ~np.isin(cells, others[0])
            cells = np.r_[cells[kept], others[0]]
            roots = np.r_[roots[kept], others[1]]
        return placed(cells, roots)

    def _entries(
        self, name: str, key: str, version: int, kind: Kind = "table"
    ) -> tuple[Ints, Ints]:
        from cortical_cache.engine.columns import int_columns

        subject = self._subject(name, version, kind)
        self._mirrored(subject)
        names = (key, "pt_root_id")

        def read(held: HeldRows) -> list[Ints]:
            return int_columns(held, names, MISSING)

        cells, roots = self._read(subject, read)
        named = cells != MISSING
        return cells[named], np.where(roots == MISSING, NONE, roots)[named]

    def _subject(self, name: str, version: int, kind: Kind | None = None) -> Subject:
        self._versions.ensure(version)
        return self._catalog.subject(name, version, kind)

    def _mirrored(self, subject: Subject) -> TableShape:
        """Make sure that all rows are held; return what they look like."""
        row_set = self._rows.row_set(subject)
        if not row_set.state().is_whole:
            if self._origin.offline:
                raise self._catalog.not_cached(subject)
            self._versions.require_stable(subject.version)
            self._rows.mirror(subject)
        shape = self._read(subject, lambda held: held.shape)
        if shape.column("id") is None:
            raise UnsupportedQueryError(
                f"the rows of {subject} have no id to compare them by"
            )
        return shape

    def _compared(
        self, old: Subject, new: Subject, columns: Sequence[Column]
    ) -> "Differences":
        from cortical_cache.engine.diff import differences

        return self._read(
            old,
            lambda first: self._read(
                new, lambda second: differences(first, second, columns)
            ),
        )

    def _read(self, subject: Subject, use: Callable[[HeldRows], T]) -> T:
        """Use all rows; should files vanish under it, use those that replace them."""

        def ask(state: RowSetState) -> T:
            held = state.held_whole()
            if held is None:
                raise self._catalog.not_cached(subject)
            return use(held)

        return self._rows.row_set(subject).read(ask)


def placed(cells: Ints, roots: Ints) -> Placed:
    """Put entries in order, one for each cell."""
    order = np.lexsort((roots, cells))
    cells, roots = cells[order], roots[order]
    unique, first, count = np.unique(cells, return_index=True, return_counts=True)
    one = roots[first] == roots[first + count - 1]
    return Placed(unique, np.where(one, roots[first], NONE))


def _columns(
    old: TableShape, new: TableShape
) -> tuple[list[Column], list[str], list[str]]:
    there = set(new.columns)
    both = [one for one in old.columns if one in there]
    here = set(both)
    return (
        both,
        [one.name for one in old.columns if one not in here],
        [one.name for one in new.columns if one not in here],
    )


def _chosen(columns: list[Column], names: Sequence[str], where: str) -> list[Column]:
    known: Mapping[str, Column] = {one.name: one for one in columns}
    for name in names:
        if name not in known:
            raise UnknownNameError("common column", name, where, tuple(known))
    return [known[name] for name in dict.fromkeys(names)]
