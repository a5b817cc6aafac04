"""What became of the cells between two versions, as a value that prints well."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cortical_cache.repositories.diff import Placed

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CellDiff"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class CellDiff:
    """What became of the cells from one version to another.

    Two cells are together where they have the same root. Who has merged with whom and
    who has split from whom is told of cells with a root in both versions.

    Attributes
    ----------
    before, after : Placed
        The root of every cell at either version.
    """

    before: Placed
    after: Placed

    @cached_property
    def _cells(self) -> Ints:
        return np.intersect1d(self.before.cells, self.after.cells, assume_unique=True)

    @cached_property
    def _roots(self) -> tuple[Ints, Ints]:
        """Roots of the cells in both versions, before and after."""
        return _of(self.before, self._cells), _of(self.after, self._cells)

    @property
    def kept(self) -> Ints:
        """Cells with the same root in both versions, or with none in both; int64."""
        before, after = self._roots
        return self._cells[before == after]

    @property
    def changed(self) -> Ints:
        """Cells of both versions whose root is another; int64, ascending."""
        before, after = self._roots
        return self._cells[before != after]

    @property
    def appeared(self) -> Ints:
        """Cells of the new version alone; int64, ascending."""
        return np.setdiff1d(self.after.cells, self.before.cells, assume_unique=True)

    @property
    def disappeared(self) -> Ints:
        """Cells of the old version alone; int64, ascending."""
        return np.setdiff1d(self.before.cells, self.after.cells, assume_unique=True)

    @property
    def merged(self) -> Ints:
        """Cells now in one root with a cell they were not together with; int64."""
        before, after = self._roots
        return self._cells[_mixed(after, before)]

    @property
    def split(self) -> Ints:
        """Cells no longer in one root with a cell they were together with; int64."""
        before, after = self._roots
        return self._cells[_mixed(before, after)]

    def counts(self) -> dict[str, int]:
        """Return how many there are of each, in the order of the properties."""
        return {name: len(ids) for name, ids in self.by_kind().items()}

    def by_kind(self) -> dict[str, Ints]:
        """Return the cells of each kind by its name."""
        return {
            "kept": self.kept,
            "changed": self.changed,
            "merged": self.merged,
            "split": self.split,
            "appeared": self.appeared,
            "disappeared": self.disappeared,
        }

    def to_frame(self) -> "pd.DataFrame":
        """Return one row per cell of either version, ascending.

        Returns
        -------
        pandas.DataFrame
            Index ``cell_id``; ``root_id_old``, ``root_id_new`` (int64; -1 where there
            is no cell, no root, or more than one), ``change`` (``kept``, ``changed``,
            ``appeared``, ``disappeared``), ``merged`` and ``split`` (bool).
        """
        import pandas as pd

        cells = np.union1d(self.before.cells, self.after.cells)
        frame = pd.DataFrame(
            {
                "root_id_old": _of(self.before, cells),
                "root_id_new": _of(self.after, cells),
                "change": "kept",
                "merged": np.isin(cells, self.merged),
                "split": np.isin(cells, self.split),
            },
            index=pd.Index(cells, name="cell_id"),
        )
        found = self.by_kind()
        for name in ("changed", "appeared", "disappeared"):
            frame.loc[found[name], "change"] = name
        return frame

    def __repr__(self) -> str:
        """Count them in one line."""
        told = ", ".join(f"{n:,} {name}" for name, n in self.counts().items())
        return f"cells: {told}"


def _of(placed: Placed, cells: Ints) -> Ints:
    """Return the root of each cell, -1 where there is no such cell."""
    roots = np.full(len(cells), -1, np.int64)
    if len(placed.cells):
        place = np.searchsorted(placed.cells, cells)
        place[place == len(placed.cells)] = 0
        there = placed.cells[place] == cells
        roots[there] = placed.roots[place[there]]
    return roots


def _mixed(groups: Ints, origins: Ints) -> Bools:
    """Tell which members of a group (a root) are there with one of another origin."""
    placed = (groups > 0) & (origins > 0)
    group, origin = groups[placed], origins[placed]
    order = np.lexsort((origin, group))
    group, origin = group[order], origin[order]
    alike = group[1:] == group[:-1]
    several = group[1:][alike & (origin[1:] != origin[:-1])]
    return placed & np.isin(groups, several)
