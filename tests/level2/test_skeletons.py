"""Skeletons: which there are, one or many, kept for ever once they exist."""

import dataclasses
import gzip
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from cortical_cache import load_client
from cortical_cache.cli.app import run as command_line
from cortical_cache.errors import (
    CorruptStoreError,
    InvalidQueryError,
    NotCachedError,
    ServerError,
)
from cortical_cache.store import Store
from tests.cells.kit import asked, every_root
from tests.kit import COMMAND, python, run
from tests.level2.kit import large_roots, plain
from tests.selfcheck.proxy import Proxy, Told, standing_before

ARRAYS = ("edges", "vertices", "radius", "compartment", "lvl2_ids", "mesh_to_skel_map")


@pytest.fixture
def serve(start, monkeypatch):
    """Return a function that starts a CAVE and a client of it."""

    def serve(**settings: object) -> tuple:
        cave = start(**settings)
        monkeypatch.setenv("CORTICAL_CACHE_SERVER", cave.url)
        return cave, load_client("demo")

    return serve


def same(ours: dict, theirs: dict) -> None:
    assert list(ours) == list(theirs)
    for name, value in theirs.items():
        if isinstance(value, np.ndarray):
            assert ours[name].dtype == value.dtype
            assert ours[name].tolist() == value.tolist()
        else:
            assert ours[name] == value


def test_that_there_is_one_is_remembered_and_that_there_is_none_is_not(serve, roots):
    late = roots[:2]
    cave, client = serve(skeletons_unmade=frozenset(late))

    assert client.skeletons_exist(root_ids=roots[:4]) == {
        late[0]: False,
        late[1]: False,
        roots[2]: True,
        roots[3]: True,
    }
    plain(cave).skeleton.fetch_skeletons(late, generate_missing_skeletons=True)
    cave.clear_log()
    assert client.skeletons_exist(root_ids=roots[:4]) == dict.fromkeys(roots[:4], True)
    (request,) = asked(cave, "/exists")
    assert json.loads(request.body)["root_ids"] == late
    cave.clear_log()
    offline = load_client("demo", offline=True)
    assert offline.skeletons_exist(root_ids=roots[0]) == {roots[0]: True}
    assert client.skeletons_exist(root_ids=np.array(roots[:4]))[roots[3]] is True
    assert not cave.requests
    with pytest.raises(NotCachedError, match=str(roots[5])):
        offline.skeletons_exist(root_ids=roots[4:6])


def test_any_number_of_roots_may_be_asked_about(serve, graph):
    cave, client = serve()
    real = every_root(graph).tolist()
    many = [*real, *range(7, 7 + 2100 - len(real))]

    found = client.skeletons_exist(root_ids=many)

    assert list(found) == many
    assert [found[root] for root in many] == [root >> 56 == 12 for root in many]
    sizes = [len(json.loads(one.body)["root_ids"]) for one in asked(cave, "/exists")]
    assert sizes == [1000, 1000, 100]


def test_versions_are_apart(serve, roots):
    cave, client = serve()
    client.skeletons_exist(root_ids=roots[:2], skeleton_version=4)
    cave.clear_log()

    client.skeletons_exist(root_ids=roots[:2], skeleton_version=-1)
    assert not asked(cave, "/exists")
    client.skeletons_exist(root_ids=roots[:2], skeleton_version=3)
    assert len(asked(cave, "/exists")) == 1
    with pytest.raises(InvalidQueryError, match="version 9"):
        client.skeletons_exist(root_ids=roots[:2], skeleton_version=9)
    for wrong in ([4], 3.5, True):
        with pytest.raises(InvalidQueryError, match="skeleton_version"):
            client.skeletons_exist(root_ids=roots[:2], skeleton_version=wrong)
    new, old = (
        client.get_skeletons(roots[:1], one)[roots[0]].skeleton() for one in (-1, 3)
    )
    assert new["meta"]["skeleton_version"] == 4
    assert old["meta"]["skeleton_version"] == 3
    assert "lvl2_ids" not in old


def test_every_root_of_many_has_an_outcome(serve, graph):
    roots = large_roots(graph, 120)
    late, refused = roots[3:5], roots[5:7]
    level2 = int(graph.leaves(roots[0], 2)[0])
    cave, client = serve(
        skeletons_unmade=frozenset(late), skeletons_refused=frozenset(refused)
    )
    client.get_skeletons(roots[:2])

    found = client.get_skeletons([*roots, level2, 12 << 56, roots[0]])

    assert list(found) == [*roots, level2, 12 << 56]
    status = {root: one.status for root, one in found.items()}
    assert [status[root] for root in roots[:3]] == ["held", "held", "fetched"]
    assert {status[root] for root in late} == {"being made"}
    assert {status[root] for root in [*refused, level2, 12 << 56]} == {"refused"}
    assert sum(one.is_there for one in found.values()) == 120 - 4
    assert "another layer" in found[level2].reason
    with pytest.raises(InvalidQueryError, match="ask again later"):
        found[late[0]].skeleton()
    wire = plain(cave).skeleton.fetch_skeletons(roots[100:101])
    assert found[roots[100]].flat() == wire[str(roots[100])]
    sizes = [
        len(json.loads(one.body)["root_ids"])
        for one in cave.requests
        if "get_cached_skeletons" in one.path
    ]
    assert max(sizes) == 50
    again = client.get_skeletons(late)
    assert {one.status for one in again.values()} == {"fetched"}


def test_nothing_is_ordered_where_that_is_not_wanted(serve, roots):
    _, client = serve(skeletons_unmade=frozenset(roots[:1]))

    for _ in range(2):
        found = client.get_skeletons(roots[:2], make=False)
        assert found[roots[0]].status == "not made"
    assert found[roots[1]].is_there


def test_offline_they_are_read_in_a_process_of_its_own(serve, roots):
    cave, client = serve()
    expected = client.get_skeletons(roots[:3])[roots[0]].flat()
    cave.stop()

    ran = python(
        "import json\nfrom cortical_cache import load_client\n"
        "client = load_client('demo', offline=True)\n"
        f"found = client.get_skeletons({roots[:3]})\n"
        "assert {one.status for one in found.values()} == {'held'}\n"
        f"assert client.skeletons_exist(root_ids={roots[0]}) == {{{roots[0]}: True}}\n"
        f"print(json.dumps(found[{roots[0]}].flat()))",
        CORTICAL_CACHE_TEST_SOCKETS="none",
    )

    assert ran.code == 0, ran.err
    assert json.loads(ran.out) == expected
    offline = load_client("demo", offline=True)
    with pytest.raises(NotCachedError, match="cortical-cache fetch demo"):
        offline.get_skeletons(roots)


def test_a_service_without_the_bulk_question_is_asked_in_tens(start, roots):
    cave = start(require_token=False)  # a proxy's address has none

    def old(request, told) -> Told:
        is_new = "get_cached_skeletons" in request.path
        return told.with_json({}, status=404) if is_new else told

    with standing_before(cave, Proxy(tell=old)) as url:
        client = load_client("demo", server_address=url)
        found = client.get_skeletons(roots)

    assert {one.status for one in found.values()} == {"fetched"}


def test_a_page_is_never_taken_for_a_skeleton(start, roots, store_dir):
    cave = start(require_token=False)

    def page(request, told) -> Told:
        is_one = "/async/get_skeleton/" in request.path
        return dataclasses.replace(told, body=b"<html>") if is_one else told

    with standing_before(cave, Proxy(tell=page)) as url:
        client = load_client("demo", server_address=url)
        with pytest.raises(ServerError, match="no skeleton"):
            client.cached.skeleton.get_skeleton(roots[0])

    assert not list(store_dir.rglob("*.json.gz"))


def test_a_cut_skeleton_is_never_kept(start, roots, store_dir):
    cave = start(require_token=False)

    def cut(request, told) -> Told:
        is_one = "/async/get_skeleton/" in request.path
        return dataclasses.replace(told, body=told.body[:-9]) if is_one else told

    with standing_before(cave, Proxy(tell=cut)) as url:
        client = load_client("demo", server_address=url)
        with pytest.raises(ServerError, match="no skeleton"):
            client.cached.skeleton.get_skeleton(roots[0])

    assert not list(store_dir.rglob("*.json.gz"))


def test_a_damaged_file_is_named(serve, roots, store_dir):
    _, client = serve()
    client.get_skeletons(roots[:2])
    path = next(store_dir.rglob(f"{roots[0]}.json.gz"))
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])

    with pytest.raises(CorruptStoreError, match=str(roots[0])):
        client.get_skeletons(roots[:2])[roots[0]].skeleton()
    (folder,) = Store(store_dir).datasets()
    problems = [*Store(store_dir).verify(folder, deep=True)]
    assert [one.path for one in problems] == [path]
    path.write_bytes(whole)
    assert not [*Store(store_dir).verify(folder, deep=True)]


def test_a_killed_process_leaves_whole_skeletons_or_none(serve, graph, store_dir):
    _, client = serve(latency=0.02)
    roots = large_roots(graph, 150)
    code = (
        "from cortical_cache import load_client\n"
        f"load_client('demo').get_skeletons({roots})"
    )
    ran = subprocess.Popen([sys.executable, "-c", code])
    while not any(store_dir.rglob("*.json.gz")):
        assert ran.poll() is None
    os.kill(ran.pid, signal.SIGKILL)
    ran.wait()

    held = [*store_dir.rglob("*.json.gz")]
    assert 0 < len(held) < len(roots)
    for path in held:
        gzip.decompress(path.read_bytes())
    found = client.get_skeletons(roots)
    assert sum(one.status == "held" for one in found.values()) == len(held)
    assert all(one.is_there for one in found.values())


def test_the_cached_client_answers_as_caveclient(serve, roots):
    cave, client = serve()
    theirs, ours = plain(cave).skeleton, client.cached.skeleton

    assert ours.get_versions() == theirs.get_versions()
    assert ours.skeletons_exist(root_ids=roots[0]) is True
    assert ours.skeletons_exist(root_ids=roots[:2]) == theirs.skeletons_exist(
        root_ids=roots[:2]
    )
    assert ours.fetch_skeletons(roots[:3]) == theirs.fetch_skeletons(roots[:3])
    cave.clear_log()
    assert list(ours.get_bulk_skeletons(roots[:3])) == [str(one) for one in roots[:3]]
    assert not cave.requests
    with pytest.raises(InvalidQueryError, match="invalid_rid"):
        ours.get_skeleton(12 << 56)


def test_one_skeleton_is_caveclients_own(serve, roots):
    pytest.importorskip("cloudvolume", reason="caveclient needs it for one skeleton")
    cave, client = serve(skeletons_unmade=frozenset(roots[:1]))
    theirs, ours = plain(cave).skeleton, client.cached.skeleton

    same(ours.get_skeleton(roots[0]), theirs.get_skeleton(roots[0]))
    lines = ours.get_skeleton(roots[0], output_format="swc")
    assert lines.equals(theirs.get_skeleton(roots[0], output_format="swc"))
    cave.clear_log()
    offline = load_client("demo", offline=True).cached.skeleton
    same(offline.get_skeleton(roots[0]), ours.get_skeleton(roots[0]))
    assert offline.get_skeleton(roots[0], output_format="swc").equals(lines)
    assert not cave.requests


def test_the_command_fetches_what_an_error_names(serve, roots):
    serve(skeletons_unmade=frozenset(roots[1:2]))
    offline = load_client("demo", offline=True)
    with pytest.raises(NotCachedError) as caught:
        offline.get_skeletons(roots[:1])

    assert command_line(caught.value.command.split()[1:]) == 0

    assert offline.get_skeletons(roots[:1])[roots[0]].is_there
    with pytest.raises(NotCachedError, match="the same call of load_client"):
        offline.get_skeletons(roots[:1], 3)  # the command fetches those of 4
    ran = run([COMMAND, "fetch", "demo", str(roots[1]), "--json"])
    assert ran.json()["skeletons"] == 0
    assert f"{roots[1]}: no skeleton" in ran.err
    assert run([COMMAND, "fetch", "demo"]).code == 1


def test_it_shows_in_what_is_held(serve, roots):
    _, client = serve()
    client.get_skeletons(roots[:3])
    client.get_l2data(client.get_l2_ids(roots[0]))

    held = {(one.kind, one.name): one for one in client.cache_status().holdings}
    listed = run([COMMAND, "ls", "demo", "--json"]).json()

    assert held["skeletons", "v4"].rows == 3
    assert held["skeletons", "v4"].nbytes > 1000
    assert held["graph", "l2_data.demo_pcg_l2"].rows == len(client.get_l2_ids(roots[0]))
    assert held["graph", "leaves"].extent == "facts"
    names = {(one["kind"], one["name"]) for one in listed}
    assert {("skeletons", "v4"), ("graph", "l2_data.demo_pcg_l2")} <= names
    text = run([COMMAND, "ls", "demo"]).out
    assert "skeletons" in text
    assert repr(client.cache_status()).count("\n") >= 3


def test_removing_versions_leaves_what_belongs_to_none(serve, roots):
    _, client = serve()
    client.tables.cell_types().query()
    client.get_skeletons(roots[:3])
    client.get_l2_ids(roots[0])

    ran = run([COMMAND, "prune", "demo", "--keep", "0", "--yes", "--expired"])

    assert ran.code == 0, ran.err
    kinds = {one.kind for one in client.cache_status().holdings}
    assert kinds == {"graph", "skeletons"}
    assert load_client("demo", offline=True).get_skeletons(roots[:3])


def test_a_damaged_skeleton_is_set_aside_and_fetched_again(serve, roots, store_dir):
    _, client = serve()
    client.get_skeletons(roots[:2])
    path = next(store_dir.rglob(f"{roots[0]}.json.gz"))
    path.write_bytes(path.read_bytes()[:-20])

    ran = run([COMMAND, "repair", "demo"])

    assert ran.code == 0, ran.err
    assert not path.exists()
    found = client.get_skeletons(roots[:2])
    assert [found[root].status for root in roots[:2]] == ["fetched", "held"]
    assert found[roots[0]].flat()["meta"]["root_id"] == roots[0]
