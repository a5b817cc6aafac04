"""The tables of the docs say what the code does.

``python tests/docs/test_tables.py`` writes the freshness table anew.
"""

import inspect
import re
from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest

from cortical_cache.cli.codes import Exit
from cortical_cache.cli.sync import sync
from cortical_cache.model.dataset import Dataset
from cortical_cache.policy.freshness import Fact
from cortical_cache.settings import SETTINGS

DOCS = Path(__file__).parents[2] / "docs"


def rows(page: str) -> list[list[str]]:
    """Return the cells of every table row of a page."""
    lines = (DOCS / page).read_text("utf-8").splitlines()
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in lines
        if line.startswith("| ")
    ]


def freshness_table() -> str:
    """Write the freshness table as docs/freshness.md has it."""
    lines = ["| fact | kept | why |", "| --- | --- | --- |"]
    for fact in Fact:
        rule = fact.rule
        kept = {None: "for ever", timedelta(0): "till asked again"}.get(rule.kept)
        if kept is None:
            kept = {"1 day, 0:00:00": "a day", "1:00:00": "an hour"}[str(rule.kept)]
        lines.append(f"| {fact.value.replace('_', ' ')} | {kept} | {rule.reason} |")
    return "\n".join(lines) + "\n"


def test_the_freshness_page_has_the_table_of_the_code():
    assert freshness_table() in (DOCS / "freshness.md").read_text("utf-8")


def test_every_option_of_sync_is_documented():
    options = {
        f"--{name.rstrip('_').replace('_', '-')}"
        for name, one in inspect.signature(sync).parameters.items()
        if one.kind is one.KEYWORD_ONLY
    }

    assert {row[0].strip("`").split()[0] for row in rows("sync.md")} >= options


def test_the_exit_codes_are_those_of_the_command():
    of_sync = {row[0] for row in rows("sync.md") if row[0].isdecimal()}
    told = {row[0]: row[1] for row in rows("cli.md") if row[0].isdecimal()}

    assert told == {str(one.value): one.meaning for one in Exit}
    assert of_sync == {"0", "1", "2", "3", "130"}


def test_every_field_of_a_dataset_is_documented():
    told = {row[0].strip("`") for row in rows("configuration.md")}

    assert {one.name for one in fields(Dataset)} - {"name"} < told
    assert {"version", "same_data"} < told


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda one: one.name)
def test_every_setting_is_documented(setting):
    told = {row[0].strip("`"): row[1] for row in rows("configuration.md")}

    assert told[setting.variable].strip("`").split("`")[0] == setting.key


def test_no_other_variable_is_read():
    package = Path(inspect.getfile(Dataset)).parents[1]
    named = {
        name
        for path in package.rglob("*.py")
        for name in re.findall(r"CORTICAL_CACHE_[A-Z_]+", path.read_text("utf-8"))
    }

    told = {row[0].strip("`") for row in rows("configuration.md")}
    assert named <= told
    assert named == {one.variable for one in SETTINGS}


if __name__ == "__main__":
    page = DOCS / "freshness.md"
    head, _, _ = page.read_text("utf-8").partition("| fact |")
    page.write_text(head + freshness_table(), "utf-8")
