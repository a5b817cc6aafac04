"""What changed between two versions, as values that print well."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cortical_cache.client.celldiff import CellDiff
from cortical_cache.repositories.dataset import Repositories
from cortical_cache.repositories.diff import RowChanges

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from pandas.api.extensions import ExtensionDtype

__all__ = ["TableDiff", "diff"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class TableDiff:
    """What changed in a table from one version to another.

    Attributes
    ----------
    dataset, table : str
    old, new : int
        Versions.
    changes : RowChanges
        The rows that differ.
    cells : CellDiff or None
        Of a table that the cell ids are made of: what became of the cells.
    """

    dataset: str
    table: str
    old: int
    new: int
    changes: RowChanges
    cells: CellDiff | None = None

    @property
    def added(self) -> Ints:
        """Ids of the new version alone; int64, ascending."""
        return self._ids[~self._flag("in_old")]

    @property
    def removed(self) -> Ints:
        """Ids of the old version alone; int64, ascending."""
        return self._ids[~self._flag("in_new")]

    @property
    def changed(self) -> Ints:
        """Ids of both versions with a value that is another; int64, ascending."""
        return self._ids[self._flag("in_old") & self._flag("in_new")]

    @property
    def unchanged(self) -> int:
        """Number of ids whose compared values are the same in both versions."""
        return self.changes.rows_old - len(self.removed) - len(self.changed)

    @property
    def columns(self) -> dict[str, Ints]:
        """Ids whose value changed, by column; columns without any are left out."""
        found = {
            column.name: self._ids[self._flag(f"differs_{place}")]
            for place, column in enumerate(self.changes.columns)
        }
        return {name: ids for name, ids in found.items() if len(ids)}

    @property
    def only_old(self) -> tuple[str, ...]:
        """Columns that the old version alone has; they are not compared."""
        return self.changes.only_old

    @property
    def only_new(self) -> tuple[str, ...]:
        """Columns that the new version alone has; they are not compared."""
        return self.changes.only_new

    def to_frame(self) -> "pd.DataFrame":
        """Return one row per id that differs, ascending.

        Returns
        -------
        pandas.DataFrame
            Index ``id``; ``change`` (``added``, ``removed``, ``changed``); ``columns``,
            the names of those that changed, with commas; then each column that changed
            in any row, as ``NAME_old`` and ``NAME_new``, nullable, positions split.
        """
        import pandas as pd

        rows = self.changes.differing
        change = np.full(len(self._ids), "changed", object)
        change[~self._flag("in_old")] = "added"
        change[~self._flag("in_new")] = "removed"
        shown = [
            (place, column)
            for place, column in enumerate(self.changes.columns)
            if column.name in self.columns
        ]
        names = np.full(len(self._ids), "", object)
        for place, column in shown:
            here = self._flag(f"differs_{place}")
            names[here] += np.where(names[here] == "", "", ",") + column.name
        found: dict[str, object] = {"change": change, "columns": names}
        values = rows.to_pandas(types_mapper=_nullable().get)
        for place, column in shown:
            for part, stored in enumerate(column.stored):
                for side in ("old", "new"):
                    found[f"{stored}_{side}"] = values[f"{side}_{place}_{part}"].array
        return pd.DataFrame(found, index=pd.Index(self._ids, name="id"))

    def lines(self) -> list[tuple[str, str]]:
        """Return what there is to say, a name and a text each."""
        told = [
            ("rows", f"{self.changes.rows_old:,} -> {self.changes.rows_new:,}"),
            ("added", f"{len(self.added):,}"),
            ("removed", f"{len(self.removed):,}"),
            ("changed", f"{len(self.changed):,}"),
            ("unchanged", f"{self.unchanged:,}"),
        ]
        told += [(f"  {name}", f"{len(ids):,}") for name, ids in self.columns.items()]
        for version, names in ((self.old, self.only_old), (self.new, self.only_new)):
            if names:
                told.append((f"only in v{version}", ", ".join(names)))
        if self.cells is not None:
            counts = self.cells.counts()
            told += [(f"cells {name}", f"{n:,}") for name, n in counts.items()]
        return told

    def to_json(self) -> dict[str, object]:
        """Return everything but the values, as JSON has it."""
        found: dict[str, object] = {
            "dataset": self.dataset,
            "table": self.table,
            "old": self.old,
            "new": self.new,
            "rows_old": self.changes.rows_old,
            "rows_new": self.changes.rows_new,
            "unchanged": self.unchanged,
            "added": self.added.tolist(),
            "removed": self.removed.tolist(),
            "changed": self.changed.tolist(),
            "columns": {name: ids.tolist() for name, ids in self.columns.items()},
            "only_old": list(self.only_old),
            "only_new": list(self.only_new),
        }
        if self.cells is not None:
            cells = self.cells.by_kind()
            found["cells"] = {name: ids.tolist() for name, ids in cells.items()}
        return found

    def __repr__(self) -> str:
        """Lay the counts out in two columns."""
        lines = self.lines()
        width = max(len(name) for name, _ in lines)
        body = (f"{name.ljust(width)}  {text}" for name, text in lines)
        return "\n".join([self._heading, *body])

    def _repr_html_(self) -> str:
        body = "".join(
            f"<tr><td>{escape(name)}</td><td>{escape(text)}</td></tr>"
            for name, text in self.lines()
        )
        return f"<b>{escape(self._heading)}</b><table>{body}</table>"

    @property
    def _heading(self) -> str:
        return f"{self.dataset} {self.table}: v{self.old} -> v{self.new}"

    @cached_property
    def _ids(self) -> Ints:
        return self.changes.differing.column("id").to_numpy()

    def _flag(self, name: str) -> Bools:
        return self.changes.differing.column(name).to_numpy()


def diff(  # noqa: PLR0913  see Client.diff
    repositories: Repositories,
    table: str | None,
    old: int,
    new: int,
    *,
    columns: Sequence[str] | None = None,
    bookkeeping: bool = False,
) -> TableDiff:
    """See `Client.diff`."""
    dataset = repositories.dataset
    name = table or dataset.main_table
    changes = repositories.diffs.of_rows(
        name, int(old), int(new), columns, bookkeeping=bookkeeping
    )
    cells = None
    if name in dataset.cell_tables:
        cells = CellDiff(*repositories.diffs.of_cells(int(old), int(new)))
    return TableDiff(dataset.name, name, int(old), int(new), changes, cells)


def _nullable() -> "dict[pa.DataType, ExtensionDtype]":
    import pandas as pd
    import pyarrow as pa

    return {
        pa.int64(): pd.Int64Dtype(),
        pa.int32(): pd.Int32Dtype(),
        pa.float32(): pd.Float32Dtype(),
        pa.float64(): pd.Float64Dtype(),
        pa.bool_(): pd.BooleanDtype(),
        pa.string(): pd.StringDtype(),
    }
