"""What the L2 cache computed of level-2 nodes: sizes, a point inside, principal axes.

A value that is there never changes while the cache keeps its id. What is not computed
yet is remembered only as "was not there when asked", and asked again.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from cortical_cache.cache.facts import Facts
from cortical_cache.cache.keyed import Keyed
from cortical_cache.cache.origin import Origin
from cortical_cache.errors import NotCachedError, UnknownNameError
from cortical_cache.model.ids import MISSING
from cortical_cache.model.json import Json, JsonObject, as_object
from cortical_cache.model.level2 import ATTRIBUTES, Attribute
from cortical_cache.model.moments import from_micros, to_micros
from cortical_cache.policy.freshness import Fact, is_absent
from cortical_cache.repositories.catalog import Catalog
from cortical_cache.repositories.missing import by_asking, require_ids
from cortical_cache.store import DatasetStore

__all__ = ["Level2", "Level2Values", "Progress"]

log = logging.getLogger(__name__)

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

Progress = Callable[[int], object]
"""Told how many more ids have been asked for."""

_IDS_A_COMMIT = 50_000
_WHOLE = [name for one in ATTRIBUTES if one.is_whole for name in one.columns]
_REAL = [name for one in ATTRIBUTES if not one.is_whole for name in one.columns]


@dataclass(frozen=True, slots=True)
class Level2Values:
    """What is known of some level-2 ids.

    Attributes
    ----------
    ids : numpy.ndarray of int64, shape (n,)
    numbers : dict of str to numpy.ndarray, shape (n,)
        By column; int64 or float64, 0 or NaN where there is none.
    is_there : dict of str to numpy.ndarray of bool, shape (n,)
        By attribute.
    asked_at : dict of str to numpy.ndarray of int64, shape (n,)
        By attribute, when it was last found not to be there, in microseconds since
        1970, UTC; `MISSING` where it never was.
    """

    ids: Ints
    numbers: dict[str, Ints | Floats]
    is_there: dict[str, Bools]
    asked_at: dict[str, Ints]

    def unknown(self, wanted: Sequence[Attribute]) -> Bools:
        """Tell which ids lack an attribute that was never asked for."""
        lacking = np.zeros(len(self.ids), np.bool_)
        for one in wanted:
            never = self.asked_at[one.name] == MISSING
            lacking |= ~self.is_there[one.name] & never
        return lacking

    def due(self, wanted: Sequence[Attribute], now: datetime) -> Bools:
        """Tell which ids are to be asked for again.

        Of a node without any value nothing is computed yet, which may change at any
        time; where there are some, those that are missing have no meaning for it (a
        node too small for axes), and are asked again only after a while.
        """
        computed = np.zeros(len(self.ids), np.bool_)
        for there in self.is_there.values():
            computed |= there
        due = np.zeros(len(self.ids), np.bool_)
        for one in wanted:
            asked_at = self.asked_at[one.name]
            moments, back = np.unique(asked_at, return_inverse=True)
            believed = np.array(
                [
                    moment != MISSING and is_absent(from_micros(int(moment)), now)
                    for moment in moments
                ],
                np.bool_,
            )
            due |= ~self.is_there[one.name] & ~(computed & believed[back])
        return due


class Level2:
    """The attributes of one dataset's level-2 nodes.

    Parameters
    ----------
    store, origin, catalog, facts, clock
        Collaborators.
    """

    def __init__(
        self,
        store: DatasetStore,
        origin: Origin,
        catalog: Catalog,
        facts: Facts,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._origin = origin
        self._catalog = catalog
        self._facts = facts
        self._clock = clock
        self._tables: dict[str, Keyed] = {}

    def caches(self) -> JsonObject:
        """Return the cache of each chunked graph by name. Freshness: a day.

        Raises
        ------
        NotCachedError
            Offline, and never asked.
        """
        document = self._facts.get(
            Fact.L2_CACHES,
            lambda: self._origin.level2.caches(),  # noqa: PLW0108  offline: no origin
            missing=by_asking(self._origin, "the L2 cache"),
        )
        return as_object(document.value)

    def cache_id(self) -> str:
        """Return the id of the dataset's L2 cache. Freshness: a day.

        Raises
        ------
        UnknownNameError
            If it has none.
        NotCachedError
            Offline, and never asked.
        """
        source = str(self._catalog.info()["segmentation_source"])
        graph = source.rstrip("/").rpartition("/")[2]
        caches = self.caches()
        if graph not in caches:
            raise UnknownNameError("L2 cache", graph, self._origin.dataset.name, ())
        return str(as_object(caches[graph])["l2cache_id"])

    def values(
        self,
        ids: Ints,
        wanted: Sequence[Attribute],
        come: Callable[[int], Progress] | None = None,
    ) -> Level2Values:
        """Return attributes of level-2 ids.

        Freshness: a value that is there is kept for ever; what is not computed yet is
        asked again, each time for ids without any value, else after an hour.

        Parameters
        ----------
        ids : numpy.ndarray of int64
            Unique, ascending.
        wanted : sequence of Attribute
        come : callable, optional
            Given the number of ids to ask for, returns what is told of the progress.

        Raises
        ------
        NotCachedError
            Offline, for ids never asked for; it names the first five.
        """
        try:
            table = self._table(self.cache_id())
        except NotCachedError:  # what fetches the attributes fetches that, too
            self._require(ids)
            raise
        values = _held(table, ids)
        if self._origin.offline:
            self._require(ids[values.unknown(wanted)])
            _say_missing(values, wanted)
            return values
        left = ids[values.due(wanted, self._clock())]
        if not len(left):
            return values
        what = ",".join(one.name for one in wanted)
        with table.asking(left, what):
            # Another one may have asked meanwhile.
            again = _held(table, left)
            left = left[again.due(wanted, self._clock())]
            self._ask(table, left, wanted, (come or _quiet)(len(left)))
        return _held(table, ids)

    def _require(self, ids: Ints) -> None:
        """Make sure that attributes of ids, if any, may be asked for."""
        what = "the attributes of {} are"
        require_ids(self._origin, what, ids, noun="level-2 ids")

    def _ask(
        self, table: Keyed, ids: Ints, wanted: Sequence[Attribute], tell: Progress
    ) -> None:
        from cortical_cache.sources.cave.level2 import IDS_AT_ONCE

        names = [one.name for one in wanted]
        asked: list[int] = []
        records: dict[int, JsonObject] = {}
        try:
            for start in range(0, len(ids), IDS_AT_ONCE):
                batch = ids[start : start + IDS_AT_ONCE].tolist()
                records |= self._origin.level2.records(batch, names)
                asked += batch
                if len(asked) >= _IDS_A_COMMIT:
                    self._keep(table, asked, records, wanted)
                    asked, records = [], {}
                tell(len(batch))
        finally:  # what came before an interruption stays
            self._keep(table, asked, records, wanted)

    def _keep(
        self,
        table: Keyed,
        ids: Sequence[int],
        records: dict[int, JsonObject],
        wanted: Sequence[Attribute],
    ) -> None:
        mask = sum(1 << ATTRIBUTES.index(one) for one in wanted)
        whole = np.full((len(_WHOLE), len(ids)), MISSING, np.int64)
        real = np.full((len(_REAL), len(ids)), np.nan)
        for row, one in enumerate(ids):
            for attribute in wanted:
                value = records[one].get(attribute.name)
                if value is None:
                    continue
                numbers = _flat(value)
                if len(numbers) != len(attribute.columns):  # an empty array
                    continue
                rows, names = (whole, _WHOLE) if attribute.is_whole else (real, _REAL)
                first = names.index(attribute.columns[0])
                rows[first : first + len(numbers), row] = numbers
        now = np.full(len(ids), to_micros(self._clock()), np.int64)
        asked = np.full(len(ids), mask, np.int64)
        table.add([np.array(ids, np.int64), asked, now, *whole], [*real])

    def _table(self, cache_id: str) -> Keyed:
        if cache_id not in self._tables:
            self._tables[cache_id] = Keyed(
                self._store.rows("graph", f"l2_data.{cache_id}", 0),
                "l2_id",
                ("asked", "asked_at", *_WHOLE),
                self._origin.dataset.server_address,
                floats=_REAL,
            )
        return self._tables[cache_id]


def _held(table: Keyed, ids: Ints) -> Level2Values:
    """Put together what all rows say of ids."""
    rows = table.get(ids)
    asked, told_at = rows.columns["asked"], rows.columns["asked_at"]
    numbers: dict[str, Ints | Floats] = {}
    is_there: dict[str, Bools] = {}
    asked_at: dict[str, Ints] = {}
    for bit, attribute in enumerate(ATTRIBUTES):
        first = attribute.columns[0]
        if attribute.is_whole:
            says = rows.columns[first] != MISSING
        else:
            says = ~np.isnan(rows.floats[first])
        there = np.zeros(len(ids), np.bool_)
        there[rows.asked[says]] = True
        for name in attribute.columns:
            if attribute.is_whole:
                whole = np.zeros(len(ids), np.int64)
                whole[rows.asked[says]] = rows.columns[name][says]
                numbers[name] = whole
            else:
                real = np.full(len(ids), np.nan)
                real[rows.asked[says]] = rows.floats[name][says]
                numbers[name] = real
        lacked = ~says & ((asked >> bit) & 1 == 1)
        when = np.full(len(ids), MISSING, np.int64)
        np.maximum.at(when, rows.asked[lacked], told_at[lacked])
        is_there[attribute.name], asked_at[attribute.name] = there, when
    return Level2Values(ids, numbers, is_there, asked_at)


def _flat(value: Json) -> list[float]:
    """Return the numbers of a value, one after another."""
    if isinstance(value, list):
        return [number for part in value for number in _flat(part)]
    return [value] if isinstance(value, int | float) else []


def _quiet(_count: int) -> Progress:
    return lambda _more: None


def _say_missing(values: Level2Values, wanted: Sequence[Attribute]) -> None:
    nothing = np.ones(len(values.ids), np.bool_)
    for one in wanted:
        nothing &= ~values.is_there[one.name]
    if nothing.any():
        count = int(nothing.sum())
        log.warning("offline: %d level-2 ids had no values when last asked", count)
