"""From roots to cells: whatever their time, from the store before the server."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from cortical_cache import load_client
from cortical_cache.errors import NotCachedError, TruncatedResultError
from tests.cells.kit import (
    MAIN,
    VERSIONS,
    Clock,
    asked,
    cells_at,
    client_at,
    every_root,
    graph_of,
    last_moment,
    lives,
    millis,
    mirror,
    nuclei_in,
    some_roots,
    stamp,
)
from tests.kit import python, row_queries

NO_ROOT = 864691135336055529


def proved(world, version: int) -> dict[int, int]:
    """Return what a version says of the roots that were current at it."""
    graph = graph_of(world)
    roots = every_root(graph)
    created, retired = lives(graph, roots)
    at = millis(stamp(world, version))
    cells = cells_at(world, version)
    return {
        root: next(iter(cells[root])) if len(cells.get(root, ())) == 1 else -1
        for root in roots[(created <= at) & (at < retired)].tolist()
    }


def test_versions_and_lives_answer_without_a_server(client, server, cave_world):
    mirror(client, *VERSIONS)
    graph = graph_of(cave_world)
    roots = every_root(graph)
    client.cached.chunkedgraph.get_root_timestamps(roots, latest=True)
    wanted: dict[int, int] = {}
    for version in VERSIONS:  # the newest that has it counts, then any that lacks it
        mapped = proved(cave_world, version)
        wanted |= {r: c for r, c in mapped.items() if c != -1 or r not in wanted}
        several = {r for r, c in cells_at(cave_world, version).items() if len(c) > 1}
        wanted |= dict.fromkeys(several, -1)
    server.stop()
    asked_ids = np.array(list(wanted))
    offline = load_client("demo", offline=True)

    found = offline.root_id_to_cell_id(asked_ids)

    assert found["cell_id"].to_dict() == wanted
    assert found["cell_id"].dtype == np.int64
    assert sum(cell == -1 for cell in wanted.values()) > 50
    left = np.setdiff1d(roots, asked_ids)
    assert len(left) > 50
    with pytest.raises(NotCachedError) as refused:
        offline.root_id_to_cell_id(roots)
    assert f"{len(left):,} ids" in str(refused.value)
    assert ", ".join(map(str, left[:5].tolist())) + ", ..." in str(refused.value)
    # The cell tables of the newest version do not decide these: they are held.
    assert refused.value.command == (
        "the same call of load_client('demo', offline=False)"
    )
    shown = offline.root_id_to_cell_id([*left[:2], asked_ids[0]], missing="na")
    assert shown["cell_id"].dtype == pd.Int64Dtype()
    assert shown["cell_id"].isna().tolist() == [True, True, False]
    kept = offline.root_id_to_cell_id(roots, missing="na", filter_empty=True)
    assert kept["cell_id"].isna().sum() == len(left)
    assert not (kept["cell_id"] == -1).any()


def test_the_server_answers_as_of_the_end_of_a_root_or_now(client, cave_world):
    graph, now = graph_of(cave_world), datetime.now(UTC)
    roots = some_roots(cave_world)
    held = {
        root: set(nuclei_in(cave_world, root, last_moment(graph, root, now)))
        for root in roots
    }

    found = client.root_id_to_cell_id(roots)

    assert found["cell_id"].to_dict() == {
        root: next(iter(cells)) if len(cells) == 1 else -1
        for root, cells in held.items()
    }
    assert {len(cells) for cells in held.values()} >= {0, 1, 2}


def test_one_version_says_nothing_of_a_root_from_another_time(client, cave_world):
    mirror(client, 5)
    old = set(proved(cave_world, 2)) - set(proved(cave_world, 5))

    offline = load_client("demo", offline=True)

    found = offline.root_id_to_cell_id(list(old), missing="na")
    assert found["cell_id"].isna().all()


def test_absence_needs_a_known_life(client, cave_world):
    mirror(client, 5)
    mapped = proved(cave_world, 5)
    absent = [root for root in mapped if root not in cells_at(cave_world, 5)]
    offline = load_client("demo", offline=True)
    with pytest.raises(NotCachedError):
        offline.root_id_to_cell_id(absent)

    client.cached.chunkedgraph.is_latest_roots(absent, stamp(cave_world, 5))

    found = load_client("demo", offline=True).root_id_to_cell_id(absent)
    assert (found["cell_id"] == -1).all()


def test_order_and_repeats_are_kept(client, cave_world):
    mirror(client, 5)
    mapped = {root: cell for root, cell in proved(cave_world, 5).items() if cell > 0}
    one, two, three = list(mapped)[:3]

    for shape in (
        [two, one, two, three],
        np.array([two, one, two, three], np.uint64),
        pd.Series([two, one, two, three], dtype="Int64"),
        pd.Series([two, one, two, three], index=list("abcd")),
    ):
        found = client.root_id_to_cell_id(shape)
        assert found.index.tolist() == [two, one, two, three]
        assert found["cell_id"].tolist() == [mapped[r] for r in (two, one, two, three)]
    assert client.root_id_to_cell_id(one)["cell_id"].to_dict() == {one: mapped[one]}
    assert client.root_id_to_cell_id([])["cell_id"].dtype == np.int64


def test_what_is_no_root_has_no_cell(client, server):
    found = client.root_id_to_cell_id([0, -1, 0])

    assert found["cell_id"].tolist() == [-1, -1, -1]
    assert not server.requests
    assert client.root_id_to_cell_id([NO_ROOT])["cell_id"].tolist() == [-1]
    with pytest.raises(NotCachedError):
        load_client("demo", offline=True).root_id_to_cell_id([NO_ROOT])


def test_only_what_is_unknown_is_asked(client, server, cave_world):
    graph = graph_of(cave_world)
    roots = every_root(graph)
    _, retired = lives(graph, roots)
    current = roots[retired > millis(datetime.now(UTC))][:300]
    client.root_id_to_cell_id(current[10:])
    server.clear_log()

    load_client("demo").root_id_to_cell_id(current)

    new = set(current[:10].tolist())
    queries = [json.loads(one.body) for one in row_queries(server)]
    assert {query["table"] for query in queries} >= {MAIN}
    for query in queries:
        (by_column,) = query["filter_in_dict"].values()
        assert set(by_column["pt_root_id"]) == new
        assert len(by_column["pt_root_id"]) == 10
    for ending in ("root_timestamps", "is_latest_roots"):
        for request in asked(server, ending):
            assert set(json.loads(request.body)["node_ids"]) == new


def test_what_was_learnt_is_shared_by_all_processes(client, server, cave_world):
    graph = graph_of(cave_world)
    roots = every_root(graph)
    _, retired = lives(graph, roots)
    order = np.argsort(retired, kind="stable")
    some = [*roots[order[:5]].tolist(), *roots[order[-40:]].tolist()]
    first = client.root_id_to_cell_id(some)
    assert (first["cell_id"] > 0).any()

    ran = python(
        "from cortical_cache import load_client\n"
        f"found = load_client('demo', offline=True).root_id_to_cell_id({some})\n"
        "print(found['cell_id'].tolist())",
        CORTICAL_CACHE_TEST_SOCKETS="none",
    )
    server.clear_log()
    again = load_client("demo").root_id_to_cell_id(some)

    assert ran.out.strip() == str(first["cell_id"].tolist()), ran.err
    pd.testing.assert_frame_equal(again, first)
    assert not server.requests


def test_a_root_made_after_the_time_of_our_clock_is_found(server, cave_world, tmp_path):
    graph = graph_of(cave_world)
    roots = every_root(graph)
    created, _ = lives(graph, roots)
    youngest = int(created.max()) / 1000
    slow = Clock(datetime.fromtimestamp(youngest, UTC) - timedelta(hours=1))
    young = roots[np.argsort(created)[-5:]].tolist()

    found = client_at(slow).root_id_to_cell_id(young)

    right = load_client("demo", cache_dir=tmp_path / "b").root_id_to_cell_id(young)
    pd.testing.assert_frame_equal(found, right)


def test_a_root_that_a_cut_answer_may_lack_is_not_proved_to_have_no_cell(
    start, cave_world
):
    cave = start(row_cap=10)
    client = load_client("demo", server_address=cave.url)
    graph, now = graph_of(cave_world), datetime.now(UTC)
    roots = some_roots(cave_world)

    with pytest.raises(TruncatedResultError):
        client.root_id_to_cell_id(roots)

    cave.stop()
    offline = load_client("demo", server_address=cave.url, offline=True)
    found = offline.root_id_to_cell_id(roots, missing="na")["cell_id"]
    assert found.isna().any()
    for root, cell in found.dropna().items():
        nuclei = nuclei_in(cave_world, root, last_moment(graph, root, now))
        assert cell == (next(iter(nuclei)) if len(nuclei) == 1 else -1)
