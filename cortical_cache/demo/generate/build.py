"""Put a whole world together."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import numpy as np

from cortical_cache.demo.generate.anatomy import grow
from cortical_cache.demo.generate.annotate import Study, annotate
from cortical_cache.demo.generate.freeze import (
    freeze,
    lookup_view,
    milliseconds,
    stats_view,
)
from cortical_cache.demo.generate.history import play
from cortical_cache.demo.generate.level2 import l2_cache
from cortical_cache.demo.generate.lives import COPY_TIME, moment
from cortical_cache.demo.generate.mesh import fragments
from cortical_cache.demo.generate.profiles import PROFILES, Profile, Role
from cortical_cache.demo.generate.skeleton import skeletons
from cortical_cache.demo.generate.source import Source
from cortical_cache.demo.graph import ChunkedGraph
from cortical_cache.demo.rows import Rows
from cortical_cache.demo.settings import WorldSettings
from cortical_cache.demo.world import (
    AlignedVolume,
    Datastack,
    FrozenTable,
    LazyMapping,
    SegmentationTable,
    Table,
    Version,
    View,
    World,
)

_NOBODY = "999"


def build_world(settings: WorldSettings | None = None) -> World:
    """Make a synthetic cortex.

    Parameters
    ----------
    settings : WorldSettings, optional
        Seed, size and datastack; the default is a small world named ``demo``.

    Returns
    -------
    World
        The named datastack and its private or public twin. Equal settings give
        equal worlds. Frozen tables are made when first looked at.
    """
    settings = settings or WorldSettings()
    profile = PROFILES[settings.datastack]
    rng = np.random.default_rng(settings.seed)
    lifelike = settings.lifelike
    anatomy = grow(rng, settings.cells, profile.base_resolution, lifelike=lifelike)
    graph = play(
        rng,
        anatomy,
        name=profile.segmentation,
        resolution=profile.base_resolution,
        oldest=milliseconds(moment(profile.oldest)),
        newest=milliseconds(moment(profile.newest)),
        certain=[
            milliseconds(moment(version.time_stamp) + COPY_TIME / 3)
            for version in profile.versions
        ],
    )
    sources = annotate(Study(rng, profile, anatomy, graph, settings.synapses, lifelike))
    views = _view_rows(profile, sources, graph)
    private = _private_datastack(profile, sources)
    public = _public_datastack(profile, private)
    cap = max(version.time_stamp for version in public.versions)
    cache = l2_cache(graph)
    return World(
        datastacks={private.name: private, public.name: public},
        aligned_volumes={
            profile.aligned_volume: AlignedVolume(
                volume_id=1,
                name=profile.aligned_volume,
                display_name=profile.display_name,
                description=profile.description,
                image_source=f"precomputed://https://example.org/{profile.private}/em",
                tables={t.name: t for t in _live_tables(profile, sources, graph)},
                views=_views(profile, views[profile.private, 0]),
            )
        },
        segmentations={
            profile.segmentation: SegmentationTable(graph),
            profile.public_segmentation: SegmentationTable(
                graph, cap=int(cap.timestamp()) * 1000
            ),
        },
        frozen=_frozen(profile, sources, graph),
        view_rows=views,
        l2_caches={graph.name: cache},
        skeletons={graph.name: skeletons(graph, cache)},
        meshes={graph.name: fragments(graph, cache)},
    )


def _frozen(
    profile: Profile, sources: Mapping[Role, Source], graph: ChunkedGraph
) -> Mapping[tuple[str, int], Mapping[str, FrozenTable]]:
    frozen: dict[tuple[str, int], Mapping[str, FrozenTable]] = {}
    by_name = {source.profile.name: source for source in sources.values()}
    for version in profile.versions:
        if version.status == "AVAILABLE":
            stamp, merged = moment(version.time_stamp), version.is_merged
            names = [name for name, s in by_name.items() if s.created[0] <= stamp]

            def make(
                name: str, *, stamp: np.datetime64 = stamp, merged: bool = merged
            ) -> FrozenTable:
                return freeze(by_name[name], graph, stamp, merged=merged)

            frozen[profile.private, version.number] = LazyMapping(names, make)
    return frozen


def _view_rows(
    profile: Profile, sources: Mapping[Role, Source], graph: ChunkedGraph
) -> Mapping[tuple[str, int], Mapping[str, Rows]]:
    end = moment(profile.newest)
    moments = {
        version.number: (moment(version.time_stamp), COPY_TIME)
        for version in profile.versions
        if version.status == "AVAILABLE"
    }
    moments[0] = (end, COPY_TIME * 0)
    names = [profile.lookup_view]
    if profile.stats_view is not None:
        names.append(profile.stats_view)
    rows: dict[tuple[str, int], Mapping[str, Rows]] = {}
    for number, (stamp, delay) in moments.items():

        def make(
            name: str,
            *,
            stamp: np.datetime64 = stamp,
            copied: np.datetime64 = stamp + delay,
        ) -> Rows:
            if name == profile.stats_view:
                return stats_view(sources["synapses"], graph, stamp, copied)
            nuclei, others = sources["nuclei"], sources["alternatives"]
            return lookup_view(nuclei, others, graph, stamp, copied)

        rows[profile.private, number] = LazyMapping(names, make)
    return rows


def _views(profile: Profile, live: Mapping[str, Rows]) -> dict[str, View]:
    resolution = next(t for t in profile.tables if t.role == "nuclei").resolution
    descriptions = {
        profile.lookup_view: "Nuclei, at their alternative points where given.",
        profile.stats_view: "Outgoing synapses of each root.",
    }
    return {
        name: View(
            view_id=number,
            name=name,
            description=descriptions[name],
            voxel_resolution=resolution,
            columns={column: v.kind for column, v in rows.columns.items()},
            live_compatible=name == profile.lookup_view,
        )
        for number, (name, rows) in enumerate(live.items(), start=1)
    }


def _live_tables(
    profile: Profile, sources: Mapping[Role, Source], graph: ChunkedGraph
) -> list[Table]:
    end = moment(profile.newest)
    tables: list[Table] = []
    for source in sources.values():
        table = source.profile
        ended = source.deleted[~np.isnat(source.deleted)]
        changed = max(source.created[-1], ended.max())
        private = table.role == "private_notes"
        tables.append(
            Table(
                name=table.name,
                schema=table.schema,
                description=f"Synthetic {table.role.replace('_', ' ')}.",
                voxel_resolution=table.resolution,
                created=_aware(source.created[0]),
                last_modified=_aware(changed),
                annotation=source.annotation(end),
                segmentation=source.segmentation(end, graph, milliseconds(end)),
                last_updated=profile.newest if source.bound else None,
                reference_table=table.target,
                notice_text=table.notice,
                user_id=_NOBODY if private else "1",
                read_permission="PRIVATE" if private else "PUBLIC",
            )
        )
    return tables


def _aware(when: np.datetime64) -> datetime:
    return when.astype("datetime64[us]").item().replace(tzinfo=UTC)


def _private_datastack(profile: Profile, sources: Mapping[Role, Source]) -> Datastack:
    versions: list[Version] = []
    row_id = 0
    for number, version in enumerate(profile.versions, start=1):
        tables: dict[str, int] = {}
        for source in sources.values():
            began = source.created[0] <= moment(version.time_stamp)
            if began and version.status != "RUNNING":
                row_id += 1
                tables[source.profile.name] = row_id
        available = version.status == "AVAILABLE"
        lasting = timedelta(days=36525 if version.public and available else 30)
        running = version.status == "RUNNING"
        versions.append(
            Version(
                row_id=number,
                number=version.number,
                time_stamp=version.time_stamp,
                expires_on=None if running else version.time_stamp + lasting,
                is_merged=version.is_merged,
                valid=available,
                status=version.status,
                tables=tables,
            )
        )
    return _datastack(profile, profile.private, profile.segmentation, versions)


def _public_datastack(profile: Profile, private: Datastack) -> Datastack:
    public = {table.name for table in profile.tables if table.public}
    versions: list[Version] = []
    row_id = sum(len(version.tables) for version in private.versions)
    for version, plan in zip(private.versions, profile.versions, strict=True):
        if plan.public:
            tables: dict[str, int] = {}
            for name in version.tables:
                if name in public:
                    row_id += 1
                    tables[name] = row_id
            versions.append(
                Version(
                    row_id=len(private.versions) + len(versions) + 1,
                    number=version.number,
                    time_stamp=version.time_stamp,
                    expires_on=version.expires_on,
                    is_merged=version.is_merged,
                    valid=version.valid,
                    status=version.status,
                    tables=tables,
                    parent=version.number,
                )
            )
    return _datastack(
        profile, profile.public, profile.public_segmentation, versions, profile.private
    )


def _datastack(
    profile: Profile,
    name: str,
    segmentation: str,
    versions: list[Version],
    parent: str | None = None,
) -> Datastack:
    return Datastack(
        name=name,
        description=profile.description,
        aligned_volume=profile.aligned_volume,
        segmentation=segmentation,
        synapse_table=profile.name_of("synapses"),
        soma_table=profile.name_of("nuclei"),
        viewer_resolution=profile.viewer_resolution,
        versions=tuple(versions),
        parent=parent,
        proofreading_status_table=profile.name_of("proofreading"),
        cell_identification_table=profile.name_of("cell_types"),
    )
