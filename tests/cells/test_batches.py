"""Many ids at once: one call, bounded requests, only the unknown, and each once."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import numpy as np
import pytest

from cortical_cache import load_client
from cortical_cache.sources.cave.graph import ROOTS_AT_ONCE, SUPERVOXELS_AT_ONCE
from cortical_cache.store.layout import locks_folder
from tests.cells.kit import (
    asked,
    every_root,
    graph_of,
    lives,
    millis,
    node_ids,
    stamp,
)
from tests.kit import PYTHON, row_queries

MANY, ASKERS = 100_000, 6
DAY = timedelta(days=1)


def test_many_supervoxels_are_one_call_and_few_requests(client, server, cave_world):
    graph, moment = graph_of(cave_world), stamp(cave_world, 5) - DAY
    low = int(graph.supervoxels.min())
    atoms = np.unique(np.r_[graph.supervoxels, np.arange(low, low + MANY)])[:MANY]

    found = client.get_roots(atoms, moment)

    assert found.tolist() == graph.parents(atoms, millis(moment)).tolist()
    requests = asked(server, "roots_binary")
    assert len(requests) == MANY // SUPERVOXELS_AT_ONCE
    assert max(len(one.body) for one in requests) <= 8 * SUPERVOXELS_AT_ONCE


def test_many_roots_are_one_call_and_bounded_requests(client, server, cave_world):
    known = every_root(graph_of(cave_world))
    roots = np.r_[known[:3], 864691139000000000 + np.arange(MANY - 3)]

    found = client.root_id_to_cell_id(roots)

    assert len(found) == MANY
    assert (found["cell_id"].to_numpy()[3:] == -1).all()
    times = asked(server, "root_timestamps")
    assert max(len(node_ids(one)) for one in times) == ROOTS_AT_ONCE
    assert len(server.requests) < 2 * MANY / ROOTS_AT_ONCE


def test_only_ten_of_a_thousand_are_asked(client, server, cave_world):
    graph, moment = graph_of(cave_world), stamp(cave_world, 5) - DAY
    atoms, roots = graph.supervoxels[:1000], every_root(graph)[:1000]
    client.get_roots(atoms[10:], moment)
    client.cached.chunkedgraph.get_root_timestamps(roots[10:])
    client.is_latest_roots(roots[10:], moment)
    server.clear_log()

    client.get_roots(atoms, moment)
    client.cached.chunkedgraph.get_root_timestamps(roots)
    client.is_latest_roots(roots, moment)

    (places,) = asked(server, "roots_binary")
    assert np.frombuffer(places.body, np.uint64).tolist() == atoms[:10].tolist()
    (times, _), (states,) = (
        asked(server, "root_timestamps"),
        asked(server, "is_latest_roots"),
    )
    assert node_ids(times) == roots[:10].tolist()
    assert set(node_ids(states)) <= set(roots[:10].tolist())


def test_leaves_of_many_are_one_request(client, server, cave_world):
    roots = every_root(graph_of(cave_world))[:50]
    graph = client.cached.chunkedgraph
    graph.get_leaves_many(roots[:40], stop_layer=2)
    server.clear_log()

    graph.get_leaves_many(roots, stop_layer=2)

    (request,) = server.requests
    assert json.loads(request.body)["node_ids"] == roots[40:].tolist()


@pytest.fixture
def slow(start, monkeypatch):
    """Run a CAVE that takes a while."""
    cave = start(latency=0.15)
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", cave.url)
    load_client("demo").cached.materialize.get_versions()
    return cave


def questions(world):
    """Return what is asked, by a client, and which requests that takes."""
    graph, moment = graph_of(world), stamp(world, 5) - DAY
    roots = every_root(graph)
    _, retired = lives(graph, roots)
    current = roots[retired > 2**62][:20]
    atoms = graph.supervoxels[:20]
    chunked = "client.cached.chunkedgraph"
    return [
        (f"client.get_roots({atoms.tolist()}, {moment!r})", "roots_binary", 1),
        (
            f"client.is_latest_roots({roots[:9].tolist()}, {moment!r})",
            "latest_roots",
            1,
        ),
        (f"{chunked}.get_root_timestamps({roots[9:20].tolist()})", "timestamps", 1),
        (f"{chunked}.get_leaves({roots[3]}, stop_layer=2)", "leaves", 1),
        (
            f"client.root_id_to_cell_id({current.tolist()})['cell_id']",
            "query",
            2,  # nuclei and alternative points
        ),
    ]


@pytest.mark.parametrize("number", range(5))
def test_threads_that_miss_the_same_ask_once(slow, cave_world, number):
    question, ending, requests = questions(cave_world)[number]
    code = compile(f"{question}.tolist()", "question", "eval")
    client = load_client("demo")
    names = {"client": client, "datetime": __import__("datetime")}
    slow.clear_log()

    def ask(_: int) -> object:
        return eval(code, names)  # noqa: S307  the test's own code

    with ThreadPoolExecutor(ASKERS) as pool:
        found = list(pool.map(ask, range(ASKERS)))

    assert all(one == found[0] for one in found)
    assert len(asked(slow, ending)) == requests


ASK = """
import datetime, sys, time
from cortical_cache import load_client
import cortical_cache.client.cached, cortical_cache.client.cached.chunkedgraph
client = load_client("demo")
client.cave.materialize
time.sleep(max(0, float(sys.argv[1]) - time.time()))
for question in sys.argv[2:]:
    print(eval(question).tolist())
"""


def test_processes_that_miss_the_same_ask_once(slow, cave_world):
    import time

    everything = questions(cave_world)
    slow.clear_log()
    begin = time.time() + 5

    running = [
        subprocess.Popen(
            [PYTHON, "-c", ASK, str(begin), *[one for one, _, _ in everything]],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    said = [one.communicate(timeout=100) for one in running]

    assert [one.returncode for one in running] == [0, 0, 0], said[0][1]
    assert len({out for out, _ in said}) == 1
    sent = [
        (one.path, "latest=True" in one.query, one.body)
        for one in slow.requests
        if one.body or one.path.endswith("/leaves")
    ]
    assert len(set(sent)) == len(sent) > len(everything)
    assert len(row_queries(slow)) == 2


def test_nothing_depends_on_a_lock(client, server, cave_world):
    graph, moment = graph_of(cave_world), stamp(cave_world, 5) - DAY
    store = client.repositories.store
    for name in ("supervoxel_roots", "root_lives", "root_cells", "leaves"):
        folder = locks_folder(store.rows("graph", name, 0).folder)
        folder.parent.mkdir(parents=True)
        folder.write_text("no locks here")
    atoms = graph.supervoxels[:20]

    found = client.get_roots(atoms, moment)

    assert found.tolist() == graph.parents(atoms, millis(moment)).tolist()
    root = int(found[0])
    assert client.is_latest_roots([root], moment).tolist() == [True]
    assert len(client.root_id_to_cell_id([root])) == 1
    server.clear_log()
    assert client.get_roots(atoms, moment).tolist() == found.tolist()
    assert not server.requests
