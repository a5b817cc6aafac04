"""Neuroglancer: nglui over the store, and the links that need neither."""

import json
from urllib.parse import unquote

import pytest

from cortical_cache import load_client
from cortical_cache.errors import ConfigurationError, NotCachedError
from cortical_cache.model.viewer import link, viewer_state

ROOT = 864691135336055529
PROPERTIES = {"@type": "neuroglancer_segment_properties", "inline": {"ids": []}}


@pytest.fixture
def client(server):
    return load_client("demo")


def state_in(url):
    return json.loads(unquote(url.partition("#!")[2]))


def layers(state):
    return {one["name"]: one for one in state["layers"]}


def test_the_viewer_shows_the_datastack(client):
    viewer = client.neuroglancer_viewer()

    assert viewer.layer_names == ["imagery", "segmentation"]
    state = viewer.viewer.state.to_json()
    (images,) = layers(state)["imagery"]["source"]
    assert images["url"] == client.image_source()
    x, y, z = client.viewer_resolution()
    space = {axis: one for axis, (one, _) in state["dimensions"].items()}
    assert space == pytest.approx({"x": x * 1e-9, "y": y * 1e-9, "z": z * 1e-9})


def test_the_link_selects_roots_to_the_last_digit(client):
    url = client.neuroglancer_url(root_ids=[ROOT, ROOT + 1])

    assert url.startswith("https://spelunker.cave-explorer.org/#!")
    shown = layers(state_in(url))["segmentation"]["segments"]
    assert shown == [str(ROOT), str(ROOT + 1)]
    one = layers(state_in(client.neuroglancer_url(root_ids=ROOT)))["segmentation"]
    assert one["segments"] == [str(ROOT)]


def test_another_viewer_can_be_meant(client, server):
    url = client.neuroglancer_url(target_url="https://viewer.example.org")

    assert url.startswith("https://viewer.example.org#!")
    assert state_in(url) == state_in(client.neuroglancer_url())


def test_it_works_offline_once_the_record_is_known(client, server):
    url = client.neuroglancer_url(root_ids=[ROOT])
    server.clear_log()

    again = load_client("demo", offline=True).neuroglancer_url(root_ids=[ROOT])

    assert again == url
    assert not server.requests


def test_a_short_link_names_a_state_that_is_kept(client, server):
    url = client.neuroglancer_url(
        target_url=f"{server.url}/viewer", shorten=True, root_ids=[ROOT]
    )

    start, _, number = url.rpartition("/")
    assert start == f"{server.url}/viewer/#!middleauth+{server.url}/nglstate/api/v1"
    state = load_client("demo", offline=True).get_state_json(int(number))
    assert layers(state)["segmentation"]["segments"] == [str(ROOT)]
    assert client.neuroglancer_url(shorten=True).startswith("https://spelunker")


def test_properties_are_uploaded_kept_and_shown(client):
    url = client.neuroglancer_url(seg_prop=PROPERTIES)

    urls = [one["url"] for one in layers(state_in(url))["segmentation"]["source"]]
    (source,) = [one for one in urls if "/property/" in one]
    assert source.startswith("precomputed://middleauth+http")
    number = int(source.rpartition("/")[2])
    offline = load_client("demo", offline=True)
    assert offline.cached.state.get_property_json(number) == PROPERTIES
    with pytest.raises(NotCachedError):
        offline.neuroglancer_url(seg_prop=PROPERTIES)


def test_a_clipboard_is_used_or_its_lack_told(client, tmp_path, monkeypatch):
    with pytest.raises(ConfigurationError, match="no clipboard"):
        client.neuroglancer_url(clipboard=True)
    import pyperclip

    copied = []
    monkeypatch.setattr(pyperclip, "copy", copied.append)

    url = client.neuroglancer_url(clipboard=True)

    assert copied == [url]


def test_the_plain_link_opens_what_nglui_shows(client):
    info = client.get_datastack_info()

    state = viewer_state(info, client.image_source(), [ROOT])

    theirs = client.neuroglancer_viewer([ROOT]).viewer.state.to_json()
    for name, ours in layers(state).items():
        nglui = layers(theirs)[name]
        for mine, source in zip(ours["source"], nglui["source"], strict=True):
            assert mine.items() <= source.items()
        rest = {key: one for key, one in ours.items() if key != "source"}
        assert rest.items() <= nglui.items()
    assert {key: one for key, one in state.items() if key != "layers"} == {
        key: one for key, one in theirs.items() if key != "layers"
    }
    url = client.neuroglancer_url(root_ids=[ROOT])
    assert link(theirs) == url
    assert (
        link({}, "https://x.org")
        == link({}, "https://x.org/")
        == "https://x.org/#!%7B%7D"
    )


def test_images_behind_the_login_are_precomputed():
    info = {
        "segmentation_source": "graphene://https://x.org/segmentation/table/t",
        **{f"viewer_resolution_{axis}": 4.0 for axis in "xyz"},
    }

    state = viewer_state(info, "graphene://https://x.org/images", [])

    (images,) = layers(state)["imagery"]["source"]
    assert images["url"] == "precomputed://middleauth+https://x.org/images"
    (cells,) = layers(state)["segmentation"]["source"]
    assert cells["url"].startswith("graphene://middleauth+https://x.org/")
