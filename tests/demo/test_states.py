"""The state server and the annotation service, asked by the real client."""

import pytest
import requests
from caveclient import CAVEclient

from cortical_cache.demo import LoopbackCave


def test_a_state_comes_back_under_its_number(client: CAVEclient):
    first = client.state.upload_state_json({"position": [1, 2, 3]})
    second = client.state.upload_state_json({"layers": []})

    assert first != second
    assert client.state.get_state_json(first) == {"position": [1, 2, 3]}
    assert client.state.get_state_json(second) == {"layers": []}


def test_properties_are_no_states(client: CAVEclient):
    number = client.state.upload_property_json({"@type": "x"})

    assert client.state.get_property_json(number) == {"@type": "x"}
    with pytest.raises(requests.HTTPError, match="404"):
        client.state.get_state_json(number)


def test_a_number_is_never_written_twice(client: CAVEclient):
    number = client.state.upload_state_json({"a": 1})

    with pytest.raises(requests.HTTPError, match="400"):
        client.state.upload_state_json({"a": 2}, state_id=number)
    assert client.state.get_state_json(number) == {"a": 1}


def test_the_viewer_says_that_it_is_of_the_main_line(
    client: CAVEclient, cave: LoopbackCave
):
    url = client.state.build_neuroglancer_url(3, f"{cave.url}/viewer")

    assert url == f"{cave.url}/viewer/#!middleauth+{cave.url}/nglstate/api/v1/3"


def test_annotations_get_ids_beyond_the_tables_own(client: CAVEclient):
    staged = client.annotation.stage_annotations("nucleus_detection_v0")
    assert staged.fields_required
    point = {
        "pt_position": [1, 2, 3],
        "bb_start_position": [0, 0, 0],
        "bb_end_position": [9, 9, 9],
        "volume": 2.5,
    }
    staged.add(**point)
    staged.add(**point)

    ids = client.annotation.upload_staged_annotations(staged, progress=False)

    live = client.materialize.query_table("nucleus_detection_v0")["id"]
    assert len(ids) == 2
    assert min(ids) > live.max()
    found = client.annotation.get_annotation("nucleus_detection_v0", ids)
    assert [one["pt"]["position"] for one in found] == [[1, 2, 3], [1, 2, 3]]


def test_a_replaced_annotation_has_a_new_id(client: CAVEclient):
    table = "nucleus_detection_v0"
    old = int(client.materialize.query_table(table, limit=1)["id"].iloc[0])

    moved = client.annotation.update_annotation(table, {"id": old, "volume": 1.0})

    assert list(moved) == [str(old)]
    assert moved[str(old)] != old
