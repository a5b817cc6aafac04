"""What is told of versions that end, and what happens once they have."""

import logging
import pickle
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cortical_cache import Client, load_client
from cortical_cache.demo import LoopbackCave
from cortical_cache.errors import NotCachedError, VersionExpiredError
from cortical_cache.registry import resolve
from cortical_cache.repositories.dataset import open_dataset
from cortical_cache.settings import config_path, read_settings

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LOGGER = "cortical_cache.repositories.versions"


def at(moment, *, offline=False) -> Client:
    """Return a client whose clock stands still."""
    settings = read_settings(offline=offline)
    return Client(
        open_dataset(resolve("demo", settings), settings, clock=lambda: moment)
    )


def with_version(world, number, changes):
    """Return the world with one version of another fate."""
    demo = world.datastacks["demo"]
    versions = tuple(
        replace(one, **changes) if one.number == number else one
        for one in demo.versions
    )
    datastacks = {**world.datastacks, "demo": replace(demo, versions=versions)}
    return replace(world, datastacks=datastacks)


def without(world, number):
    """Return the world after the server dropped a version."""
    gone = with_version(world, number, {"valid": False, "status": "EXPIRED"})
    frozen = {key: one for key, one in world.frozen.items() if key != ("demo", number)}
    views = {
        key: one for key, one in world.view_rows.items() if key != ("demo", number)
    }
    return replace(gone, frozen=frozen, view_rows=views)


@pytest.fixture
def serve(start, monkeypatch):
    """Return a function that serves a world at one and the same address."""
    running = []

    def serve(world) -> LoopbackCave:
        port = 0
        if running:
            port = int(running[-1].url.rsplit(":", 1)[1])
            running.pop().stop()
        running.append(start(world, port=port))
        monkeypatch.setenv("CORTICAL_CACHE_SERVER", running[-1].url)
        return running[-1]

    return serve


@pytest.mark.parametrize(
    ("left", "told", "warned"),
    [
        (None, "no expiry", False),
        (timedelta(days=31), "until 2026-04-01", False),
        (timedelta(days=30, seconds=1), "until 2026-03-31", False),
        (timedelta(days=30), "expires in 30 days", True),
        (timedelta(days=12, hours=3), "expires in 12 days", True),
        (timedelta(days=1), "expires in 1 day", True),
        (timedelta(hours=3), "expires within a day", True),
        (timedelta(days=-2), "was to expire on 2026-02-27", True),
    ],
)
def test_status_tells_the_end_and_warns_ahead(left, told, warned, serve, cave_world):
    end = None if left is None else NOW + left
    serve(with_version(cave_world, 4, {"expires_on": end}))
    client = at(NOW)
    client.diff("cell_types", 2, 4)

    status = client.cache_status()

    ends = {line[0]: line[-1] for line in status.lines()[1:]}
    assert ends["4"] == f"{told} (as of 2026-03-01)"
    assert ends["2"] == "until 2124-07-02 (as of 2026-03-01)"
    assert status.warnings == ((f"v4 {told}",) if warned else ())
    assert (repr(status).splitlines()[-1] == f"v4 {told}") == warned
    assert (f"<p>v4 {told}</p>" in client._repr_html_()) == warned
    frame = status.to_frame().set_index("version")
    assert frame.loc[4, "on_server"]
    assert frame.loc[4, "as_of"] == NOW


def test_the_newer_of_what_is_known_counts(serve, cave_world):
    soon = NOW + timedelta(days=50)
    server = serve(with_version(cave_world, 4, {"expires_on": NOW + timedelta(days=3)}))
    at(NOW).tables.cell_types()  # asks for the list
    at(NOW).diff("cell_types", 4, 4)
    server = serve(with_version(cave_world, 4, {"expires_on": soon}))
    later = at(NOW + timedelta(days=1))
    later.most_recent_materialization_version()
    server.clear_log()

    offline = at(NOW + timedelta(days=2), offline=True)
    (line,) = offline.cache_status().lines()[1:]

    assert line[-1] == "until 2026-04-20 (as of 2026-03-02)"
    assert not server.requests


def test_one_line_in_a_process_for_a_version_in_use(serve, cave_world, caplog):
    caplog.set_level(logging.WARNING, LOGGER)
    serve(with_version(cave_world, 4, {"expires_on": NOW + timedelta(days=12)}))

    for _ in range(2):
        at(NOW).diff("cell_types", 2, 4)
        at(NOW).version = 4
    told = [one.message for one in caplog.records if one.name == LOGGER]

    assert told == [
        "demo: v4 expires in 12 days; `cortical-cache sync demo 4` keeps it"
    ]


def test_offline_there_is_no_such_line(serve, cave_world, caplog):
    serve(with_version(cave_world, 4, {"expires_on": NOW + timedelta(days=90)}))
    at(NOW).diff("cell_types", 4, 4)
    caplog.set_level(logging.WARNING, LOGGER)
    late = NOW + timedelta(days=80)

    at(late, offline=True).diff("cell_types", 4, 4)
    quiet = list(caplog.records)
    at(late).diff("cell_types", 4, 4)

    assert not quiet
    assert [one.message for one in caplog.records if one.name == LOGGER]


def test_an_expired_version_keeps_answering(serve, cave_world):
    serve(cave_world)
    client = at(NOW)
    client.version = 2
    before = client.tables.cell_types().query()
    lookup = client.views.nucleus_detection_lookup().query()
    serve(without(cave_world, 2))
    later = at(NOW + timedelta(days=3))  # every fact of a day is stale by now
    later.version = 2

    rows = later.tables.cell_types().query()
    view = later.views.nucleus_detection_lookup().query()

    assert rows.equals(before)
    assert view.equals(lookup)
    assert later.last_source.source == "store"
    assert later.most_recent_materialization_version() == 5
    status = later.cache_status()
    assert {line[-1] for line in status.lines()[1:]} == {"expired (as of 2026-03-04)"}
    assert later.diff("cell_types", 2, 5).added.size


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.tables.cell_types().query(),
        lambda client: client.tables.cell_types().query(limit=3),
        lambda client: client.tables.synapses_demo(pre_pt_root_id=5).query(),
        lambda client: client.views.nucleus_detection_lookup,
        lambda client: client.cached.materialize.query_view("nucleus_detection_lookup"),
        lambda client: client.cached.materialize.query_table(
            "synapses_demo", get_counts=True
        ),
        lambda client: client.diff("cell_types", 2, 5),
        lambda client: client.diff(None, 2, 5),
        lambda client: client.cell_id_to_root_id([112236]),
    ],
    ids=[
        "table",
        "limit",
        "keys",
        "views",
        "view",
        "count",
        "diff",
        "cells",
        "cell ids",
    ],
)
def test_what_is_not_held_of_one_names_the_static_copies(ask, serve, cave_world):
    path = config_path()
    path.parent.mkdir(parents=True)
    path.write_text('[datasets.demo]\nexport_locations = ["gs://one/v", "gs://two/"]\n')
    serve(without(cave_world, 2))
    client = at(NOW)
    client.version = 2

    with pytest.raises(VersionExpiredError, match="gs://one/v, gs://two/") as raised:
        ask(client)

    assert raised.value.sources == ("gs://one/v", "gs://two/")
    assert "version 2" in str(raised.value)
    again = pickle.loads(pickle.dumps(raised.value))
    assert (str(again), again.sources) == (str(raised.value), raised.value.sources)


def test_ls_and_info_tell_it(serve, cave_world, command):
    soon = datetime.now(UTC) + timedelta(9.5)
    serve(with_version(cave_world, 4, {"expires_on": soon}))
    load_client("demo").diff("cell_types", 2, 4)
    serve(without(with_version(cave_world, 4, {"expires_on": None}), 2))

    listed = command("ls")
    first = command("ls", "--json").json()
    load_client("demo").most_recent_materialization_version()
    told = command("info", "demo").out.splitlines()
    then = command("ls")

    today = f"{datetime.now(UTC):%Y-%m-%d}"
    assert f"\texpires in 9 days (as of {today})\n" in listed.out
    assert "demo v4 expires in 9 days\n" in listed.err
    assert {one["version"]: one["on_server"] for one in first} == {2: True, 4: True}
    assert f"\texpired (as of {today})\n" in then.out
    assert f"\tno expiry (as of {today})\n" in then.out
    assert "expires in" not in then.err
    ends = {line.split("\t")[0]: line.split("\t")[5] for line in told[-2:]}
    assert ends == {"2": "expired", "4": "never"}


def test_the_moment_of_a_version(client, offline, cave_world):
    stamps = {
        one.number: one.time_stamp for one in cave_world.datastacks["demo"].versions
    }

    found = {one: client.version_timestamp(one) for one in stamps}

    assert found == stamps
    assert client.version_timestamp() == stamps[5]
    assert client.most_recent_materialization_version() == 5
    assert offline.version_timestamp(3) == stamps[3]
    assert offline.most_recent_materialization_version() == 5
    assert abs(datetime.now(UTC) - Client.now()) < timedelta(seconds=10)


def test_offline_nothing_is_known_of_versions_never_asked(offline):
    with pytest.raises(NotCachedError):
        offline.version_timestamp(3)
    with pytest.raises(NotCachedError):
        offline.most_recent_materialization_version()


def test_a_fixed_version_is_everyones_default(client):
    client.version = 2

    client.fix_mat_timestamp(3)
    fixed = client.cave.version, client.cave.timestamp, client.cached.timestamp
    client.version = 4
    moved = client.version, client.cave.version, client.cave.chunkedgraph.timestamp
    client.unfix_mat_timestamp()

    moment = client.version_timestamp(3)
    assert fixed == (3, moment, moment)
    assert moved == (4, 4, client.version_timestamp(4))
    assert (client.version, client.cave.version) == (2, None)
    client.unfix_mat_timestamp()  # nothing to undo
    assert client.version == 2


def test_fixing_the_version_that_is_set_asks_no_plain_client(client, server):
    client.version = 3
    server.clear_log()

    client.fix_mat_timestamp()

    assert client.version == 3
    assert not server.requests
    assert client.cave.version == 3
