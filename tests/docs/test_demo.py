"""The recording of the README's first command shows what it prints."""

import re
import subprocess
from pathlib import Path

from tests.kit import COMMAND

DEMO = Path(__file__).parents[2] / "docs" / "demo.md"


def shape(text: str) -> list[str]:
    """Return the lines without what differs from run to run."""
    lines = [re.sub(r"\d[\d.,]*", "N", line) for line in text.splitlines()]
    return [" ".join(re.sub(r"\b[kM]?B\b", "B", line).split()) for line in lines]


def test_the_demo_prints_what_the_recording_shows(monkeypatch):
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    monkeypatch.delenv("CORTICAL_CACHE_DIR")
    done = subprocess.run(
        [COMMAND, "demo"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
        check=False,
    )
    recorded = re.search(r"```text\n(.*?)```", DEMO.read_text("utf-8"), re.DOTALL)[1]

    assert done.returncode == 0, done.stdout
    assert shape(done.stdout) == shape(recorded)
    assert "60 rows, 0 requests to the server" in done.stdout


def test_the_demo_leaves_nothing_behind(home, monkeypatch, tmp_path):
    monkeypatch.delenv("CORTICAL_CACHE_DIR")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))

    done = subprocess.run(
        [COMMAND, "demo"], capture_output=True, timeout=100, check=False
    )

    assert done.returncode == 0
    assert [*scratch.iterdir()] == []
    assert not [one for one in home.rglob("*") if "cortical" in one.name]
