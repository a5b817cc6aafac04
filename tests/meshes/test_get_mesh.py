"""Meshes of roots, through the cache, from a CAVE on this machine."""

import dataclasses
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from cortical_cache import load_client
from cortical_cache.demo import LoopbackCave
from cortical_cache.errors import (
    CorruptStoreError,
    InvalidQueryError,
    NotCachedError,
    ServerError,
)
from tests.cells.kit import Clock, client_at
from tests.kit import python

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


def same(one, other) -> bool:
    return bool(
        one.vertices.dtype == other.vertices.dtype == np.float32
        and one.faces.dtype == other.faces.dtype == np.uint32
        and np.array_equal(one.vertices, other.vertices)
        and np.array_equal(one.faces, other.faces)
    )


def alike(one, other) -> bool:
    """Compare meshes whose pieces may come in another order."""
    mine, theirs = (
        np.unique(mesh.vertices[mesh.faces].reshape(-1, 9), axis=0)
        for mesh in (one, other)
    )
    return len(one.vertices) == len(other.vertices) and np.array_equal(mine, theirs)


def asked(server) -> list[str]:
    return [one.path for one in server.requests if "manifest" in one.path]


def test_a_mesh_is_cloud_volumes_own_and_asked_for_once(
    client, server, roots, capsys, caplog
):
    from cloudvolume import Mesh

    theirs = client.cave.info.segmentation_cloudvolume(progress=False)
    plain = theirs.mesh.get(roots[0])[roots[0]]
    capsys.readouterr()
    caplog.clear()
    server.clear_log()

    first = client.mesh.get_mesh(roots[0])
    requests = len(asked(server))
    again = load_client("demo").mesh.get_mesh(roots[0])
    offline = load_client("demo", offline=True).mesh.get_mesh(roots[0])

    assert isinstance(first, Mesh)
    assert first.segid == roots[0]
    assert alike(first, plain)
    assert all(same(one, first) for one in (again, offline))
    assert requests == len(asked(server)) == 1
    assert capsys.readouterr().out == ""  # cloud-volume's warning is about nothing
    assert not caplog.records


def test_many_meshes_are_a_dict_in_the_order_asked(client, server, roots):
    some = [roots[2], roots[0], roots[2], roots[1]]
    client.mesh.get_mesh(roots[0])
    server.clear_log()

    found = client.mesh.get_meshes(some)

    assert list(found) == [roots[2], roots[0], roots[1]]
    assert len(asked(server)) == 2
    assert all(len(one.faces) for one in found.values())


def test_options_are_passed_on_and_part_of_the_key(client, server, roots, graph):
    root = roots[0]
    chunk = (int(graph.leaves(root, 2)[0]) >> np.array([46, 36, 26])) & 1023
    box = np.array([chunk, chunk + 1]) * graph.chunk_size

    whole = client.mesh.get_mesh(root)
    part = client.mesh.get_mesh(root, bounding_box=box.ravel().tolist())
    merged = client.mesh.get_mesh(root, remove_duplicate_vertices=True)
    server.clear_log()
    offline = load_client("demo", offline=True)

    assert 0 < len(part.faces) < len(whole.faces)
    assert len(merged.vertices) < len(whole.vertices)
    assert same(offline.mesh.get_mesh(root, bounding_box=box.ravel().tolist()), part)
    assert same(offline.mesh.get_mesh(root, remove_duplicate_vertices=True), merged)
    default = offline.mesh.get_mesh(
        root, remove_duplicate_vertices=False, fuse=True, allow_missing=True
    )
    assert same(default, whole)
    assert not server.requests
    with pytest.raises(InvalidQueryError, match="colour"):
        client.mesh.get_mesh(root, colour="red")


def test_what_is_not_held_is_named_offline(client, roots):
    client.mesh.get_mesh(roots[0])
    offline = load_client("demo", offline=True)

    with pytest.raises(NotCachedError, match=str(roots[1])) as told:
        offline.mesh.get_meshes(roots[:2])
    assert told.value.command == f"cortical-cache fetch demo {roots[1]} --meshes"
    with pytest.raises(NotCachedError, match="bypass"):
        offline.mesh.get_mesh(roots[0], bypass=True)


def test_there_is_no_mesh_of_what_is_no_root(client, graph):
    unknown = (12 << 56) | 5
    for asked_for in (unknown, [1, 2], "none", 1.5):
        with pytest.raises(InvalidQueryError):
            client.mesh.get_mesh(asked_for)


def test_soon_after_an_edit_a_mesh_is_not_kept(start, monkeypatch, graph):
    edit = graph.edits[-1]
    clock = Clock(datetime.fromtimestamp(edit.time / 1000, UTC) + timedelta(minutes=1))
    cave = start(clock=clock, mesh_delay=600.0)
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", cave.url)
    root = edit.after[0]

    early = client_at(clock).mesh.get_mesh(root)
    clock.now += timedelta(minutes=30)
    late = client_at(clock).mesh.get_mesh(root)
    with pytest.raises(NotCachedError):
        client_at(clock, offline=True).mesh.get_mesh(root)
    clock.now += timedelta(minutes=60)
    kept = client_at(clock).mesh.get_mesh(root)

    assert len(early.faces) < len(late.faces)
    assert alike(late, kept)
    assert same(client_at(clock, offline=True).mesh.get_mesh(root), kept)


@pytest.fixture
def unmade(start, cave_world, monkeypatch):
    """Return a function that starts a CAVE without meshes, and one that makes them."""
    pieces: dict[int, object] = {}

    def begin(clock: Clock) -> LoopbackCave:
        world = dataclasses.replace(cave_world, meshes={"demo_pcg": pieces})
        cave = start(world, clock=clock)
        monkeypatch.setenv("CORTICAL_CACHE_SERVER", cave.url)
        return cave

    return begin, lambda: pieces.update(cave_world.meshes["demo_pcg"])


def test_that_there_is_no_mesh_is_believed_for_an_hour(unmade, roots):
    begin, make = unmade
    clock = Clock(datetime.now(UTC))
    cave = begin(clock)
    root, other = roots[:2]
    for one in (root, other):
        assert client_at(clock).mesh.get_mesh(one, allow_missing=True) is None
    assert len(asked(cave)) == 2
    make()
    cave.clear_log()

    clock.now += timedelta(minutes=59)
    for offline in (False, True):
        client = client_at(clock, offline=offline)
        assert client.mesh.get_mesh(root, allow_missing=True) is None
        with pytest.raises(InvalidQueryError, match="there is no mesh"):
            client.mesh.get_mesh(root)
    assert not asked(cave)
    whole = client_at(clock).mesh.get_mesh(root, remove_duplicate_vertices=True)
    assert len(whole.faces)  # another question
    cave.clear_log()

    clock.now += timedelta(minutes=2)
    with pytest.raises(NotCachedError):
        client_at(clock, offline=True).mesh.get_mesh(root)
    assert len(client_at(clock).mesh.get_mesh(root).faces)
    assert len(asked(cave)) == 1
    forgettable = repr(client_at(clock).invalidate_cache())
    assert f"no_meshes.{other}" in forgettable
    assert f"no_meshes.{root}" not in forgettable  # it is there now
    assert len(client_at(clock, offline=True).mesh.get_mesh(root).faces)


def test_that_there_is_no_mesh_can_be_invalidated(unmade, roots):
    begin, make = unmade
    clock = Clock(datetime.now(UTC))
    begin(clock)
    client = client_at(clock)
    assert client.mesh.get_mesh(roots[0], allow_missing=True) is None
    make()

    client.invalidate_cache(yes=True)

    assert len(client.mesh.get_mesh(roots[0]).faces)


def test_soon_after_an_edit_no_mesh_is_asked_for_each_time(unmade, graph):
    begin, make = unmade
    edit = graph.edits[-1]
    clock = Clock(datetime.fromtimestamp(edit.time / 1000, UTC) + timedelta(minutes=1))
    begin(clock)
    root = edit.after[0]
    assert client_at(clock).mesh.get_mesh(root, allow_missing=True) is None
    make()

    assert len(client_at(clock).mesh.get_mesh(root).faces)


def test_a_mesh_with_a_piece_missing_is_an_error_and_not_kept(
    start, cave_world, monkeypatch, graph
):
    """The manifest names a piece that is gone when it is read."""

    class Losing(dict):
        """Gives every piece once: to the manifest, not to who reads it."""

        def __contains__(self, key: object) -> bool:
            times[key] = times.get(key, 0) + 1
            return super().__contains__(key) and times[key] < 2

    times: dict[object, int] = {}
    meshes = {"demo_pcg": Losing(cave_world.meshes["demo_pcg"])}
    cave = start(dataclasses.replace(cave_world, meshes=meshes))
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", cave.url)
    root = graph.edits[-1].after[0]

    with pytest.raises(ServerError, match="cannot be read"):
        load_client("demo").mesh.get_mesh(root)
    with pytest.raises(NotCachedError):
        load_client("demo", offline=True).mesh.get_mesh(root)


def test_a_damaged_mesh_is_an_error_that_names_its_file(client, roots, store_dir):
    client.mesh.get_mesh(roots[0])
    (path,) = store_dir.rglob("*.npz.gz")
    whole = path.read_bytes()

    for damaged in (whole[: len(whole) // 2], whole[:500] + b"?" + whole[501:]):
        path.write_bytes(damaged)
        with pytest.raises(CorruptStoreError, match=r"npz\.gz"):
            load_client("demo", offline=True).mesh.get_mesh(roots[0])


def test_killed_at_any_moment_a_mesh_is_whole_or_absent(client, roots, store_dir):
    code = (
        "import sys\n"
        "from cortical_cache import load_client\n"
        "client = load_client('demo')\n"
        "client.mesh.get_mesh(int(sys.argv[1]))\n"
        "print('ready', flush=True)\n"
        "client.mesh.get_meshes([int(one) for one in sys.argv[2:]])\n"
    )
    arguments = [sys.executable, "-c", code, *map(str, roots)]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, env=os.environ)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    while len(list(store_dir.rglob("*.npz.gz"))) < 3:
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()

    offline = load_client("demo", offline=True)
    held = 0
    for root in roots:
        try:
            held += len(offline.mesh.get_mesh(root).faces) > 0
        except NotCachedError:
            continue
    assert held >= 3
    assert list(client.mesh.get_meshes(roots)) == roots


def test_meshes_show_in_what_is_held(client, roots):
    client.mesh.get_meshes(roots[:2])

    status = client.cache_status()

    (held,) = [one for one in status.holdings if one.kind == "meshes"]
    assert (held.name, held.extent, held.rows) == ("default", "objects", 2)
    assert held.nbytes > 10_000


def test_importing_the_package_imports_no_mesh_library(roots):
    code = (
        "import sys, cortical_cache; cortical_cache.load_client('demo').mesh;"
        "print([one for one in ('cloudvolume', 'scipy') if one in sys.modules])"
    )

    assert python(code).out.strip() == "[]"
