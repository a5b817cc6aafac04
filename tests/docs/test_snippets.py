"""Every block of the README and the docs is run, in the order of its page.

The convention is in docs/development.md. ``sh fresh`` blocks are run by ``.ci/run``.
"""

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.kit import PYTHON, two_volumes

ROOT = Path(__file__).parents[2]
THEIRS = {"store.md", "differences.md", "selfcheck.md"}  # have tests of their own
PAGES = [
    ROOT / "README.md",
    *sorted(one for one in (ROOT / "docs").glob("*.md") if one.name not in THEIRS),
]
READY_CLIENTS = "cortical_cache.datasets."
BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    kind: str
    text: str


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page, without the site's directives: ```{toctree}."""
    found = BLOCK.findall(page.read_text("utf-8"))
    return [Block(*one) for one in found if not one[0].startswith("{")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_is_of_a_kind_that_is_run(page):
    kinds = {one.kind for one in blocks(page)}

    assert kinds <= {"sh", "sh fresh", "python", "python two volumes", "toml", "text"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_blocks_of_a_page_work(page, start, minnie_world, monkeypatch, tmp_path):
    cave = start(minnie_world)
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", cave.url)
    monkeypatch.setenv("CORTICAL_CACHE_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv(
        "PATH", os.pathsep.join([str(Path(PYTHON).parent), os.environ["PATH"]])
    )
    monkeypatch.chdir(tmp_path)
    for name in [one for one in sys.modules if one.startswith(READY_CLIENTS)]:
        monkeypatch.delitem(sys.modules, name)  # another page's, of another server
    namespace: dict[str, object] = {}

    for block in blocks(page):
        if block.kind == "sh":
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", block.text],
                input=cave.token,  # what `login` asks for
                capture_output=True,
                text=True,
                timeout=100,
                check=False,
            )
            assert done.returncode == 0, block.text + done.stdout + done.stderr
        elif block.kind == "python":
            exec(compile(block.text, str(page), "exec"), namespace)  # noqa: S102  our own pages
        elif block.kind == "python two volumes":
            two_volumes(start, minnie_world, tmp_path / "volumes.toml")
            with monkeypatch.context() as there:
                there.delenv("CORTICAL_CACHE_SERVER")
                there.setenv("CORTICAL_CACHE_CONFIG", str(tmp_path / "volumes.toml"))
                exec(compile(block.text, str(page), "exec"), {})  # noqa: S102  our own pages
        elif block.kind == "toml":
            (tmp_path / "config.toml").write_text(block.text)


def test_the_readme_opens_with_two_commands_that_start_from_nothing():
    text = (ROOT / "README.md").read_text("utf-8")
    demo, tests = [one.text.strip() for one in blocks(ROOT / "README.md")][:2]

    assert text.index("```sh fresh") < text.index("```sh\n")
    for command in (demo, tests):
        assert command.startswith("python3 -m venv .venv && .venv/bin/pip install -q ")
        assert "\n" not in command
    assert demo.endswith(".venv/bin/cortical-cache demo")
    assert tests.endswith(".venv/bin/pytest")


def test_ci_runs_those_two_commands():
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    reader = script[script.index("readme() {") : script.index("step() {")]
    told = subprocess.run(
        ["bash", "-c", f"cd {shlex.quote(str(ROOT))}; {reader}\nreadme 1; readme 2"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    fresh = [one.text for one in blocks(ROOT / "README.md") if one.kind == "sh fresh"]
    assert told == "".join(fresh).replace(".venv", ".venv-ci")


def test_every_page_is_linked_from_the_readme():
    readme = (ROOT / "README.md").read_text("utf-8")
    pages = {one.name for one in (ROOT / "docs").glob("*.md")} - {"index.md"}

    assert pages - THEIRS <= set(re.findall(r"\(docs/(\w+\.md)\)", readme))


@pytest.mark.parametrize(
    "page",
    [*(ROOT / "docs").glob("*.md"), ROOT / "README.md"],
    ids=lambda one: one.name,
)
def test_links_to_other_pages_lead_somewhere(page):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8"))

    assert not [one for one in links if not (page.parent / one).exists()]
