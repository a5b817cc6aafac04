"""Arguments over environment over file over default."""

from dataclasses import fields
from pathlib import Path

import pytest

from cortical_cache.errors import ConfigurationError
from cortical_cache.registry import resolve
from cortical_cache.settings import (
    SETTINGS,
    Settings,
    config_path,
    origin,
    read_settings,
    write_pin,
)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def read(config: Path, **given: object):
    environment = {
        key: str(one) for key, one in given.items() if key.startswith("CORTICAL")
    }
    arguments = {key: one for key, one in given.items() if key not in environment}
    return read_settings(
        environment={"CORTICAL_CACHE_CONFIG": str(config), **environment}, **arguments
    )


def test_the_store_is_where_argument_environment_or_file_say(config, home):
    assert home in read(config).cache_dir.parents

    config.write_text('cache_dir = "/from/file"\n')

    assert read(config).cache_dir == Path("/from/file")
    environment = read(config, CORTICAL_CACHE_DIR="/from/environment")
    assert environment.cache_dir == Path("/from/environment")
    both = read(config, CORTICAL_CACHE_DIR="/from/environment", cache_dir="/argument")
    assert both.cache_dir == Path("/argument")


def test_offline_is_what_argument_environment_or_file_say(config):
    assert read(config).offline is False

    config.write_text("offline = true\n")

    assert read(config).offline is True
    assert read(config, CORTICAL_CACHE_OFFLINE="0").offline is False
    assert read(config, CORTICAL_CACHE_OFFLINE="0", offline=True).offline is True
    assert read(config, CORTICAL_CACHE_OFFLINE="yes", offline=False).offline is False


def test_the_limit_is_what_environment_or_file_say(config):
    assert read(config).max_size is None

    config.write_text('max_size = "20 GB"\n')

    assert read(config).max_size == 20 * 10**9
    assert read(config, CORTICAL_CACHE_MAX_SIZE="1.5GiB").max_size == 3 * 2**29
    config.write_text("max_size = 1000\n")
    assert read(config).max_size == 1000


def test_version_and_server_come_from_the_environment(config):
    settings = read(
        config, CORTICAL_CACHE_VERSION="1300", CORTICAL_CACHE_SERVER="http://x"
    )

    assert (settings.version, settings.server_address) == (1300, "http://x")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("CORTICAL_CACHE_OFFLINE", "maybe", "neither 1 nor 0"),
        ("CORTICAL_CACHE_MAX_SIZE", "20 gigs", "is no size"),
        ("CORTICAL_CACHE_VERSION", "latest", "not a materialization version"),
        ("CORTICAL_CACHE_VERSION", "-3", "not a materialization version"),
    ],
)
def test_a_variable_without_meaning_is_named(name, value, says, config):
    with pytest.raises(ConfigurationError, match=says) as caught:
        read(config, **{name: value})

    assert name in str(caught.value)


def test_the_file_lies_where_the_platform_wants_it(home):
    assert home in config_path({}).parents


def test_a_pin_leaves_the_rest_of_the_file_alone(config):
    before = '# mine\noffline = false # yes\n\n[datasets.v1dd]\nmain_table = "a"\n'
    config.write_text(before)

    write_pin(config, "minnie_public", 1300)
    write_pin(config, "v1dd", 1196)

    text = config.read_text()
    assert text.startswith("# mine\noffline = false # yes\n")
    datasets = read(config).datasets
    assert datasets["minnie_public"] == {"version": 1300}
    assert datasets["v1dd"] == {"main_table": "a", "version": 1196}
    assert list(config.parent.glob(".config*")) == []


def test_a_file_that_cannot_be_read_is_not_overwritten(config):
    config.write_text("not toml")

    with pytest.raises(ConfigurationError):
        write_pin(config, "demo", 3)

    assert config.read_text() == "not toml"


VALUES = {
    "cache_dir": ("/from/environment", '"/from/file"'),
    "offline": ("1", "true"),
    "version": ("1300", "1181"),
    "server_address": ("http://environment", '"http://file"'),
    "max_size": ("1000", "2000"),
    "timeout": ("60.0", "90.0"),
    "group_readable": ("1", "true"),
    "layers": ("/from/environment", '["/from/file"]'),
}


def test_every_field_has_its_line_in_the_table():
    named = {one.name for one in SETTINGS}

    assert named == {one.name for one in fields(Settings)} - {"datasets", "keys"}
    assert set(VALUES) == named - {"config_file"}


@pytest.mark.parametrize("setting", [one for one in SETTINGS if one.key])
@pytest.mark.parametrize("in_file", [True, False])
@pytest.mark.parametrize("variable", [None, "", "set"])
def test_where_a_setting_comes_from_is_told(setting, in_file, variable, config):
    in_environment, file_value = VALUES[setting.name]
    if in_file:
        head = "[datasets.minnie_public]\n" if setting.by_dataset else ""
        config.write_text(f"{head}{setting.key} = {file_value}\n")
    environment = {"CORTICAL_CACHE_CONFIG": str(config)}
    if variable is not None:
        environment[setting.variable] = variable and in_environment
    settings = read_settings(environment=environment)

    told = origin(setting, settings, dataset="minnie_public", environment=environment)

    value = getattr(settings, setting.name)
    if isinstance(value, tuple):
        value = str(value[0]) if variable else [str(one) for one in value]
    if setting.by_dataset:
        home = resolve("minnie_public", settings)
        own = {"version": settings.version or home.pinned}
        own["server_address"] = home.dataset.server_address
        value = own[setting.name]
    if variable:
        assert told == f"environment ({setting.variable})"
        assert str(value) in {in_environment, "True"}
    elif in_file:
        assert told == f"file ({config})"
        assert str(value).replace("'", '"') in {file_value.strip('"'), "True"}
    else:
        assert told == "default"
        assert str(value) not in {file_value.strip('"'), in_environment, "True"}
