"""The recording of the README's first command shows what it prints.

``python -m tests.docs.test_demo`` records it anew.
"""

import os
import re
import subprocess
from pathlib import Path

from tests.kit import COMMAND

DEMO = Path(__file__).parents[2] / "docs" / "demo.md"
RECORDING = re.compile(r"```text\n(.*?)```", re.DOTALL)


def demo() -> subprocess.CompletedProcess[str]:
    """Run the demo; what it says and what it shows come in their order."""
    return subprocess.run(
        [COMMAND, "demo"],
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
        check=False,
    )


def shape(text: str) -> list[str]:
    """Return the lines without what differs from run to run."""
    lines = [re.sub(r"\d[\d.,]*", "N", line) for line in text.splitlines()]
    return [" ".join(re.sub(r"\b[kM]?B\b", "B", line).split()) for line in lines]


def test_the_demo_prints_what_the_recording_shows(monkeypatch):
    monkeypatch.delenv("CORTICAL_CACHE_DIR")
    done = demo()
    recorded = RECORDING.search(DEMO.read_text("utf-8"))[1]

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


if __name__ == "__main__":
    text = DEMO.read_text("utf-8")
    DEMO.write_text(text.replace(RECORDING.search(text)[1], demo().stdout), "utf-8")
