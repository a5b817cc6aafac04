"""What the services share: the world, the settings, and lookups in both."""

import itertools
import threading
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from cortical_cache.demo.rows import Rows, Vector, empty
from cortical_cache.demo.server.exchange import (
    Fault,
    json_reply,
    sql_failure,
    unhandled,
)
from cortical_cache.demo.settings import ServerSettings
from cortical_cache.demo.world import (
    AlignedVolume,
    Datastack,
    MergedTable,
    Resolution,
    SplitTable,
    Table,
    Version,
    World,
)


@dataclass(frozen=True, slots=True)
class Relation:
    """What a query reads under one name: a table, split or merged, or a view.

    `physical` are the rows; in a split version those of annotation LEFT JOIN
    segmentation.
    """

    name: str
    physical: Rows
    resolution: Resolution
    is_view: bool = False
    is_split: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A version as asked for, and the private one whose database answers."""

    datastack: Datastack
    version: Version
    source: Datastack
    source_version: Version


class Deployment:
    """A world behind one server."""

    def __init__(self, world: World, settings: ServerSettings) -> None:
        self.world = world
        self.settings = settings
        self.url = ""
        self.l2_asked: dict[int, datetime] = {}
        self.drawn: dict[int, bytes] = {}
        self.skeletons_asked: dict[int, datetime] = {}
        self.states: dict[tuple[str, int], object] = {}
        self.written: dict[tuple[str, str], dict[int, dict[str, object]]] = {}
        self._numbers = itertools.count()
        self._models: dict[tuple[str, int, str], Rows] = {}
        self._lock = threading.Lock()

    def dice(self) -> np.random.Generator:
        """Return a generator that differs from request to request."""
        return np.random.default_rng((self.settings.seed, next(self._numbers)))

    def keep_state(self, kind: str, value: object, number: int | None = None) -> int:
        """Keep a value under a number, one that nobody has unless it is given."""
        with self._lock:
            if number is None:
                number = 1 + max((n for _, n in self.states), default=0)
            self.states[kind, number] = value
        return number

    def datastack(self, name: str) -> Datastack:
        """Find a datastack that the caller may see."""
        datastack = self.world.datastacks.get(name)
        if datastack is None:
            raise unhandled(f"404 Not Found: datastack {name} not found")
        self.permit(datastack)
        return datastack

    def permit(self, datastack: Datastack) -> None:
        """Refuse datastacks that the settings forbid."""
        if datastack.name in self.settings.forbidden:
            dataset = datastack.aligned_volume
            raise Fault(
                json_reply(
                    {
                        "error": "missing_permission",
                        "message": "Missing permission: view for dataset " + dataset,
                        "data": {
                            "required_permission": "view",
                            "auth_dataset": dataset,
                        },
                    },
                    403,
                )
            )

    def volume(self, datastack: Datastack) -> AlignedVolume:
        """Return the aligned volume with the live tables."""
        return self.world.aligned_volumes[datastack.aligned_volume]

    def snapshot(self, datastack_name: str, number: int) -> Snapshot:
        """Resolve a version of a datastack to the database that answers for it."""
        datastack = self.datastack(datastack_name)
        if datastack.parent is None:
            version = datastack.version(number)
            if version is None:
                raise unhandled(
                    f"404 Not Found: version {number} not found in {datastack_name}"
                )
            return Snapshot(datastack, version, datastack, version)
        if number == 0:
            number = max(v.number for v in datastack.versions if v.valid)
        version = datastack.version(number)
        if version is None or version.parent is None:
            raise unhandled(
                f"404 Not Found: version {number} not found in {datastack_name}"
            )
        source = self.world.datastacks[datastack.parent]
        parent = source.version(version.parent)
        if parent is None or not parent.valid:
            raise unhandled(
                f"404 Not Found: version {number} not found in {datastack_name} "
                "because there is no valid parent"
            )
        return Snapshot(datastack, version, source, parent)

    def table(self, snapshot: Snapshot, name: str) -> Table:
        """Find a table that the asked version lists and the caller may read."""
        if name not in snapshot.version.tables:
            raise unhandled(
                f"404 Not Found: Analysis table '{name}' not found for version "
                f"{snapshot.version.number} in datastack {snapshot.datastack.name}"
            )
        table = self.volume(snapshot.source).tables[name]
        self.readable(table)
        return table

    def readable(self, table: Table) -> None:
        """Refuse tables that only their owner may read."""
        if table.read_permission == "PRIVATE" and int(table.user_id) != self.user_id:
            raise unhandled(
                "401 Unauthorized: Unauthorized: "
                "The table can only be read by its owner"
            )

    @property
    def user_id(self) -> int:
        """The user that every token belongs to."""
        return next(iter(self.world.users))

    def relation(self, snapshot: Snapshot, table: Table) -> Relation:
        """Open a table of a frozen database."""
        key = snapshot.source.name, snapshot.source_version.number
        if key not in self.world.frozen:
            raise relation_missing(table.name)
        frozen = self.world.frozen[key][table.name]
        if isinstance(frozen, MergedTable):
            return Relation(table.name, frozen.flat, table.voxel_resolution)
        rows = self._model((*key, table.name), frozen)
        return Relation(table.name, rows, table.voxel_resolution, is_split=True)

    def _model(self, key: tuple[str, int, str], frozen: SplitTable) -> Rows:
        with self._lock:
            if key not in self._models:
                self._models[key] = left_join(frozen.annotation, frozen.segmentation)
            return self._models[key]

    def notice(self, name: str, own: str | None) -> str | None:
        """Return the notice text of a table or view."""
        return self.settings.notices.get(name, own)


def relation_missing(name: str) -> Fault:
    """Fail a query of a version whose database is gone: an empty one took its place."""
    return sql_failure(f'relation "{name}" does not exist')


def database_missing(datastack: str, version: int) -> Fault:
    """Say that a version's database is gone."""
    name = f"{datastack}__mat{version}"
    return unhandled(
        "(psycopg2.OperationalError) connection to server failed: "
        f'FATAL:  database "{name}" does not exist\n'
    )


def left_join(annotation: Rows, segmentation: Rows | None) -> Rows:
    """Add the segmentation columns to annotation rows, null where there is none."""
    if segmentation is None:
        return annotation
    if not len(segmentation):
        nulls = {
            n: empty(c.kind, len(annotation)) for n, c in segmentation.columns.items()
        }
        return annotation.with_columns({n: v for n, v in nulls.items() if n != "id"})
    wanted, ids = annotation["id"].ints(), segmentation["id"].ints()
    order = np.argsort(ids, kind="stable")
    place = np.searchsorted(ids[order], wanted)
    place = order[np.minimum(place, len(order) - 1)]
    missing = ids[place] != wanted
    columns: dict[str, Vector] = {}
    for name, vector in segmentation.columns.items():
        if name != "id":
            taken = vector.take(place)
            columns[name] = Vector(vector.kind, taken.data, taken.null | missing)
    return annotation.with_columns(columns)
