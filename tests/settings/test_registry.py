"""Datasets are data: presets, entry points, the user's own, and their servers."""

from pathlib import Path

import pytest

from cortical_cache import load_client
from cortical_cache.errors import ConfigurationError, UnknownNameError
from cortical_cache.registry import available, resolve
from cortical_cache.settings import read_settings

DAF = "https://global.daf-apis.com"
ALLEN = "https://global.em.brain.allentech.org"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that writes the configuration file."""
    path = tmp_path / "config.toml"
    monkeypatch.setenv("CORTICAL_CACHE_CONFIG", str(path))

    def write(text: str) -> Path:
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize(
    ("name", "datastack", "server", "transform"),
    [
        ("minnie_public", "minnie65_public", DAF, "minnie_ds"),
        ("minnie_prod", "minnie65_phase3_v1", DAF, "minnie_ds"),
        ("v1dd", "v1dd", ALLEN, "v1dd_ds"),
        ("v1dd_public", "v1dd_public", ALLEN, "v1dd_ds"),
        ("demo", "demo", "http://127.0.0.1:8421", None),
    ],
)
def test_a_preset_says_all_that_differs(name, datastack, server, transform):
    home = resolve(name, read_settings())

    dataset = home.dataset
    assert (dataset.datastack, dataset.server_address) == (datastack, server)
    assert dataset.main_table == "nucleus_detection_v0"
    assert "lookup" in (dataset.lookup_view or "")
    assert dataset.transform == transform
    assert home.folder == name
    if name != "demo":
        assert all(one.startswith("gs://") for one in dataset.export_locations)
        assert dataset.export_locations
        assert dataset.core_tables


def test_the_presets_are_these():
    shipped = {"minnie_public", "minnie_prod", "v1dd", "v1dd_public", "demo"}

    assert set(available(read_settings())) == shipped


@pytest.mark.parametrize(
    ("alias", "name"),
    [("microns_public", "minnie_public"), ("microns_prod", "minnie_prod")],
)
def test_an_alias_is_the_same_dataset_in_the_same_folder(alias, name):
    settings = read_settings()

    assert resolve(alias, settings) == resolve(name, settings)


def test_a_dataset_of_ones_own_needs_datastack_and_server(config):
    config(
        "[datasets.mine]\n"
        'datastack = "my_stack"\n'
        'server_address = "https://cave.example.org"\n'
        'alternative_tables = ["more_points"]\n'
        'aliases = ["ours"]\n'
    )

    home = resolve("ours", read_settings())

    assert (home.dataset.name, home.folder) == ("mine", "mine")
    assert home.dataset.datastack == "my_stack"
    assert home.dataset.cell_tables == ("nucleus_detection_v0", "more_points")
    assert home.source == "https://cave.example.org"


def test_the_file_may_change_single_fields_of_a_preset(config):
    config('[datasets.minnie_public]\nmain_table = "cells"\nversion = 1300\n')

    home = resolve("minnie_public", read_settings())

    assert home.dataset.main_table == "cells"
    assert home.dataset.datastack == "minnie65_public"
    assert home.pinned == 1300


def test_another_package_may_bring_a_dataset(tmp_path, monkeypatch):
    (tmp_path / "ants.py").write_text(
        'BRAIN = {"datastack": "ants", "server_address": "https://ants.example.org"}\n'
    )
    info = tmp_path / "ants-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ants\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[cortical_cache.datasets]\nant_brain = ants:BRAIN\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    home = resolve("ant_brain", read_settings())

    assert home.dataset.datastack == "ants"
    assert home.folder == "ant_brain"


def test_an_unknown_dataset_names_the_known_ones():
    with pytest.raises(UnknownNameError, match="there are minnie_public"):
        resolve("minnie_publik", read_settings())


@pytest.mark.parametrize("by", ["argument", "environment", "file"])
def test_another_server_gets_a_folder_of_its_own(by, config, monkeypatch):
    url = "http://127.0.0.1:9999"
    argument = url if by == "argument" else None
    if by == "environment":
        monkeypatch.setenv("CORTICAL_CACHE_SERVER", url)
    if by == "file":
        config(f'[datasets.minnie_public]\nserver_address = "{url}"\n')

    home = resolve("minnie_public", read_settings(), server_address=argument)

    assert home.dataset.server_address == url
    assert home.folder == "minnie_public@127.0.0.1-9999"
    assert home.source == url


def test_a_server_declared_the_same_shares_the_folder(config):
    config(
        "[datasets.minnie_public]\n"
        'server_address = "http://127.0.0.1:9999"\n'
        "same_data = true\n"
    )

    home = resolve("minnie_public", read_settings())

    assert home.dataset.server_address == "http://127.0.0.1:9999"
    assert (home.folder, home.source) == ("minnie_public", DAF)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[datasets.mine]\ndatastack = "a"\n', "lacks server_address"),
        (
            '[datasets.mine]\ndatastack = "a"\nserver_address = "cave.org"\n',
            "not a server",
        ),
        ("[datasets.minnie_public]\nmain_tabel = 'a'\n", "unknown settings main_tabel"),
        ("[datasets.minnie_public]\nmain_table = 3\n", "must be a string"),
        ("[datasets.minnie_public]\ncore_tables = 'a'\n", "must be a list of strings"),
        ("[datasets.minnie_public]\nversion = '1300'\n", "must be a whole number"),
        ("datasets = 3\n", "must be tables"),
        ("[datasets.minnie_public\n", "cannot be read"),
    ],
)
def test_a_wrong_file_is_told_with_its_path(text, says, config):
    path = config(text)

    with pytest.raises(ConfigurationError, match=says) as caught:
        resolve("minnie_public", read_settings())

    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["../../etc", "a/b", "", ".", "a\\u0000b", "x" * 300])
def test_a_dataset_of_ones_own_cannot_leave_the_store(name, config):
    config(
        f'[datasets."{name}"]\n'
        'datastack = "a"\nserver_address = "https://cave.example.org"\n'
    )

    with pytest.raises(ConfigurationError, match=r"to name a file|cannot name a file"):
        load_client(name.replace("\\u0000", "\0"))
