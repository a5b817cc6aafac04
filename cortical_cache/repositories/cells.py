"""Cell ids and root ids, both ways, across versions and time.

A cell id (the id of a nucleus) never changes; a root id names one exact state of a
segment. A mirrored version, or a live answer of the server, proves a root's cell or
that it has none only if the root was current then.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from cortical_cache.cache.facts import Clock
from cortical_cache.cache.keyed import Keyed
from cortical_cache.cache.origin import Origin
from cortical_cache.errors import NotCachedError, UnknownNameError
from cortical_cache.model.arguments import table_query, view_query
from cortical_cache.model.commands import same_call
from cortical_cache.model.ids import MISSING
from cortical_cache.model.moments import from_micros, to_micros
from cortical_cache.model.version import parse_time
from cortical_cache.repositories.catalog import Catalog
from cortical_cache.repositories.cellmaps import NONE, CellMaps
from cortical_cache.repositories.live import Live
from cortical_cache.repositories.missing import counted
from cortical_cache.repositories.places import Places
from cortical_cache.repositories.roots import Roots
from cortical_cache.repositories.tables import Tables
from cortical_cache.repositories.versions import Versions
from cortical_cache.store import DatasetStore

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Cells"]

Ints = npt.NDArray[np.int64]

ROOTS_AT_ONCE = 1_000
"""Of one live query: a body of 20 kB."""


class Cells:
    """The cells of one dataset.

    Freshness: which cell a root has, and which root a cell had at a moment past for
    good, is kept for ever.

    Parameters
    ----------
    store, origin, versions, catalog, tables, live, roots, places, clock
        Collaborators.
    """

    def __init__(  # noqa: PLR0913  collaborators
        self,
        *,
        store: DatasetStore,
        origin: Origin,
        versions: Versions,
        catalog: Catalog,
        tables: Tables,
        live: Live,
        roots: Roots,
        places: Places,
        clock: Clock,
    ) -> None:
        self._dataset = origin.dataset
        self._origin = origin
        self._versions = versions
        self._catalog = catalog
        self._tables = tables
        self._live = live
        self._roots = roots
        self._places = places
        self._clock = clock
        self.maps = CellMaps(origin.dataset, store)
        self._learnt = Keyed(
            store.rows("graph", "root_cells", 0),
            "root_id",
            ("cell_id", "observed_at"),
            origin.dataset.server_address,
        )

    def roots_of(
        self, cells: Ints, version: int, moment: datetime | None = None
    ) -> tuple[Ints, Ints]:
        """Return every root of some cells at a version, or at a moment.

        Parameters
        ----------
        cells : numpy.ndarray of int64
            Unique.
        version : int
            Tells the cells' supervoxels.
        moment : datetime, optional
            Otherwise the version's own.

        Returns
        -------
        cells, roots : numpy.ndarray of int64
            One row for each entry; `NONE` for NULL. Cells without an entry are not
            among them.

        Raises
        ------
        NotCachedError
            Offline, and something of it is not held.
        """
        found, supervoxels, roots = self._entries(cells, version)
        if moment is None or moment == self._versions.record(version).timestamp:
            return found, roots
        at = np.full(len(found), NONE, np.int64)
        placed = supervoxels != MISSING
        sightings = self.maps.sightings()
        if self._origin.offline:
            unique, back = np.unique(supervoxels[placed], return_inverse=True)
            held = self._places.held(unique, moment, sightings)[back]
            open_ones = (held == MISSING) & (supervoxels[placed] > 0)
            if open_ones.any():
                cells = np.unique(found[placed][open_ones])
                name = self._dataset.name
                raise NotCachedError(
                    f"the roots at {moment.isoformat()} of {counted(name, cells)} are",
                    same_call(name),
                )
        at[placed] = self._places.at(supervoxels[placed], moment, sightings)
        return found, at

    def cells_of(self, roots: Ints) -> Ints:
        """Return the cell of each root, whatever time it is from.

        Parameters
        ----------
        roots : numpy.ndarray of int64
            Unique.

        Returns
        -------
        numpy.ndarray of int64
            `NONE` where it is proved that there is no cell, or more than one;
            `MISSING`, offline only, where nothing held decides.
        """
        index = self.maps.index()
        cells = index.find(roots)
        left = np.flatnonzero(cells == MISSING)
        if len(left):
            cells[left] = self._beyond(roots[left], index.moments)
        return cells

    def _beyond(self, roots: Ints, moments: Sequence[int]) -> Ints:
        """Return the cells of roots that no mirrored version names."""
        cells = np.full(len(roots), MISSING, np.int64)
        cells[roots <= 0] = NONE  # off the segmentation, or our own "no entry"
        self._absent(roots, cells, moments)
        self._recall(roots, cells)
        left = np.flatnonzero(cells == MISSING)
        if not len(left) or self._origin.offline:
            return cells
        with self._learnt.asking(roots[left], "cells"):
            self._recall(roots, cells)  # another one may have asked meanwhile
            left = np.flatnonzero(cells == MISSING)
            if len(left):
                self._roots.learn(roots[left])
                self._absent(roots, cells, moments)
                self._ask(roots, cells)
        return cells

    def _absent(self, roots: Ints, cells: Ints, moments: Sequence[int]) -> None:
        """Settle roots that were current at a mirrored version and are not in it."""
        left = np.flatnonzero(cells == MISSING)
        if not len(left):
            return
        lives = self._roots.known(roots[left])
        proved = np.zeros(len(left), np.bool_)
        for moment in moments:
            proved |= lives.alive_at(moment)
        cells[left[proved]] = NONE

    def _recall(self, roots: Ints, cells: Ints) -> None:
        """Settle roots that the server was asked about before."""
        left = np.flatnonzero(cells == MISSING)
        rows = self._learnt.get(roots[left])
        order = np.argsort(rows.columns["observed_at"], kind="stable")  # newest wins
        cells[left[rows.asked[order]]] = rows.columns["cell_id"][order]

    def _ask(self, roots: Ints, cells: Ints) -> None:
        """Ask the server for each root's cell as of its end, or as of now.

        Roots that were current together are asked together, but not at a moment after
        which an annotation changed: the answer would not be that of the end.
        """
        left = np.flatnonzero(cells == MISSING)
        lives = self._roots.known(roots[left])
        unreal = lives.created == MISSING  # the server knows no such root
        cells[left[unreal]] = NONE
        ended = lives.ended != MISSING
        now = self._origin.session.server_time() or self._clock()
        last = np.where(
            ended, lives.ended - 1_000, np.maximum(to_micros(now), lives.created)
        )
        open_ones = ~unreal
        edited = None
        while open_ones.any():
            moment = int(last[open_ones].min())
            together = open_ones & (last == moment)
            alike = open_ones & (lives.created <= moment)
            if (alike & ~together).any():
                edited = self._edited() if edited is None else edited
                if edited <= moment:
                    together = alike
            batch = left[together]
            for start in range(0, len(batch), ROOTS_AT_ONCE):
                part = batch[start : start + ROOTS_AT_ONCE]
                cells[part] = self._ask_at(roots[part], from_micros(moment))
            # A public datastack looked at its cap, as the lives say, instead of now.
            seen = lives.seen[together]
            observed = np.where(
                ended[together] | (seen == MISSING), moment, np.minimum(moment, seen)
            )
            self._learnt.add([roots[batch], cells[batch], observed])
            open_ones &= ~together

    def _edited(self) -> int:
        """Ask when a cell table last changed, which its live record says."""
        records = self._catalog.tables(self._versions.newest(), refresh=True)
        times = [
            to_micros(parse_time(str(records[name]["last_modified"])))
            for name in self._dataset.cell_tables
            if records.get(name, {}).get("last_modified")
        ]
        return max(times, default=2**63 - 1)

    def _ask_at(self, roots: Ints, moment: datetime) -> Ints:
        pairs = [self._ask_table(roots, moment, self._dataset.main_table, None)]
        for table in self._dataset.alternative_tables:
            try:
                pairs.append(
                    self._ask_table(roots, moment, table.name, self._dataset.main_table)
                )
            except UnknownNameError:  # the base version does not have it
                continue
        found_roots = np.concatenate([pair[0] for pair in pairs])
        found_cells = np.concatenate([pair[1] for pair in pairs])
        cells = np.full(len(roots), NONE, np.int64)
        for place, root in enumerate(roots):
            mine = np.unique(found_cells[found_roots == root])
            if len(mine) == 1:
                cells[place] = mine[0]
        return cells

    def _ask_table(
        self, roots: Ints, moment: datetime, table: str, target: str | None
    ) -> tuple[Ints, Ints]:
        """Ask which rows of a table lie in the roots; of a reference table, whose."""
        arguments: dict[str, object] = {
            "table": table,
            "timestamp": moment,
            "filter_in_dict": {table: {"pt_root_id": roots.tolist()}},
            "split_positions": True,
            "metadata": False,
            "log_warning": False,
        }
        names = ("pt_root_id", "id")
        if target is not None:
            arguments["joins"] = [[table, "target_id", target, "id"]]
            arguments["suffixes"] = {table: "_ref", target: ""}
            names = ("pt_root_id_ref", "target_id")
        frame = self._live.answer("live_live_query", arguments)
        if not len(frame):
            nothing = np.empty(0, np.int64)
            return nothing, nothing
        return _ints(frame[names[0]]), _ints(frame[names[1]])

    def _entries(self, cells: Ints, version: int) -> tuple[Ints, Ints, Ints]:
        """Return cell, supervoxel and root of every entry of some cells."""
        if self._dataset.lookup_view is not None:
            try:
                return self._view_entries(self._dataset.lookup_view, cells, version)
            except UnknownNameError:  # an old version without the view
                pass
        main = self._table_entries(self._dataset.main_table, "id", cells, version)
        parts = [main]
        for table in self._dataset.alternative_tables:
            try:
                other = self._table_entries(table.name, "target_id", cells, version)
            except UnknownNameError:
                continue
            # an alternative point stands in for the nucleus's own
            parts = [_without(part, other[0]) for part in parts]
            parts.append(other)
        first, second, third = (
            np.concatenate([part[column] for part in parts]) for column in range(3)
        )
        return first, second, third

    def _view_entries(
        self, view: str, cells: Ints, version: int
    ) -> tuple[Ints, Ints, Ints]:
        query = view_query(
            view,
            datastack=self._dataset.datastack,
            version=version,
            filter_in_dict={"id": cells},
            select_columns=["id", "pt_supervoxel_id", "pt_root_id"],
            split_positions=True,
            metadata=False,
        )
        frame = cast("pd.DataFrame", self._tables.answer(query))
        return _entry(frame, "id")

    def _table_entries(
        self, table: str, key: str, cells: Ints, version: int
    ) -> tuple[Ints, Ints, Ints]:
        query = table_query(
            table,
            datastack=self._dataset.datastack,
            version=version,
            filter_in_dict={key: cells},
            select_columns=[key, "pt_supervoxel_id", "pt_root_id"],
            split_positions=True,
            merge_reference=False,
            metadata=False,
        )
        frame = cast("pd.DataFrame", self._tables.answer(query))
        found, supervoxels, roots = _entry(frame, key)
        # split versions show NULL as 1, which is no id
        return (
            found,
            np.where(supervoxels == 1, MISSING, supervoxels),
            np.where(roots == 1, NONE, roots),
        )

    def undecided(self, roots: Ints) -> NotCachedError:
        """Name roots whose cell nothing held decides, and what would.

        That is the newest version's cell tables; what they do not decide, the server.
        """
        name = self._dataset.name
        command = f"cortical-cache sync {name} latest --tables cells"
        with suppress(NotCachedError, UnknownNameError):
            newest = self._versions.record(self._versions.newest()).timestamp
            if to_micros(newest) in self.maps.index().moments:
                command = same_call(name)
        return NotCachedError(f"the cells of {counted(name, roots)} are", command)


def _entry(frame: "pd.DataFrame", key: str) -> tuple[Ints, Ints, Ints]:
    if not len(frame):
        nothing = np.empty(0, np.int64)
        return nothing, nothing, nothing
    roots = _ints(frame["pt_root_id"])
    return (
        _ints(frame[key]),
        _ints(frame["pt_supervoxel_id"]),
        np.where(roots == MISSING, NONE, roots),
    )


def _without(part: tuple[Ints, Ints, Ints], cells: Ints) -> tuple[Ints, Ints, Ints]:
    kept = ~np.isin(part[0], cells)
    return part[0][kept], part[1][kept], part[2][kept]


def _ints(column: "pd.Series[Any]") -> Ints:
    whole = column.astype("Int64").fillna(MISSING)
    return np.asarray(whole.to_numpy(), np.int64)
