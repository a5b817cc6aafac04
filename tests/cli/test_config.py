"""``cortical-cache config``: each setting, and where it comes from."""

from cortical_cache.settings import SETTINGS
from tests.kit import COMMAND, run


def told(ran):
    assert ran.code == 0, ran.err
    return {one["setting"]: (one["value"], one["from"]) for one in ran.json()}


def test_every_setting_is_shown_in_lines(command, store_dir):
    ran = command("config")

    heading, *lines = [line.split("\t") for line in ran.out.splitlines()]
    assert heading == ["setting", "value", "from"]
    shown = {name: (value, where) for name, value, where in lines}
    assert set(shown) == {one.name for one in SETTINGS}
    where = "environment (CORTICAL_CACHE_DIR)"
    assert shown["cache_dir"] == (str(store_dir), where)
    assert shown["offline"] == ("no", "default")
    assert shown["version"][0] == "offline the newest held, else the server's newest"


def test_the_file_and_the_environment_are_named(command, monkeypatch, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        "offline = true\n"
        "[datasets.microns_public]\nversion = 1181\n"
        "aliases = ['ours', 'microns_public']\n"
    )
    monkeypatch.setenv("CORTICAL_CACHE_CONFIG", str(path))

    shown = told(command("config", "--json"))

    assert shown["offline"] == (True, f"file ({path})")
    assert shown["config_file"] == (str(path), "environment (CORTICAL_CACHE_CONFIG)")
    own = told(command("config", "ours", "--json"))
    assert own["version"] == (1181, f"file ({path})")
    assert own["aliases"] == (["ours", "microns_public"], f"file ({path})")
    assert own["datastack"] == ("minnie65_public", "preset")
    assert own["alternative_tables"] == (["nucleus_alternative_points"], "preset")
    assert own["server_address"] == ("https://global.daf-apis.com", "default")
    assert own["folder"][0].endswith("minnie_public")
    monkeypatch.setenv("CORTICAL_CACHE_VERSION", "1300")
    again = told(command("config", "ours", "--json"))
    assert again["version"] == (1300, "environment (CORTICAL_CACHE_VERSION)")


def test_a_dataset_of_the_file_alone_has_defaults(command, monkeypatch, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        "[datasets.mine]\ndatastack = 'mine'\nserver_address = 'https://x.org'\n"
    )
    monkeypatch.setenv("CORTICAL_CACHE_CONFIG", str(path))

    own = told(command("config", "mine", "--json"))

    assert own["datastack"] == ("mine", f"file ({path})")
    assert own["main_table"] == ("nucleus_detection_v0", "default")


def test_it_opens_no_socket():
    ran = run([COMMAND, "config", "minnie_public"], CORTICAL_CACHE_TEST_SOCKETS="none")

    assert ran.code == 0, ran.err


def test_a_wrong_setting_is_one_line_and_exit_code_1(command, monkeypatch):
    monkeypatch.setenv("CORTICAL_CACHE_VERSION", "newest")

    ran = command("config")

    assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
