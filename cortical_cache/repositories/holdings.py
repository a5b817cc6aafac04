"""What is held on this disk: for ``ls``, ``info`` and ``cache_status``. No network."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cortical_cache.errors import CorticalCacheError
from cortical_cache.model.coverage import Keys
from cortical_cache.model.json import as_object
from cortical_cache.model.version import VersionRecord
from cortical_cache.repositories.expiry import Expiry, last_known
from cortical_cache.store import DatasetStore, ObjectGroup, RowSet

__all__ = [
    "Holding",
    "VersionHolding",
    "expiries",
    "holdings",
    "unversioned",
    "version_holdings",
]


@dataclass(frozen=True, slots=True)
class Holding:
    """One table, view, export or kept reply that is held.

    Attributes
    ----------
    kind : str
        ``table``, ``view``, ``export``, ``query``, ``graph``, ``skeletons``, ``meshes``
        or ``mesh_l2_ids``.
    name : str
    version : int
        0 for what belongs to none: facts of the graph, skeletons, meshes.
    timestamp : datetime or None
        When the version was frozen, where known.
    extent : str
        ``whole``, ``N keys``, ``reply``, ``facts``, ``objects`` or ``damaged``.
    rows, nbytes : int
        Held rows, or objects; size of all files that count.
    fetched_at : datetime or None
        When the oldest of it came, UTC.
    source : str
        Server it came from, or what is wrong with it.
    layers : tuple of str
        Of which stores it is: ``"own"``, or the name of a layer below.
    """

    kind: str
    name: str
    version: int
    timestamp: datetime | None
    extent: str
    rows: int
    nbytes: int
    fetched_at: datetime | None
    source: str
    layers: tuple[str, ...] = ("own",)


@dataclass(frozen=True, slots=True)
class VersionHolding:
    """What is held and known of one version.

    Attributes
    ----------
    version : int
    timestamp : datetime
        When it was frozen, UTC.
    row_sets : int
        Tables, views and replies held.
    rows, nbytes : int
    on_server : bool
        Whether the server answers queries for it, as last known.
    expires_on : datetime or None
        As last known; None: never.
    as_of : datetime
        When that was.
    """

    version: int
    timestamp: datetime
    row_sets: int
    rows: int
    nbytes: int
    on_server: bool
    expires_on: datetime | None
    as_of: datetime


_OTHER_EXTENTS = {"query": "reply", "graph": "facts"}


def version_holdings(
    store: DatasetStore, found: Sequence[Holding]
) -> list[VersionHolding]:
    """Sum up by version what `holdings` found, where the version's date is known."""
    versions: list[VersionHolding] = []
    for version in store.versions():
        document = store.read_version(version)
        known = last_known(store, version)
        if document is None or known is None:
            continue
        record = VersionRecord.parse(as_object(document.value))
        held = [one for one in found if one.version == version]
        versions.append(
            VersionHolding(
                version,
                record.timestamp,
                len(held),
                sum(one.rows for one in held),
                sum(one.nbytes for one in held),
                known.on_server,
                known.expires_on,
                known.as_of,
            )
        )
    return versions


def expiries(store: DatasetStore, found: Sequence[Holding]) -> tuple[Expiry, ...]:
    """Return what is known of the end of the versions among what `holdings` found."""
    known: list[Expiry] = []
    for version in sorted({one.version for one in found}):
        try:
            expiry = last_known(store, version)
        except (CorticalCacheError, ValueError):  # damaged: it hides no other
            continue
        if expiry is not None:
            known.append(expiry)
    return tuple(known)


def holdings(store: DatasetStore) -> list[Holding]:
    """List what is held of the versions of a dataset, by version, kind and name.

    A damaged table is listed as such and hides no other.
    """
    found: list[Holding] = []
    for version in store.versions():
        timestamp = _timestamp(store, version)
        found += [_holding(store, one, timestamp) for one in store.row_sets(version)]
    return found


def unversioned(store: DatasetStore) -> list[Holding]:
    """List what is held that belongs to no version: facts of the graph, skeletons."""
    return [
        *(_holding(store, one, None) for one in store.graph_sets()),
        *(_objects(one, store.server, "own") for one in store.object_groups()),
        *(
            _objects(one, below.server, below.layer)
            for below in store.below
            for one in below.object_groups()
        ),
    ]


def _objects(group: ObjectGroup, server: str, layer: str) -> Holding:
    return Holding(
        kind=group.kind,
        name=group.group,
        version=0,
        timestamp=None,
        extent="objects",
        rows=group.count,
        nbytes=group.nbytes,
        fetched_at=group.oldest,
        source=server,
        layers=(layer,),
    )


def _timestamp(store: DatasetStore, version: int) -> datetime | None:
    try:
        held = store.read_version(version)
        if held is None or not isinstance(held.value, dict):
            return None
        return VersionRecord.parse(held.value).timestamp
    except (CorticalCacheError, ValueError):
        return None


def _holding(
    store: DatasetStore, row_set: RowSet, timestamp: datetime | None
) -> Holding:
    try:
        state = row_set.state()
    except CorticalCacheError as error:
        return Holding(
            row_set.kind,
            row_set.name,
            row_set.version,
            timestamp,
            "damaged",
            0,
            0,
            None,
            str(error),
        )
    keys = {
        (commit.coverage.column, key)
        for commit in state.commits
        if isinstance(commit.coverage, Keys)
        for key in commit.coverage.values
    }
    extent = "whole" if state.is_whole else f"{len(keys):,} keys"
    if state.partial is not None:
        extent = f"{len(state.partial[0].columns)} columns"
    extent = _OTHER_EXTENTS.get(row_set.kind, extent)
    provenances = [commit.provenance for commit in state.commits]
    return Holding(
        row_set.kind,
        row_set.name,
        row_set.version,
        timestamp,
        extent,
        state.rows,
        state.nbytes + row_set.segment_nbytes,
        min((one.fetched_at for one in provenances), default=None),
        ", ".join(sorted({one.server for one in provenances})),
        store.layers_of(state.folder_of(one) for one in state.commits),
    )
