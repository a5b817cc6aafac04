"""The dataset's record, states, annotations and volumes on the client."""

import inspect

import numpy as np
import pytest
from caveclient import CAVEclient
from caveclient.infoservice import InfoServiceClient
from caveclient.jsonservice import JSONService

from cortical_cache import load_client
from cortical_cache.client.cached.info import CachedInfo
from cortical_cache.client.cached.state import CachedState
from cortical_cache.demo.server import troubles
from cortical_cache.errors import (
    InvalidQueryError,
    NotCachedError,
    SourceError,
    UnknownNameError,
)
from cortical_cache.policy.freshness import Fact
from tests.kit import COMMAND, python, run

FORMATS = ("raw", "cloudvolume", "neuroglancer", "cave_explorer", "cave-explorer")


@pytest.fixture
def client(server):
    return load_client("demo")


@pytest.fixture
def plain(server):
    return CAVEclient("demo", server_address=server.url, write_server_cache=False)


def shape(method):
    return [
        (one.name, one.kind, one.default)
        for one in inspect.signature(method).parameters.values()
    ]


@pytest.mark.parametrize(
    ("ours", "theirs", "name"),
    [
        (ours, theirs, name)
        for ours, theirs in (
            (CachedInfo, InfoServiceClient),
            (CachedState, JSONService),
        )
        for name, _ in inspect.getmembers(ours, inspect.isfunction)
        if not name.startswith("_")
    ],
)
def test_a_method_takes_what_caveclients_takes(ours, theirs, name):
    assert shape(getattr(ours, name)) == shape(getattr(theirs, name))


def test_the_record_is_the_servers(client, plain):
    assert client.get_datastack_info() == plain.info.get_datastack_info()
    assert client.cached.info.viewer_site() == plain.info.viewer_site()
    assert client.cached.info.local_server() == plain.info.local_server()
    named = plain.info.aligned_volume_name
    assert client.cached.info.aligned_volume_name == named
    assert client.cached.info.aligned_volume_id == plain.info.aligned_volume_id


@pytest.mark.parametrize("format_for", FORMATS)
def test_paths_are_caveclients(client, plain, format_for):
    ours, theirs = client, plain.info

    for name in ("image_source", "segmentation_source"):
        asked = getattr(theirs, name)(format_for=format_for)
        assert getattr(ours, name)(format_for=format_for) == asked
    mirror = ours.image_source(format_for=format_for, image_mirror="mirror")
    assert mirror == theirs.image_source(format_for=format_for, image_mirror="mirror")
    if format_for != "raw":
        assert mirror != ours.image_source()


def test_a_reader_or_mirror_that_there_is_not_is_named(client):
    with pytest.raises(InvalidQueryError, match="'paper' is none of raw"):
        client.image_source(format_for="paper")
    with pytest.raises(InvalidQueryError, match="'moon': default, mirror"):
        client.image_source(image_mirror="moon")


def test_the_viewers_resolution_is_an_array_of_three(client, plain):
    resolution = client.viewer_resolution()

    assert isinstance(resolution, np.ndarray)
    assert resolution.shape == (3,)
    assert resolution.tolist() == plain.info.viewer_resolution().tolist()


def test_what_was_asked_once_is_known_in_a_new_process_offline(client, server):
    asked = (
        client.get_datastack_info(),
        client.get_datastack_info(image_mirror="mirror"),
        client.image_source(image_mirror="mirror"),
        client.segmentation_source(),
        client.viewer_resolution().tolist(),
    )
    server.clear_log()

    ran = python(
        "from cortical_cache import load_client\n"
        "c = load_client('demo', offline=True)\n"
        "print([c.get_datastack_info(), c.get_datastack_info(image_mirror='mirror'),"
        "c.image_source(image_mirror='mirror'), c.segmentation_source(),"
        "c.viewer_resolution().tolist()])",
        CORTICAL_CACHE_TEST_SOCKETS="none",
    )

    assert ran.code == 0, ran.err
    assert eval(ran.out) == [*asked]  # noqa: S307  the list that it printed
    assert not server.requests


def test_a_mirror_has_its_own_record(client):
    own = client.get_datastack_info()
    mirrored = client.get_datastack_info(image_mirror="mirror")

    assert own != mirrored
    assert client.get_datastack_info() == own


def test_use_stored_false_asks_again(client, server):
    client.get_datastack_info()
    server.clear_log()
    client.get_datastack_info()
    assert not server.requests

    client.get_datastack_info(use_stored=False)

    asked = [one.path for one in server.requests]
    assert "/info/api/v2/datastack/full/demo" in asked


def test_offline_and_never_asked_is_said(server):
    with pytest.raises(NotCachedError, match="datastack's record"):
        load_client("demo", offline=True).image_source()


def test_an_uploaded_state_is_read_back_from_the_store(client, server):
    root = np.int64(864691135336055529)
    number = client.upload_state_json(
        {"segments": [root], "at": np.array([1.5, 2.5]), "on": True}
    )
    server.clear_log()

    state = load_client("demo", offline=True).get_state_json(number)

    assert not server.requests
    assert state == CAVEclient(
        "demo", server_address=server.url, write_server_cache=False
    ).state.get_state_json(number)
    assert state["segments"] == ["864691135336055529"]


def test_a_state_is_asked_once(client, plain, server):
    number = plain.state.upload_state_json({"layers": []})
    address = f"{server.url}/nglstate/api/v1/{number}"

    assert client.get_state_json(number) == {"layers": []}
    server.clear_log()

    for one in (number, str(number), np.int64(number), address):
        assert client.get_state_json(one) == {"layers": []}
    assert not server.requests


def test_a_state_elsewhere_is_asked_each_time(client, plain, server):
    plain.state.upload_state_json({"layers": []})
    elsewhere = f"{server.url}/nglstate/api/v1/1?as=text"

    for _ in range(2):
        server.clear_log()
        assert client.get_state_json(elsewhere) == {"layers": []}
        assert server.requests


def test_what_is_no_state_is_said_and_not_kept(client):
    with pytest.raises(UnknownNameError):
        client.get_state_json(77)
    with pytest.raises(InvalidQueryError, match="cannot be uploaded"):
        client.upload_state_json({"it": object()})
    with pytest.raises(InvalidQueryError, match="exceeds maximum size"):
        client.cached.state.upload_property_json({"it": "x" * 99}, max_size=20)

    offline = load_client("demo", offline=True)
    with pytest.raises(NotCachedError) as caught:
        offline.get_state_json(77)
    assert caught.value.command == "cortical-cache fetch demo --state 77"


def test_the_command_that_is_named_fetches(client, plain):
    number = plain.state.upload_state_json({"layers": []})
    other = plain.state.upload_property_json({"inline": {}})
    offline = load_client("demo", offline=True)
    with pytest.raises(NotCachedError) as caught:
        offline.get_state_json(number)
    with pytest.raises(NotCachedError) as again:
        offline.cached.state.get_property_json(other)

    for command in (caught.value.command, again.value.command):
        assert run([COMMAND, *command.split()[1:]]).code == 0

    assert offline.get_state_json(number) == {"layers": []}
    assert offline.cached.state.get_property_json(other) == {"inline": {}}


@pytest.mark.parametrize("site", ["seunglab", "cave-explorer", "mainline", "spelunker"])
def test_addresses_of_states_are_caveclients(client, plain, server, site):
    viewer = f"{server.url}/viewer"
    for options in (
        {"ngl_url": viewer, "target_site": site},
        {"ngl_url": viewer, "target_site": site, "static_url": True},
        {"ngl_url": f"{viewer}/", "target_site": site},
        {"ngl_url": viewer, "format_properties": True},
        {"ngl_url": viewer},
        {"ngl_url": f"{server.url}/viewer/older"},
    ):
        number = "https://x.org/7.json" if options.get("static_url") else 7
        asked = plain.state.build_neuroglancer_url(number, **options)
        assert client.cached.state.build_neuroglancer_url(number, **options) == asked


def test_only_an_unknown_viewer_is_asked_what_it_is(client, server):
    client.cached.state.build_neuroglancer_url(7, f"{server.url}/viewer")
    client.cached.state.build_neuroglancer_url(7)

    asked = [one.path for one in server.requests]
    assert asked.count("/viewer/version.json") == 1


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (troubles.garbage(b"[" + b" " * (65 << 20) + b"]"), "over 67,108,864 bytes"),
        (troubles.cut(0), "cut its reply short"),
        (troubles.gateway(500), "answered 500"),
    ],
    ids=["flood", "cut", "500"],
)
def test_a_viewer_is_not_believed_either(trouble, said, client, server):
    server.befall(trouble.on("/viewer/version.json$"))

    with pytest.raises(SourceError, match=said):
        client.cached.state.build_neuroglancer_url(7, f"{server.url}/viewer")


def test_annotations_pass_through_and_are_never_kept(client, server):
    table = "nucleus_detection_v0"
    before = client.tables[table]().query()
    for _ in range(2):
        server.clear_log()
        staged = client.stage_annotations(table)
        assert any("/annotation/" in one.path for one in server.requests)
    staged.add(
        pt_position=[1, 2, 3],
        bb_start_position=[0, 0, 0],
        bb_end_position=[9, 9, 9],
        volume=2.5,
    )

    ids = client.upload_staged_annotations(staged)

    assert len(ids) == 1
    assert client.tables[table]().query().equals(before)
    kept = [one.name for one in client.cache_dir.rglob("*") if "annot" in one.name]
    assert not kept


def test_annotations_that_make_no_sense_are_refused(client):
    with pytest.raises(InvalidQueryError, match="table name or schema name"):
        client.stage_annotations()
    staged = client.stage_annotations(schema_name="bound_tag")
    with pytest.raises(InvalidQueryError, match="table name can be used"):
        client.upload_staged_annotations(staged)
    with pytest.raises(UnknownNameError):
        client.stage_annotations("nonsense")


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("stage_annotations", "nucleus_detection_v0"),
        ("upload_state_json", {}),
        ("image_cloudvolume", None),
        ("segmentation_cloudvolume", True),
    ],
)
def test_what_needs_the_server_says_so_offline(name, argument, server):
    with pytest.raises(NotCachedError):
        getattr(load_client("demo", offline=True), name)(argument)


def test_states_are_kept_for_ever_by_the_policy():
    assert Fact.STATES.rule.kept is None
    assert Fact.PROPERTIES.rule.kept is None
