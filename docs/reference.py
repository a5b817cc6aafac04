"""Write the page of every command from the command itself."""

import re
from pathlib import Path

from cortical_cache.cli.app import app
from cortical_cache.cli.teaching import every_command, examples

__all__ = ["write_commands"]

_PAGE = re.compile(r"^# cortical-cache (.+)$", re.MULTILINE)
_CONTENTS = re.compile(r"## Table of Contents.*?(?=\*\*Commands)", re.DOTALL)
_LINK = re.compile(r"\[(`[^`]+`)\]\(#[^)]+\)")


def write_commands(folder: Path) -> None:
    """Write a page for each command, and the one that lists them.

    Parameters
    ----------
    folder : Path
        Emptied of pages first.
    """
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.md"):
        old.unlink()
    _, *parts = _PAGE.split(app.generate_docs(heading_level=1, flatten_commands=True))
    told = dict(zip(parts[::2], parts[1::2], strict=True))
    listed: list[str] = []
    for name, command in every_command(app):
        page = name.replace(" ", "-")
        text = _LINK.sub(r"\1", _CONTENTS.sub("", told[name])).strip()
        lines = examples(command.default_command) if command.default_command else ""
        (folder / f"{page}.md").write_text(
            f"# cortical-cache {name}\n\n{text}\n\n"
            f"## Examples\n\n```sh\n{lines}\n```\n",
            "utf-8",
        )
        listed.append(page)
    tree = "\n".join(sorted(listed))
    (folder / "index.md").write_text(
        f"# Commands\n\n```{{toctree}}\n{tree}\n```\n", "utf-8"
    )
