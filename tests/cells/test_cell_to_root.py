"""From cells to roots: at every version, at every moment, from the store."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from cortical_cache import load_client
from cortical_cache.errors import InvalidQueryError, NotCachedError
from tests.cells.kit import (
    MAIN,
    OTHER,
    VERSIONS,
    asked,
    graph_of,
    millis,
    mirror,
    points_of,
    stamp,
    view_of,
)
from tests.kit import python

UNKNOWN = 999_999_999


def expected(world, version: int) -> pd.DataFrame:
    roots = {
        cell: -1 if r is None else r for cell, (_, r) in view_of(world, version).items()
    }
    ids = [*roots, UNKNOWN]
    return pd.DataFrame({"root_id": [*roots.values(), -1]}, index=ids)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_version_answers_as_its_view_has_it(client, cave_world, version):
    wanted = expected(cave_world, version)

    found = client.cell_id_to_root_id(wanted.index, materialization_version=version)

    pd.testing.assert_frame_equal(found, wanted)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_tables_answer_where_a_dataset_has_no_view(
    no_view, client, cave_world, version
):
    view, own = view_of(cave_world, version), points_of(cave_world, version, MAIN)
    others = points_of(cave_world, version, OTHER)

    found = no_view.cell_id_to_root_id([*view], materialization_version=version)

    wanted = [(others.get(cell) or own.get(cell) or {-1}) for cell in view]
    assert [{root} for root in found["root_id"]] == [
        roots if len(roots) == 1 else {-1} for roots in wanted
    ]
    theirs = client.cell_id_to_root_id([*view], materialization_version=version)
    assert (found == theirs)["root_id"].mean() > 0.99


def test_a_cell_with_two_points_has_both_roots_or_none(
    start, cave_world, config, monkeypatch
):
    table = cave_world.frozen["demo", 5][OTHER]
    targets = table.annotation["target_id"]
    twice = replace(targets, data=targets.data.copy())
    good = np.flatnonzero(table.annotation["valid"].data.astype(bool))
    twice.data[good[1]] = twice.data[good[0]]
    annotation = table.annotation.with_columns({"target_id": twice})
    changed = {
        **cave_world.frozen["demo", 5],
        OTHER: replace(table, annotation=annotation),
    }
    world = replace(cave_world, frozen={**cave_world.frozen, ("demo", 5): changed})
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", start(world).url)
    client = load_client("no_view", version=5)
    points = points_of(world, 5, OTHER)
    cell = int(twice.data[good[0]])
    plain = next(one for one in points_of(world, 5, MAIN) if one not in points)

    found = client.cell_id_to_root_id([UNKNOWN, cell, plain])
    every = client.cell_id_to_root_id([cell, UNKNOWN, cell], omit_multiple=False)

    assert len(points[cell]) == 2
    assert found["root_id"].tolist()[:2] == [-1, -1]
    assert found["root_id"].tolist()[2] > 0
    assert every.index.tolist() == [cell, cell, UNKNOWN, cell, cell]
    both = sorted(points[cell])
    assert every["root_id"].tolist() == [*both, -1, *both]


def test_a_mirrored_version_answers_without_a_request(client, server, cave_world):
    mirror(client, 5)
    server.clear_log()
    wanted = expected(cave_world, 5)

    found = client.cell_id_to_root_id(wanted.index, materialization_version=5)

    assert not server.requests
    pd.testing.assert_frame_equal(found, wanted)


def test_what_is_asked_may_have_many_shapes(client, cave_world):
    roots = {cell: root for cell, (_, root) in view_of(cave_world, 5).items() if root}
    two, one = list(roots)[:2]
    order = [one, two, one]
    client.version = 5

    for shape in (
        order,
        tuple(order),
        np.array(order),
        np.array(order, np.uint64),
        pd.Series(order, index=["a", "b", "c"]),
        pd.Series(order, dtype="Int64"),
        pd.Series(order, dtype="int64[pyarrow]"),
        np.array(order, float),
        [str(cell) for cell in order],
    ):
        found = client.cell_id_to_root_id(shape)
        assert found.index.tolist() == order
        assert found["root_id"].tolist() == [roots[cell] for cell in order]
        assert found["root_id"].dtype == np.int64

    scalar = client.cell_id_to_root_id(np.int64(one))
    assert scalar["root_id"].to_dict() == {one: roots[one]}
    assert client.cell_id_to_root_id([])["root_id"].dtype == np.int64
    assert len(client.cell_id_to_root_id([])) == 0


def test_rows_without_a_root_can_be_dropped(client, cave_world):
    wanted = expected(cave_world, 5)

    found = client.cell_id_to_root_id(
        wanted.index, materialization_version=5, filter_empty=True
    )

    pd.testing.assert_frame_equal(found, wanted[wanted["root_id"] != -1])
    assert 0 < len(found) < len(wanted)
    assert 0 in found["root_id"].tolist()  # off the segmentation, and known to be


def test_a_float_that_lost_digits_is_refused(client):
    with pytest.raises(InvalidQueryError, match="last digits are lost"):
        client.root_id_to_cell_id(np.array([864691135336055529.0]))
    with pytest.raises(InvalidQueryError, match="864691135336055552"):
        client.cell_id_to_root_id([8.646911353360555e17])
    with pytest.raises(InvalidQueryError, match="63 bits"):
        client.root_id_to_cell_id([2**63])
    with pytest.raises(InvalidQueryError, match="63 bits"):
        client.root_id_to_cell_id(np.array([2**63], np.uint64))


MOMENTS = [
    timedelta(days=-20, seconds=1),
    timedelta(days=-3),
    timedelta(0),
    timedelta(days=2, microseconds=1),
]


@pytest.mark.parametrize("offset", MOMENTS)
def test_a_moment_answers_as_the_graph_does(client, server, cave_world, offset):
    moment = stamp(cave_world, 5) + offset
    view = view_of(cave_world, 5)
    cells = [cell for cell, (supervoxel, _) in view.items() if supervoxel]
    supervoxels = np.array([view[cell][0] for cell in cells])
    wanted = graph_of(cave_world).parents(supervoxels, millis(moment))
    if offset == timedelta(0):
        wanted = np.array([view[cell][1] or -1 for cell in cells])

    found = client.cell_id_to_root_id(
        cells, timestamp=moment, materialization_version=5
    )

    assert found["root_id"].tolist() == wanted.tolist()

    server.clear_log()
    again = load_client("demo", version=5).cell_id_to_root_id(cells, timestamp=moment)
    pd.testing.assert_frame_equal(again, found)
    assert not asked(server, "roots_binary")
    naive = moment.replace(tzinfo=None)
    offline = load_client("demo", version=5, offline=True)
    pd.testing.assert_frame_equal(
        offline.cell_id_to_root_id(cells, timestamp=naive), found
    )


def test_between_two_versions_a_root_is_known_that_both_have(
    client, server, cave_world
):
    mirror(client, 4, 5)
    before, after = view_of(cave_world, 4), view_of(cave_world, 5)
    same = [c for c in before if before[c][1] and before[c] == after.get(c)]
    moved = [
        c
        for c in before
        if before[c][0]
        and c in after
        and before[c][0] == after[c][0]
        and before[c][1] != after[c][1]
    ]
    between = stamp(cave_world, 4) + (stamp(cave_world, 5) - stamp(cave_world, 4)) / 2
    roots = [before[cell][1] for cell in same]
    offline = load_client("demo", version=5, offline=True)

    found = offline.cell_id_to_root_id(same, timestamp=between)

    assert found["root_id"].tolist() == roots
    assert len(same) > 100
    with pytest.raises(NotCachedError) as refused:
        offline.cell_id_to_root_id([*same, *moved], timestamp=between)
    assert f"{len(moved):,} ids" in str(refused.value)
    assert ", ".join(map(str, sorted(moved)[:5])) in str(refused.value)
    assert refused.value.command == (
        "the same call of load_client('demo', offline=False)"
    )

    server.clear_log()
    graph = graph_of(cave_world)
    client.version = 5
    found = client.cell_id_to_root_id([*same, *moved], timestamp=between)
    supervoxels = np.array([before[cell][0] for cell in [*same, *moved]])
    assert (
        found["root_id"].tolist()
        == graph.parents(supervoxels, millis(between)).tolist()
    )
    (request,) = asked(server, "roots_binary")
    sent = np.frombuffer(request.body, np.uint64)
    assert sorted(sent) == sorted({before[cell][0] for cell in moved})


def test_the_known_life_of_a_root_answers_for_all_of_it(client, server, cave_world):
    mirror(client, 5)
    view = view_of(cave_world, 5)
    cells = [cell for cell, (supervoxel, root) in view.items() if supervoxel and root]
    roots = np.array([view[cell][1] for cell in cells])
    graph = graph_of(cave_world)
    client.is_latest_roots(roots)
    server.clear_log()
    moment = stamp(cave_world, 5) - timedelta(days=3)

    found = client.cell_id_to_root_id(
        cells, timestamp=moment, materialization_version=5
    )

    supervoxels = np.array([view[cell][0] for cell in cells])
    wanted = graph.parents(supervoxels, millis(moment))
    assert found["root_id"].tolist() == wanted.tolist()
    (request,) = asked(server, "roots_binary")
    place, _ = graph.nodes.find(roots)
    younger = graph.nodes.created[place] > millis(moment)
    assert len(request.body) // 8 == len(np.unique(supervoxels[younger]))
    assert 0 < younger.sum() < len(cells) / 2


def test_a_present_moment_is_not_kept(client, server, cave_world):
    cells = list(view_of(cave_world, 5))
    client.version = 5
    client.cell_id_to_root_id(cells, timestamp=datetime.now(UTC))
    server.clear_log()

    client.cell_id_to_root_id(cells, timestamp=datetime.now(UTC))

    assert asked(server, "roots_binary")


def test_another_process_answers_without_a_request(client, server, cave_world):
    moment = stamp(cave_world, 4) + timedelta(days=1)
    cells = list(view_of(cave_world, 4))
    client.version = 4
    first = client.cell_id_to_root_id(cells, timestamp=moment)

    ran = python(
        "import datetime\n"
        "from cortical_cache import load_client\n"
        "client = load_client('demo', version=4, offline=True)\n"
        f"found = client.cell_id_to_root_id({cells}, timestamp={moment!r})\n"
        "print(found['root_id'].tolist())",
        CORTICAL_CACHE_TEST_SOCKETS="none",
    )

    assert ran.code == 0, ran.err
    assert ran.out.strip() == str(first["root_id"].tolist())
