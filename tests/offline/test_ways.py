"""Every way to be offline, and every place that could be asked all the same."""

import pytest

from cortical_cache import load_client
from cortical_cache.errors import NotCachedError, UnknownNameError
from cortical_cache.settings import read_settings
from tests.offline.kit import outcome
from tests.offline.surface import MISSES, ROOT


@pytest.mark.parametrize("way", ["argument", "environment", "configuration"])
def test_every_way_to_be_offline_opens_no_socket(way, nowhere, home, monkeypatch):
    given = {"offline": True} if way == "argument" else {}
    if way == "environment":
        monkeypatch.setenv("CORTICAL_CACHE_OFFLINE", "1")
    if way == "configuration":
        file = read_settings().config_file
        file.parent.mkdir(parents=True)
        file.write_text("offline = true\n")
    client = load_client("demo", **given)
    client.set_export_cloudpath("https://exports.invalid/files")

    for ask in (
        lambda: client.cached.materialize.query_table("cell_types"),
        lambda: client.exports.get_table("cell_types", 5),
        lambda: client.sql("SELECT * FROM cell_types"),
        lambda: client.cave,
        lambda: client.get_state_json("https://state.invalid/77"),
    ):
        assert isinstance(outcome(ask), NotCachedError)
    assert not nowhere


@pytest.mark.parametrize(
    "locations",
    [
        ["https://exports.invalid/files"],
        ["http://127.0.0.1:9/files"],
        ["gs://no-such-bucket/files"],
        ["s3://no-such-bucket/files"],
        ["{here}", "https://exports.invalid/files"],
        ["gs://no-such-bucket/files", "https://exports.invalid/files"],
    ],
)
def test_no_place_of_exports_is_asked(locations, nowhere, home, tmp_path):
    places = [one.format(here=tmp_path) for one in locations]
    file = read_settings().config_file
    file.parent.mkdir(parents=True)
    file.write_text(f"[datasets.demo]\nexport_locations = {places!r}\n")
    client = load_client("demo", offline=True)

    for name in (one for one in MISSES if one.startswith("exports.")):
        for asked in MISSES[name]:
            error = outcome(lambda one=asked, at=name: one.of(client, at))
            assert isinstance(error, NotCachedError), name
    for command in ("cell_types", "nonsense"):
        error = outcome(lambda one=command: client.sql(f"SELECT * FROM exports.{one}"))
        assert isinstance(error, NotCachedError)
    assert not nowhere


SQL = {
    "cell_types": "sync demo",
    "v99.cell_types": "sync demo 99 --tables cell_types",
    "partial.cell_types": "sync demo",
    "exports.cell_types": "sync demo",
    "cell_ids": "sync demo",
    "minnie_public.v1300.synapses_pni_2": "sync minnie_public 1300 --tables synapses",
    "v1dd.v1196.cell_ids": "sync v1dd 1196",
    "minnie_prod.v1300.nonsense": "sync minnie_prod 1300 --tables nonsense",
    "graph.roots": None,
    "nowhere.v1.cell_types": None,
    "'https://exports.invalid/table.parquet'": "sync demo",
    "read_csv('https://exports.invalid/table.csv')": None,
}


@pytest.mark.parametrize("name", SQL)
def test_names_of_sql_open_no_socket(name, empty, nowhere):
    error = outcome(lambda: empty.sql(f"SELECT * FROM {name}"))

    assert error is not None
    if SQL[name] is None:
        assert not isinstance(error, NotCachedError)
    else:
        assert isinstance(error, NotCachedError)
        assert SQL[name] in error.command
    assert not nowhere


def test_a_viewer_that_gets_tags_asks_nobody(server, request):
    load_client("demo").get_datastack_info()
    server.stop()
    attempts = request.getfixturevalue("no_sockets")
    import pandas as pd

    points = pd.DataFrame({"at": [[1, 2, 3], [4, 5, 6]], "good": [True, False]})

    viewer = load_client("demo", offline=True).neuroglancer_viewer([ROOT])
    viewer.add_points(points, point_column="at", tag_bools=["good"])
    url = viewer.to_url(target_url="https://ngl.invalid")

    assert "good" in url
    assert not attempts


def test_a_version_newer_than_the_last_list_is_missing_an_older_one_is_unknown(
    server, command
):
    load_client("demo").cached.materialize.get_versions()
    materialize = load_client("demo", offline=True).cached.materialize

    with pytest.raises(NotCachedError, match="version 99 of demo") as missed:
        materialize.get_timestamp(99)
    with pytest.raises(UnknownNameError, match="there are 2, 3, 4, 5"):
        materialize.get_timestamp(0)

    assert missed.value.command == "cortical-cache sync demo 99"
    ran = command(*missed.value.command.split()[1:])
    assert ran.code == 1
    assert "there are 2, 3, 4, 5" in ran.err


def test_an_export_newer_than_the_last_list_is_missing_an_older_one_is_unknown(bucket):
    online = load_client("demo")
    online.set_export_cloudpath(bucket)
    assert online.exports.available_versions("cell_types") == [2, 3, 4, 5]
    exports = load_client("demo", offline=True).exports

    with pytest.raises(NotCachedError, match="sync demo 6 --exports cell_types"):
        exports.get_table("cell_types", 6)
    with pytest.raises(UnknownNameError, match="there are 2, 3, 4, 5"):
        exports.get_table("cell_types", 1)
    with pytest.raises(UnknownNameError, match="there are cell_types"):
        exports.get_table("cell_type", 5)


def test_a_listed_export_is_not_brought_offline(bucket, request):
    online = load_client("demo")
    online.set_export_cloudpath(bucket)
    (export,) = [
        one
        for one in online.exports.available_files
        if (one.name, one.version) == ("cell_types", 5)
    ]
    attempts = request.getfixturevalue("no_sockets")
    offline = load_client("demo", offline=True)

    for bring in (
        lambda: offline.repositories.exports.bring(export),
        lambda: offline.exports.get_table("cell_types", 5),
    ):
        error = outcome(bring)
        assert isinstance(error, NotCachedError)
        assert error.command == "cortical-cache sync demo 5 --exports cell_types"
    assert not attempts
