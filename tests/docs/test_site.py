"""The site builds without a warning and without a network, and has every page."""

import json
import re
import shutil
from html import unescape
from pathlib import Path

import pytest

from cortical_cache.cli.app import app
from cortical_cache.cli.teaching import every_command
from tests.kit import PYTHON, Ran, run

DOCS = Path(__file__).parents[2] / "docs"

pytest.importorskip("sphinx", reason="the extra docs builds the site")
pytest.importorskip("myst_nb", reason="the extra docs builds the site")


def build(source: Path, site: Path) -> Ran:
    """Build it, warnings as errors; PYTHONPATH keeps the guard against networks."""
    asked = [PYTHON, "-m", "sphinx", "-W", "--keep-going", "-q", "-E"]
    return run([*asked, "-d", str(site / ".doctrees"), str(source), str(site)])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the built site."""
    folder = tmp_path_factory.mktemp("site")
    made = shutil.ignore_patterns("site", "cli", "jupyter_execute")
    shutil.copytree(DOCS, folder / "docs", ignore=made)
    shutil.copy(DOCS.parent / "CHANGELOG.md", folder)
    built = build(folder / "docs", folder / "site")
    assert built.code == 0, built.err
    return folder / "site"


def navigation(page: Path) -> set[str]:
    """Return where the sidebar of a page leads to."""
    text = page.read_text("utf-8")
    tree = text[text.index('<div class="sidebar-tree">') :]
    tree = (
        tree[: tree.index('<div class="sidebar-scroll')]
        if ('<div class="sidebar-scroll' in tree)
        else tree[: tree.index("</aside>")]
    )
    return {unescape(one) for one in re.findall(r'href="([^"#]+)"', tree)}


def test_every_page_is_in_the_navigation(site):
    pages = {one.stem for one in [*DOCS.glob("*.md"), *DOCS.glob("*.ipynb")]}

    listed = {one.removesuffix(".html") for one in navigation(site / "index.html")}

    assert pages - {"index"} <= listed
    for name, _ in every_command(app):
        assert f"cli/{name.replace(' ', '-')}" in listed


def test_the_notebook_was_run(site):
    text = (site / "tutorial.html").read_text("utf-8")
    source = json.loads((DOCS / "tutorial.ipynb").read_text("utf-8"))
    code = [one for one in source["cells"] if one["cell_type"] == "code"]

    assert not any(one["outputs"] or one["execution_count"] for one in code)
    assert "23P" in text
    assert "is not cached and the client is offline" in text
    assert text.count('class="cell_output') >= len(code) - 2


def test_the_pictures_were_drawn(site):
    text = (site / "plots.html").read_text("utf-8")
    source = (DOCS / "plots.md").read_text("utf-8")
    pictures = re.findall(r'<img[^>]* src="(_images/[^"]+\.png)"', text)

    assert (
        len(set(pictures))
        == len(re.findall(r"^client\.plot\.", source, re.MULTILINE))
        == 4
    )
    assert all((site / one).stat().st_size > 5000 for one in pictures)


def test_the_reference_is_that_of_the_docstrings(site):
    text = (site / "api.html").read_text("utf-8")

    for name in (
        "load_client",
        "Client.sql",
        "Client.query_synapses",
        "NotCachedError",
    ):
        assert re.search(rf'id="cortical_cache\.[\w.]*{re.escape(name)}"', text), name
    assert "Freshness" in text


@pytest.mark.parametrize(
    "harm",
    ["a link that leads nowhere", "a notebook that fails"],
)
def test_what_is_wrong_fails_the_build(harm, tmp_path):
    source = tmp_path / "docs"
    source.mkdir()
    for name in ("conf.py", "reference.py"):
        shutil.copy(DOCS / name, source)
    (source / "index.md").write_text("# A\n\n```{toctree}\nevery other page\n```\n")
    if harm.startswith("a link"):
        (source / "b.md").write_text("# B\n\n[c](nowhere.md)\n")
    else:
        notebook = json.loads((DOCS / "tutorial.ipynb").read_text("utf-8"))
        cell = next(one for one in notebook["cells"] if one["cell_type"] == "code")
        cell["source"] = ["1 / 0"]
        (source / "b.ipynb").write_text(json.dumps(notebook | {"cells": [cell]}))

    built = build(source, tmp_path / "site")

    assert built.code != 0
    assert ("nowhere" if harm.startswith("a link") else "ExecutionError") in built.err
