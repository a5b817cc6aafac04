"""Everything that a CAVE deployment holds, as plain data.

The generator fills a `World` and so may a test; the server only reads it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Generic, Literal, TypeVar

from cortical_cache.demo.graph import ChunkedGraph
from cortical_cache.demo.rows import Floats, Ints, Kind, Rows

Resolution = tuple[float, float, float]
Key = TypeVar("Key")
Value = TypeVar("Value")


class LazyMapping(Mapping[Key, Value], Generic[Key, Value]):
    """A mapping that makes each value when first asked for it, once."""

    def __init__(self, keys: Sequence[Key], make: Callable[[Key], Value]) -> None:
        self._keys = dict.fromkeys(keys)
        self._make = make
        self._made: dict[Key, Value] = {}
        self._lock = Lock()

    def __getitem__(self, key: Key) -> Value:
        """Return a value, making it if need be."""
        if key not in self._keys:
            raise KeyError(key)
        with self._lock:
            if key not in self._made:
                self._made[key] = self._make(key)
            return self._made[key]

    def __iter__(self) -> Iterator[Key]:
        """Iterate over the keys without making anything."""
        return iter(self._keys)

    def __len__(self) -> int:
        """Return the number of keys."""
        return len(self._keys)


@dataclass(frozen=True, slots=True)
class Table:
    """An annotation table of an aligned volume, live.

    `annotation` holds every physical row, deleted ones too, in the columns of the
    schema's `annotation`; `segmentation` holds ``id`` and the schema's
    `segmentation` columns, and may lack rows that wait for their lookup.
    """

    name: str
    schema: str
    description: str
    voxel_resolution: Resolution
    created: datetime
    last_modified: datetime
    annotation: Rows
    segmentation: Rows | None
    last_updated: datetime | None = None
    reference_table: str | None = None
    flat_segmentation_source: str | None = None
    notice_text: str | None = None
    user_id: str = "1"
    read_permission: Literal["PUBLIC", "GROUP", "PRIVATE"] = "PUBLIC"
    write_permission: Literal["PUBLIC", "GROUP", "PRIVATE"] = "PRIVATE"


@dataclass(frozen=True, slots=True)
class View:
    """A view's metadata and its columns."""

    view_id: int
    name: str
    description: str
    voxel_resolution: Resolution
    columns: Mapping[str, Kind]
    notice_text: str | None = None
    live_compatible: bool = True


@dataclass(frozen=True, slots=True)
class SplitTable:
    """The frozen copy of a table in a version that is not merged."""

    row_count: int
    annotation: Rows
    segmentation: Rows | None


@dataclass(frozen=True, slots=True)
class MergedTable:
    """The frozen copy of a table in a merged version."""

    row_count: int
    flat: Rows


FrozenTable = SplitTable | MergedTable


@dataclass(frozen=True, slots=True)
class Version:
    """One materialization of one datastack.

    `tables` gives each table's row id in the version's list; `parent` is the
    version of the private datastack that a public one shows.
    """

    row_id: int
    number: int
    time_stamp: datetime
    expires_on: datetime | None
    is_merged: bool
    valid: bool
    status: Literal["AVAILABLE", "RUNNING", "FAILED", "EXPIRED"]
    tables: Mapping[str, int]
    parent: int | None = None


@dataclass(frozen=True, slots=True)
class Datastack:
    """One datastack; a public one names its private `parent`."""

    name: str
    description: str
    aligned_volume: str
    segmentation: str
    synapse_table: str
    soma_table: str
    viewer_resolution: Resolution
    versions: tuple[Version, ...]
    parent: str | None = None
    proofreading_status_table: str | None = None
    cell_identification_table: str | None = None

    def version(self, number: int) -> Version | None:
        """Return the version with a number, if there is one."""
        return next((v for v in self.versions if v.number == number), None)


@dataclass(frozen=True, slots=True)
class AlignedVolume:
    """An aligned image volume with its live tables and views."""

    volume_id: int
    name: str
    display_name: str
    description: str
    image_source: str
    tables: Mapping[str, Table]
    views: Mapping[str, View]


@dataclass(frozen=True, slots=True)
class SegmentationTable:
    """A name under which a chunked graph is served.

    A public name has a `cap`: milliseconds after which it knows nothing.
    """

    graph: ChunkedGraph
    cap: int | None = None


Frozen = Mapping[tuple[str, int], Mapping[str, FrozenTable]]
Skeletons = Mapping[int, Mapping[str, object]]
ViewRows = Mapping[tuple[str, int], Mapping[str, Rows]]


@dataclass(frozen=True, slots=True)
class L2Cache:
    """What the L2 cache of a chunked graph knows.

    `cache_id` names its table; `records` holds, by level-2 id, attributes by name in
    the order of their names, without those that cannot be computed.
    """

    cache_id: str
    records: Mapping[int, Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Fragment:
    """The mesh of one level-2 node.

    `vertices` in nm, shape (n, 3); `faces` three vertices each, shape (m, 3).
    """

    vertices: Floats
    faces: Ints


Fragments = Mapping[int, Fragment]


@dataclass(frozen=True, slots=True)
class World:
    """All that a deployment serves.

    `frozen` and `view_rows` are keyed by private datastack and version. A version
    without frozen tables is one whose database is gone; version 0 of `view_rows` is
    the live database. `segmentations` are keyed by the name in the URL, `l2_caches` by
    the name of the chunked graph. `skeletons` are what can be made of roots, keyed by
    the name of the graph too, each as version 4 of the skeleton service has it, and so
    are `meshes`, by level-2 id.
    """

    datastacks: Mapping[str, Datastack]
    aligned_volumes: Mapping[str, AlignedVolume]
    segmentations: Mapping[str, SegmentationTable]
    frozen: Frozen
    view_rows: ViewRows
    bucket: str = "cave-demo-bucket"
    l2_caches: Mapping[str, L2Cache] = field(default_factory=dict[str, L2Cache])
    skeletons: Mapping[str, Skeletons] = field(default_factory=dict[str, Skeletons])
    meshes: Mapping[str, Fragments] = field(default_factory=dict[str, Fragments])
    users: Mapping[int, str] = field(default_factory=lambda: {1: "Demo User"})
