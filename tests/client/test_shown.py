"""What a notebook shows: made of what is remembered, without a request, escaped."""

import ast
import json
import logging
import sys
import warnings
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

import cortical_cache
from cortical_cache import load_client
from cortical_cache.client.progress.watched import is_watched
from cortical_cache.demo import build_world
from tests.kit import python

NASTY = "<script>alert('x')</script>\"&"


class Page(HTMLParser):
    """Collects the tags, the links and the text of a page."""

    def __init__(self, text) -> None:
        super().__init__()
        self.tags, self.links, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href"]

    def handle_data(self, data):
        self.text += data + " "


@pytest.fixture
def held(server):
    client = load_client("demo", version=5)
    client.tables.cell_types().query()
    client.get_datastack_info()
    server.clear_log()
    return client


def test_the_client_is_a_link_to_neuroglancer(held, server):
    page = Page(load_client("demo", version=5)._repr_html_())

    (url,) = page.links
    assert url.startswith("https://spelunker.cave-explorer.org/#!")
    state = json.loads(unquote(url.partition("#!")[2]))
    shown = {one["name"]: one["source"][0]["url"] for one in state["layers"]}
    assert shown["imagery"] == held.image_source()
    assert not server.requests


def test_the_client_says_what_is_held(held, server):
    page = Page(held._repr_html_())

    for words in (
        "demo 5",
        "until 2125-06-02 (as of ",
        " held in ",
        "kB",
        "online",
        "cell_types",
        server.url,
    ):
        assert words in page.text
    offline = load_client("demo", offline=True)
    assert "offline" in Page(offline._repr_html_()).text
    assert repr(offline).endswith("offline>")
    assert "version=5 until 2125-06-02 (as of " in repr(offline)
    assert "held=[5] size=" in repr(offline)


def test_a_new_client_has_no_link_and_asks_for_none(server, store_dir):
    client = load_client("demo")

    page = Page(client._repr_html_())

    assert not page.links
    assert "nothing is held yet" in page.text
    assert repr(client) == "<cortical_cache.Client demo version=newest held=[]>"
    assert not server.requests
    assert not store_dir.exists()


@pytest.mark.parametrize("all_of_it", [True, False])
def test_a_damaged_store_still_shows(held, store_dir, all_of_it):
    for path in store_dir.rglob("*.json"):
        if all_of_it or path.name != "dataset.json":
            path.write_text("{")

    client = load_client("demo", version=5, offline=True)

    page = Page(client._repr_html_())
    assert not page.links
    assert "damaged" in page.text
    assert "demo" in repr(client)


def test_words_of_others_are_escaped(start, cave_world, monkeypatch):
    world = build_world()
    volume = world.aligned_volumes["demo_volume"]
    tables = {
        name: replace(one, description=NASTY) for name, one in volume.tables.items()
    }
    views = {
        name: replace(one, description=NASTY) for name, one in volume.views.items()
    }
    volume = replace(volume, tables=tables, views=views, image_source=NASTY)
    world = replace(world, aligned_volumes={"demo_volume": volume})
    cave = start(world)
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", cave.url)
    client = load_client("demo", version=5)
    client.get_datastack_info()

    for shown in (client, client.tables, client.views, client.exports):
        page = Page(shown._repr_html_())
        assert "script" not in page.tags
    assert NASTY in Page(client.tables._repr_html_()).text
    (url,) = Page(client._repr_html_()).links
    assert (
        NASTY
        in json.loads(unquote(url.partition("#!")[2]))["layers"][0]["source"][0]["url"]
    )


def test_tables_and_views_show_names_and_descriptions(held):
    page = Page(held.tables._repr_html_())

    assert "9 tables of demo v5" in page.text
    assert page.tags.count("details") == 9
    assert "cell_types" in page.text
    described = held.cached.materialize.get_table_metadata("cell_types")["description"]
    assert described in page.text
    assert "views of demo v5" in Page(held.views._repr_html_()).text


def test_exports_show_what_was_listed_and_what_is_held(tmp_path, server):
    folder = tmp_path / "bucket" / "v5"
    folder.mkdir(parents=True)
    (folder / "cells.csv").write_text("")
    client = load_client("demo", version=5)
    client.set_export_cloudpath(str(tmp_path / "bucket"))
    assert "listed" not in repr(client.exports)
    assert client.exports._repr_html_().count("<tr>") == 1
    assert not server.requests


def test_a_status_shows_its_cells_escaped(held):
    status = replace(held.cache_status(), dataset=NASTY)

    page = Page(status._repr_html_())

    assert "script" not in page.tags
    assert NASTY in page.text
    assert page.tags.count("th") == len(status.lines()[0])


# --- the library is quiet -----------------------------------------------------------


def test_nothing_but_the_command_line_prints():
    package = Path(cortical_cache.__file__).parent
    found = [
        f"{path.relative_to(package)}:{node.lineno}"
        for path in package.rglob("*.py")
        if path.relative_to(package).parts[0] not in {"cli", "demo"}
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in NOT_OURS
    ]

    assert not found


NOT_OURS = {
    "print",
    "sys.stdout.write",
    "logging.basicConfig",
    "logging.captureWarnings",
    "logging.disable",
    "logging.info",
    "logging.warning",
    "warnings.simplefilter",
    "urllib3.disable_warnings",
}


def test_a_session_leaves_loggers_and_warnings_as_they_were(server):
    ran = python(
        "import logging, warnings\n"
        "root = logging.getLogger()\n"
        # These have filters and handlers of their own, which are not ours to judge.
        "import caveclient, cloudvolume, duckdb, nglui.statebuilder, pyarrow\n"
        "import pcg_skel\n"
        "def state():\n"
        "    return (root.level, [*root.handlers], [*root.filters],\n"
        "        [*warnings.filters], warnings.showwarning,\n"
        "        logging.getLogger('urllib3').level, logging.root.manager.disable)\n"
        "before = state()\n"
        "from cortical_cache import load_client\n"
        "client = load_client('demo', version=5)\n"
        "frame = client.tables.cell_types().query()\n"
        "client.query_synapses(frame['pt_root_id'].dropna().tolist()[:3], pre=True)\n"
        "cell = int(frame['pt_root_id'].max())\n"
        "client.get_l2_ids(cell), client.root_id_to_cell_id(cell)\n"
        "client.skeletons_exist(root_ids=[cell]), client.get_skeleton(cell)\n"
        "client.cached.skeleton.get_skeleton(cell), client.mesh.get_mesh(cell)\n"
        "client.get_l2data(client.get_l2_ids(cell)), client.get_latest_roots(cell)\n"
        "client.tables.cell_types().live_query('now')\n"
        "repr(client), client._repr_html_(), client.neuroglancer_url()\n"
        "client.upload_state_json({'a': 1})\n"
        "after = state()\n"
        "for one, other in zip(before, after): assert one == other, (one, other)\n"
    )

    assert ran.code == 0, ran.err
    assert (ran.out, ran.err) == ("", "")


def test_progress_is_drawn_where_somebody_watches(monkeypatch, capsys):
    from IPython.core.interactiveshell import InteractiveShell

    assert not is_watched()
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    shell = InteractiveShell.instance()
    try:
        assert not is_watched()
        shell.kernel = object()  # what a notebook's shell has
        assert is_watched()
    finally:
        del shell.kernel
        shell.history_manager.end_session()
        InteractiveShell.clear_instance()


def test_the_library_has_a_handler_of_its_own_and_no_level():
    logger = logging.getLogger("cortical_cache")

    assert any(isinstance(one, logging.NullHandler) for one in logger.handlers)
    assert logger.level == logging.NOTSET
    assert logger.propagate
    with warnings.catch_warnings(record=True) as caught:
        repr(load_client("demo"))
    assert not caught
