"""The page of each command is that of the command."""

import re
import runpy
from pathlib import Path

import pytest

from cortical_cache.cli.app import app
from cortical_cache.cli.teaching import every_command, examples

DOCS = Path(__file__).parents[2] / "docs"
COMMANDS = dict(every_command(app))
EVERYWHERE = {"--quiet", "--verbose"}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with the pages, as the site's build writes them."""
    folder = tmp_path_factory.mktemp("cli")
    runpy.run_path(str(DOCS / "reference.py"))["write_commands"](folder)
    return folder


def test_every_command_has_its_page_and_no_other_has_one(pages):
    listed = {one.stem for one in pages.glob("*.md")} - {"index"}
    index = (pages / "index.md").read_text("utf-8").split()

    assert listed == {one.replace(" ", "-") for one in COMMANDS}
    assert listed <= set(index)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_page_has_the_options_and_examples_of_the_command(name, pages):
    text = (pages / f"{name.replace(' ', '-')}.md").read_text("utf-8")
    head, _, shown = text.partition("## Examples")
    arguments = [
        one for one in COMMANDS[name].assemble_argument_collection() if one.show
    ]
    names = {each for one in arguments for each in one.names}

    listed = " ".join(re.findall(r"^\* `([^`]+)`:", head, re.MULTILINE))
    told = set(re.findall(r"--[\w-]+", listed))
    assert told - EVERYWHERE == {
        one
        for one in names
        if one.startswith("--") and not one.startswith(("--no-", "--empty-"))
    }
    assert not re.search(r"default: (False|None|\(\))", head, re.IGNORECASE)
    assert all(f"`{one.name}" in head or one.name in head for one in arguments)
    assert examples(COMMANDS[name].default_command) in shown


def test_the_page_of_all_commands_names_what_holds_for_each():
    text = (DOCS / "cli.md").read_text("utf-8")

    for option in EVERYWHERE:
        assert f"| `{option}`" in text
