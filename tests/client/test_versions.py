"""Which version is meant where none is given."""

import logging

import pytest

from cortical_cache import load_client
from cortical_cache.errors import NotCachedError, UnknownNameError
from cortical_cache.settings import config_path, write_pin
from tests.kit import python


def hold(version: int) -> None:
    load_client("demo", version=version).tables.cell_types().query()


def test_argument_then_client_then_environment_then_pin_then_newest(
    server, monkeypatch
):
    client = load_client("demo")
    newest = client.version

    write_pin(config_path(), "demo", 2)
    pinned = load_client("demo").version
    monkeypatch.setenv("CORTICAL_CACHE_VERSION", "3")
    from_environment = load_client("demo")
    set_there = load_client("demo", version=4)
    given = set_there.cached.materialize.query_table(
        "cell_types", materialization_version=5, merge_reference=False
    )

    assert (newest, pinned, from_environment.version) == (5, 2, 3)
    assert set_there.version == 4
    assert given.attrs["cortical_cache"]["version"] == 5
    from_environment.version = 4
    assert from_environment.version == 4
    from_environment.version = None
    assert from_environment.version == 3


def test_offline_the_newest_held(server):
    hold(2)
    hold(4)
    load_client("demo").cached.materialize.get_versions()

    assert load_client("demo", offline=True).version == 4


def test_one_line_if_the_newest_is_not_the_one_held(server, caplog):
    hold(4)
    caplog.set_level(logging.WARNING, "cortical_cache")

    client = load_client("demo")
    versions = client.version, client.version

    (line,) = [one for one in caplog.records if one.name.startswith("cortical_cache")]
    assert versions == (5, 5)
    assert "using version 5, the server's newest; version 4 is held" in line.message
    assert "\n" not in line.message
    assert "load_client('demo', version=4)" in line.message


def test_no_line_if_they_are_the_same(server, caplog):
    hold(5)

    assert load_client("demo").version == 5
    assert not [one for one in caplog.records if one.name.startswith("cortical_cache")]


def test_a_session_on_a_pinned_held_version_opens_no_socket(server):
    hold(4)
    write_pin(config_path(), "demo", 4)
    server.clear_log()

    ran = python(
        "from cortical_cache import load_client\n"
        "client = load_client('demo')\n"
        "print(len(client.tables.cell_types(cell_type='23P').query()))\n",
        CORTICAL_CACHE_TEST_SOCKETS="none",
    )

    assert ran.code == 0, ran.err
    assert int(ran.out) > 0
    assert not server.requests


def test_a_version_that_does_not_exist_names_those_that_do(server):
    client = load_client("demo")

    with pytest.raises(UnknownNameError, match="there are 2, 3, 4, 5"):
        client.version = 77
    with pytest.raises(UnknownNameError, match="there are 2, 3, 4, 5"):
        load_client("demo", version=77).tables  # noqa: B018  it is the access that asks


def test_offline_with_nothing_held_names_the_command():
    with pytest.raises(NotCachedError, match="`cortical-cache sync demo latest`"):
        load_client("demo", offline=True).version  # noqa: B018  it is the access
