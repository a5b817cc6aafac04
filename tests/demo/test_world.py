"""The synthetic cortex holds together: every cross reference, at every version."""

from datetime import UTC, datetime

import numpy as np
import pytest

from cortical_cache.demo import World, WorldSettings, build_world
from cortical_cache.demo.generate.profiles import PROFILES
from cortical_cache.demo.graph import ChunkedGraph, chunk_coordinates
from cortical_cache.demo.rows import Rows
from cortical_cache.demo.schemas import all_schemas
from cortical_cache.demo.settings import DATASTACKS
from cortical_cache.demo.world import MergedTable, SplitTable, Version


@pytest.fixture(scope="module", params=[DATASTACKS[0], "minnie65_public", "v1dd"])
def world(request: pytest.FixtureRequest) -> World:
    return build_world(WorldSettings(datastack=request.param, cells=300, synapses=4000))


def _private(world: World) -> str:
    return next(d.name for d in world.datastacks.values() if d.parent is None)


def _graph(world: World) -> ChunkedGraph:
    return world.segmentations[world.datastacks[_private(world)].segmentation].graph


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _frozen_versions(world: World) -> list[Version]:
    name = _private(world)
    return [
        v for v in world.datastacks[name].versions if (name, v.number) in world.frozen
    ]


def _segmentation(world: World, version: Version, table: str) -> Rows | None:
    frozen = world.frozen[_private(world), version.number][table]
    return frozen.flat if isinstance(frozen, MergedTable) else frozen.segmentation


@pytest.mark.parametrize("datastack", DATASTACKS)
def test_every_datastack_comes_with_its_twin(datastack: str):
    world = build_world(WorldSettings(datastack=datastack, cells=40, synapses=200))

    profile = PROFILES[datastack]
    assert set(world.datastacks) == {profile.private, profile.public}
    assert world.datastacks[profile.public].parent == profile.private


def test_equal_settings_give_equal_worlds():
    one, other = (build_world(WorldSettings(cells=60, synapses=500)) for _ in range(2))

    for key, tables in one.frozen.items():
        for name, table in tables.items():
            assert repr(_first(table)) == repr(_first(other.frozen[key][name]))
    graphs = [_graph(world) for world in (one, other)]
    assert np.array_equal(graphs[0].supervoxels, graphs[1].supervoxels)
    assert graphs[0].edits == graphs[1].edits


def test_another_seed_gives_another_world():
    one, other = (build_world(WorldSettings(seed=s, cells=60)) for s in (1, 2))

    assert not np.array_equal(_graph(one).supervoxels, _graph(other).supervoxels)


def _first(table: MergedTable | SplitTable) -> object:
    rows = table.flat if isinstance(table, MergedTable) else table.annotation
    return {n: (c.data.tolist(), c.null.tolist()) for n, c in rows.columns.items()}


def test_roots_of_each_version_follow_from_supervoxels(world: World):
    graph = _graph(world)
    for version in _frozen_versions(world):
        when = _ms(version.time_stamp)
        for table in world.frozen[_private(world), version.number]:
            rows = _segmentation(world, version, table)
            for column in rows.columns if rows is not None else ():
                if column.endswith("_supervoxel_id"):
                    root = rows[column.replace("supervoxel", "root")]
                    atoms = rows[column].ints()
                    known = ~root.null
                    level2 = graph.parents(atoms, when, 2)
                    assert np.array_equal(
                        graph.parents(atoms, when)[known], root.ints()[known]
                    )
                    assert np.array_equal(
                        graph.parents(level2, when), graph.parents(atoms, when)
                    )
                    assert graph.current(
                        root.ints()[known & (root.ints() > 0)], when
                    ).all()
                    assert ((atoms == 0) == (graph.parents(atoms, when) == 0)).all()


def test_ids_have_the_layers_and_chunks_of_their_kind(world: World):
    graph = _graph(world)
    level2 = graph.parents(graph.supervoxels, graph.oldest, 2)
    roots = graph.parents(graph.supervoxels, graph.oldest)

    assert (graph.supervoxels >> 56 == 1).all()
    assert (level2 >> 56 == 2).all()
    assert (roots >> 56 == graph.layers).all()
    chunks = chunk_coordinates(graph.supervoxels)
    assert np.array_equal(chunks, chunk_coordinates(level2))
    size = np.array(graph.chunk_size) * graph.resolution
    assert np.array_equal(np.floor(graph.supervoxel_nm / size).astype(int), chunks)
    assert roots.min() > 2**53


def test_edits_replace_roots_without_losing_supervoxels(world: World):
    graph = _graph(world)
    for edit in graph.edits:
        before = [graph.leaves(root) for root in edit.before]
        after = [graph.leaves(root) for root in edit.after]
        assert sorted(np.concatenate(before)) == sorted(np.concatenate(after))
        shape = (len(before), len(after))
        assert shape == ((2, 1) if edit.kind == "merge" else (1, 2))
        assert not graph.current(np.array(edit.before), edit.time).any()
        assert graph.current(np.array(edit.before), edit.time - 1).all()
        assert graph.current(np.array(edit.after), edit.time).all()
        assert not graph.current(np.array(edit.after), edit.time - 1).any()


def test_level2_graph_of_a_root_is_connected(world: World):
    graph = _graph(world)
    edited = [root for edit in graph.edits for root in edit.after]
    for root in edited[:60]:
        children = graph.root_children.of_one(root).tolist()
        touching: dict[int, set[int]] = {c: set() for c in children}
        for a, b in graph.level2_edges(root).tolist():
            touching[a].add(b)
            touching[b].add(a)
        seen, todo = {children[0]}, [children[0]]
        while todo:
            fresh = touching[todo.pop()] - seen
            seen |= fresh
            todo.extend(fresh)
        assert seen == set(children)


def test_edits_happen_between_all_versions_and_after_the_last(world: World):
    name = _private(world)
    stamps = [_ms(v.time_stamp) for v in world.datastacks[name].versions]
    times = np.array([edit.time for edit in _graph(world).edits])

    counts = np.histogram(times, [0, *stamps, 10**15])[0]
    assert (counts > 0).all()
    while_copied = [((times > s) & (times < s + 30 * 60_000)).sum() for s in stamps]
    assert min(while_copied) > 0


def test_references_point_at_rows_of_their_target(world: World):
    volume = world.aligned_volumes[world.datastacks[_private(world)].aligned_volume]
    for table in volume.tables.values():
        assert set(table.annotation.columns) == set(
            all_schemas()[table.schema].annotation
        )
        if table.reference_table is not None:
            target = volume.tables[table.reference_table].annotation["id"].ints()
            assert np.isin(table.annotation["target_id"].ints(), target).all()


def test_nuclei_are_hurt_in_every_promised_way(world: World):
    name = _private(world)
    nuclei, graph = "nucleus_detection_v0", _graph(world)
    split = [v for v in _frozen_versions(world) if not v.is_merged]
    for version in split:
        table = world.frozen[name, version.number][nuclei]
        assert isinstance(table, SplitTable)
        stamp = np.datetime64(version.time_stamp.astimezone(UTC).replace(tzinfo=None))
        assert (table.annotation["created"].data > stamp).any()
        assert not table.annotation["valid"].data.all()
        assert (table.segmentation["pt_root_id"].ints() == 0).any()
    roots = table.segmentation["pt_root_id"].ints()
    found, counts = np.unique(roots[roots > 0], return_counts=True)
    assert (counts == 2).any(), "no root holds two nuclei"
    somata = graph.parents(graph.supervoxels, _ms(split[-1].time_stamp))
    assert len(np.setdiff1d(somata, found)), "every root has a nucleus"


def test_two_nuclei_in_one_root_are_parted_later():
    world = build_world()
    graph = _graph(world)
    nuclei = world.aligned_volumes["demo_volume"].tables["nucleus_detection_v0"]
    atoms = nuclei.segmentation["pt_supervoxel_id"].ints()
    atoms = np.unique(atoms[atoms > 0])
    shared = []
    for version in _frozen_versions(world):
        roots = graph.parents(atoms, _ms(version.time_stamp))
        shared.append(
            {tuple(atoms[roots == r]) for r in roots if (roots == r).sum() > 1}
        )

    assert shared[0]
    assert shared[0] - shared[-1]


def test_merged_versions_hold_only_what_was_valid_in_time(world: World):
    name = _private(world)
    for version in _frozen_versions(world):
        for table, frozen in world.frozen[name, version.number].items():
            schema = all_schemas()[
                world.aligned_volumes[world.datastacks[name].aligned_volume]
                .tables[table]
                .schema
            ]
            if isinstance(frozen, MergedTable):
                assert list(frozen.flat.columns) == list(schema.flat)
                assert frozen.flat["valid"].data.all()
                assert len(frozen.flat) <= frozen.row_count
            else:
                assert list(frozen.annotation.columns) == list(schema.annotation)
                assert frozen.row_count < len(frozen.annotation)


def test_lookup_view_prefers_alternative_points(world: World):
    name = _private(world)
    profile = PROFILES[name]
    version = next(v for v in _frozen_versions(world) if not v.is_merged)
    view = world.view_rows[name, version.number][profile.lookup_view]
    frozen = world.frozen[name, version.number]
    others = frozen["nucleus_alternative_points"]
    nuclei = frozen["nucleus_detection_v0"]
    valid = nuclei.annotation["valid"].data
    assert sorted(view["id"].ints()) == sorted(nuclei.annotation["id"].ints()[valid])

    good = others.annotation["valid"].data
    targets = dict(
        zip(
            others.annotation["id"].ints()[good].tolist(),
            others.annotation["target_id"].ints()[good].tolist(),
            strict=True,
        )
    )
    where = {t: i for i, t in enumerate(view["id"].ints().tolist())}
    moved = 0
    for place, row in enumerate(others.segmentation["id"].ints().tolist()):
        if targets.get(row) in where:
            at = where[targets[row]]
            atom = others.segmentation["pt_supervoxel_id"].ints()[place]
            assert view["pt_supervoxel_id"].ints()[at] == atom
            moved += 1
    assert moved > 0


def test_synapse_counts_have_a_heavy_tail():
    world = build_world()
    roots = _segmentation(world, _frozen_versions(world)[-1], "synapses_demo")
    counts = np.unique(roots["post_pt_root_id"].ints(), return_counts=True)[1]

    assert counts.max() > 20 * np.median(counts)
    assert counts.max() < counts.sum() / 10


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"seed": -1}, "seed must not be negative"),
        ({"cells": 3}, "cells must be at least 40"),
        ({"synapses": 3}, "synapses must be at least 200"),
        ({"datastack": "nope"}, "datastack must be one of demo"),
    ],
)
def test_senseless_world_settings_are_refused(wrong: dict, complaint: str):
    with pytest.raises(ValueError, match=complaint):
        WorldSettings(**wrong)
