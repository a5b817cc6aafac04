"""Which cells the mirrored versions name, and where: the raw stuff of cell lookups."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cortical_cache.model.dataset import Dataset
from cortical_cache.model.ids import MISSING
from cortical_cache.model.moments import to_micros
from cortical_cache.model.version import VersionRecord
from cortical_cache.store import DatasetStore, RowSetState

__all__ = ["CellMaps", "Index", "Sightings"]

Ints = npt.NDArray[np.int64]

NONE = -1
"""Proved: no entry, or more than one."""


@dataclass(frozen=True, slots=True)
class Sightings:
    """Where supervoxels were seen: of each row a supervoxel, its root, and when."""

    supervoxels: Ints
    roots: Ints
    times: Ints


@dataclass(frozen=True, slots=True)
class Index:
    """The cell of every root of the mirrored versions.

    Attributes
    ----------
    roots, cells : numpy.ndarray of int64, shape (n,)
        Ascending, unique roots; the cell as the newest version has it, `NONE` where
        that version has several.
    moments : tuple of int
        Timestamps of the versions that are mirrored as far as cells go.
    """

    roots: Ints
    cells: Ints
    moments: tuple[int, ...]

    def find(self, roots: Ints) -> Ints:
        """Return the cells of roots; `MISSING` where no version has the root."""
        found = np.full(len(roots), MISSING, np.int64)
        if len(self.roots):
            place = np.searchsorted(self.roots, roots)
            place[place == len(self.roots)] = 0
            there = self.roots[place] == roots
            found[there] = self.cells[place[there]]
        return found


class CellMaps:
    """Read the cell tables of every mirrored version. No network.

    Parameters
    ----------
    dataset : Dataset
    store : DatasetStore
    """

    def __init__(self, dataset: Dataset, store: DatasetStore) -> None:
        self._dataset = dataset
        self._store = store
        self._read: dict[tuple[str, ...], list[Ints]] = {}
        self._index: tuple[object, Index] | None = None
        self._sightings: tuple[object, Sightings] | None = None

    def index(self) -> Index:
        """Return the cells of all roots, read anew when more has been mirrored."""
        parts = list(self._complete())
        key = _key(parts)
        if self._index is None or self._index[0] != key:
            self._index = (key, _indexed([self._pairs(*part) for part in parts]))
        return self._index[1]

    def sightings(self) -> Sightings:
        """Return where the mirrored cell tables and lookup views saw supervoxels."""
        parts = [
            (moment, [state])
            for version, moment in self._versions()
            for kind, name in self._sources()
            if (state := self._state(kind, name, version)) is not None
        ]
        key = _key(parts)
        if self._sightings is None or self._sightings[0] != key:
            self._sightings = (key, self._seen([(m, one) for m, (one,) in parts]))
        return self._sightings[1]

    def _seen(self, parts: list[tuple[int, RowSetState]]) -> Sightings:
        nothing = np.empty(0, np.int64)
        supervoxels, roots, times = [nothing], [nothing], [nothing]
        for moment, state in parts:
            held = self._columns(state, ("pt_supervoxel_id", "pt_root_id"))
            good = (held[0] > 0) & (held[1] != MISSING)
            supervoxels.append(held[0][good])
            roots.append(held[1][good])
            times.append(np.full(int(good.sum()), moment, np.int64))
        return Sightings(
            np.concatenate(supervoxels), np.concatenate(roots), np.concatenate(times)
        )

    def _complete(self) -> Iterator[tuple[int, list[RowSetState]]]:
        """Yield moment and states of versions with every cell table."""
        for version, moment in self._versions():
            states = self._tables(version)
            if states is not None:
                yield moment, states

    def _tables(self, version: int) -> list[RowSetState] | None:
        """Return the cell tables of a version, the main one first, if all are whole."""
        main = self._state("table", self._dataset.main_table, version)
        if main is None:
            return None
        states = [main]
        for table in self._dataset.alternative_tables:
            state = self._state("table", table.name, version)
            if state is not None:
                states.append(state)
            elif self._exists(table.name, version):
                return None
        return states

    def _pairs(self, moment: int, states: list[RowSetState]) -> tuple[int, Ints, Ints]:
        """Return the moment, and roots and cells of one version's tables."""
        named = zip(states, ("id", *["target_id"] * (len(states) - 1)), strict=True)
        pairs = [self._columns(one, ("pt_root_id", cell)) for one, cell in named]
        roots = np.concatenate([pair[0] for pair in pairs])
        cells = np.concatenate([pair[1] for pair in pairs])
        good = (roots != MISSING) & (roots != 0) & (cells != MISSING)
        return moment, roots[good], cells[good]

    def _versions(self) -> Iterator[tuple[int, int]]:
        for version in self._store.versions():
            document = self._store.read_version(version)
            if document is not None and isinstance(document.value, dict):
                record = VersionRecord.parse(document.value)
                yield version, to_micros(record.timestamp)

    def _sources(self) -> Iterator[tuple[str, str]]:
        for name in self._dataset.cell_tables:
            yield "table", name
        if self._dataset.lookup_view:
            yield "view", self._dataset.lookup_view

    def _exists(self, table: str, version: int) -> bool:
        """Tell whether a version has a table; one that is not known to lack it does."""
        document = self._store.read_fact("tables", version)
        if document is None or not isinstance(document.value, list):
            return True
        records = [one for one in document.value if isinstance(one, dict)]
        return any(one.get("table_name") == table for one in records)

    def _state(self, kind: str, name: str, version: int) -> RowSetState | None:
        rows = self._store.rows("view" if kind == "view" else "table", name, version)
        state = rows.state()
        return state if state.is_whole else None

    def _columns(self, state: RowSetState, names: Sequence[str]) -> list[Ints]:
        """Read columns of a whole table, once in a process."""
        from cortical_cache.engine.columns import int_columns

        key = (state.commits[-1].id, *names)
        if key not in self._read:
            held = state.held_whole()
            if held is None:
                raise AssertionError(f"not whole: {state}")
            self._read[key] = int_columns(held, names, MISSING)
        return self._read[key]


def _key(parts: "Sequence[tuple[int, list[RowSetState]]]") -> object:
    """Return what tells one set of mirrored tables from another."""
    return [(moment, [one.commits[-1].id for one in them]) for moment, them in parts]


def _indexed(parts: list[tuple[int, Ints, Ints]]) -> Index:
    """Put the versions together: of each root the newest one that has it counts."""
    all_moments = tuple(sorted({moment for moment, _, _ in parts}))
    if not any(len(roots) for _, roots, _ in parts):
        nothing = np.empty(0, np.int64)
        return Index(nothing, nothing, all_moments)
    moments = np.concatenate([np.full(len(r), m, np.int64) for m, r, _ in parts])
    roots = np.concatenate([roots for _, roots, _ in parts])
    cells = np.concatenate([cells for _, _, cells in parts])
    order = np.lexsort((cells, moments, roots))
    roots, cells, moments = roots[order], cells[order], moments[order]
    last = np.flatnonzero(np.r_[roots[1:] != roots[:-1], True])  # newest, largest cell
    # rows of the same root and moment lie together, so their smallest cell is first
    group = np.r_[True, (roots[1:] != roots[:-1]) | (moments[1:] != moments[:-1])]
    starts = np.flatnonzero(group)
    smallest = cells[starts[np.searchsorted(starts, last, "right") - 1]]
    chosen = np.where(smallest == cells[last], cells[last], NONE)
    return Index(roots[last], chosen, all_moments)
