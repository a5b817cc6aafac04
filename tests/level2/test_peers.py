"""ossify and nglui run on the cached client unchanged: online once, offline after."""

import json
from datetime import timedelta
from urllib.parse import unquote

import numpy as np
import pytest

from cortical_cache import load_client
from tests.cells.kit import graph_of, lives, millis, stamp
from tests.level2.kit import large_roots, plain

SIDES = ("pre_syn", "post_syn")
NAME, STACK = "minnie_public", "minnie65_public"


@pytest.fixture
def cave(start, minnie_world, monkeypatch):
    cave = start(minnie_world)
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", cave.url)
    return cave


@pytest.fixture
def newest(minnie_world) -> int:
    return max(one.number for one in minnie_world.datastacks[STACK].versions)


@pytest.fixture
def roots(minnie_world, newest) -> list[int]:
    """Return large roots that were current at the newest version."""
    graph = graph_of(minnie_world, "minnie65_phase3_v1")
    roots = np.array(large_roots(graph, 100))
    began, ended = lives(graph, roots)
    at = millis(stamp(minnie_world, newest, STACK))
    return roots[(began <= at) & (at < ended)].tolist()[:4]


def same_values(ours, theirs) -> None:
    """Compare frames but for what is missing: there caveclient has any bytes at all."""
    assert [*ours.columns] == [*theirs.columns]
    assert ours.index.tolist() == theirs.index.tolist()
    assert ours.notna().to_numpy().mean() > 0.7
    for name in ours.columns:
        there = ours[name].notna()
        assert ours[name][there].tolist() == theirs[name][there].tolist(), name


def same_cells(ours, theirs) -> None:
    """Compare two cells of ossify: every layer, and what is written at each point."""
    assert ours.name == theirs.name
    assert [*ours.layers.names] == [*theirs.layers.names]
    for name in theirs.layers.names:
        mine, other = ours.layers[name], theirs.layers[name]
        same_values(mine.nodes.sort_index(), other.nodes.sort_index())
        assert sorted(mine.edges.tolist()) == sorted(other.edges.tolist())
    assert [*ours.annotations.names] == [*theirs.annotations.names]
    for name in theirs.annotations.names:
        mine, other = ours.annotations[name].nodes, theirs.annotations[name].nodes
        columns = [*other.columns]
        assert [*mine.columns] == columns
        mine, other = mine.sort_index(), other.sort_index()
        assert mine.index.tolist() == other.index.tolist()
        assert mine.astype(str).equals(other.astype(str))


def test_ossify_builds_the_cells_of_the_plain_client(cave, newest, roots):
    ossify = pytest.importorskip("ossify", reason="needs cortical-cache[ossify]")
    client = load_client(NAME, version=newest)
    # The server refuses a live query at the very moment of a version.
    moment = client.cached.timestamp - timedelta(seconds=1)
    options = {"synapses": True, "restore_graph": True, "timestamp": moment}
    theirs = [
        ossify.load_cell_from_client(root, plain(cave, STACK), **options)
        for root in roots
    ]

    ours = [
        ossify.load_cell_from_client(root, client.cached, **options) for root in roots
    ]
    cave.clear_log()
    offline = load_client(NAME, version=newest, offline=True).cached
    again = [ossify.load_cell_from_client(root, offline, **options) for root in roots]

    assert not cave.requests
    for mine, later, other in zip(ours, again, theirs, strict=True):
        same_cells(mine, other)
        same_cells(later, other)
    points = [
        len(one.annotations[side].nodes)
        for one in ours
        for side in ("pre_syn", "post_syn")
    ]
    assert sum(points) > 5


def test_ossify_loads_a_batch(cave, newest, roots):
    ossify = pytest.importorskip("ossify", reason="needs cortical-cache[ossify]")
    client = load_client(NAME, version=newest)
    client.get_skeletons(roots)
    options = {"synapses": True, "skeleton_download_method": "server"}

    ours = ossify.load_cell_batch_from_client(roots, client.cached, **options)
    cave.clear_log()
    offline = load_client(NAME, version=newest, offline=True).cached
    again = ossify.load_cell_batch_from_client(roots, offline, **options)

    assert not cave.requests
    assert [*ours] == [*again] == roots
    for root in roots:
        same_cells(again[root], ours[root])


def link_by(client, roots):
    from nglui.statebuilder import helpers

    return helpers.make_neuron_neuroglancer_link(
        client, roots[:2], return_as="url", shorten="never"
    )


def layers_of(url):
    """Return the layers, without the ids that nglui draws anew for each point."""
    layers = json.loads(unquote(url.partition("#!")[2]))["layers"]
    for one in layers:
        points = one.get("annotations", [])
        for point in points:
            del point["id"]
        points.sort(key=json.dumps)
    return layers


def test_nglui_links_to_a_neuron_and_its_synapses(cave, newest, roots):
    pytest.importorskip("nglui", reason="needs nglui")
    pytest.importorskip(
        "cortical_cache.client.cached.info", reason="the record is not kept"
    )
    client = load_client(NAME, version=newest)

    url = link_by(client.cached, roots)
    theirs = link_by(plain(cave, STACK), roots)
    cave.clear_log()
    later = load_client(NAME, version=newest, offline=True)
    offline = link_by(later.cached, roots)

    assert not cave.requests
    ours, again, other = map(layers_of, (url, offline, theirs))
    assert ours == again == other
    assert len(other) > 2
