"""What several tests share: running the command, comparing frames."""

import json
import os
import pty
import subprocess
import sys
import termios
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from pandas.testing import assert_frame_equal

from cortical_cache.demo import (
    LoggedRequest,
    LoopbackCave,
    World,
    WorldSettings,
    build_world,
)

Start = Callable[..., LoopbackCave]

PYTHON = sys.executable
COMMAND = str(Path(PYTHON).with_name("cortical-cache"))


def two_volumes(start: Start, minnie: World, config: Path) -> None:
    """Start a CAVE for each of two datasets, and have a configuration name them."""
    volumes = {
        "minnie_public": start(minnie),
        "v1dd": start(build_world(WorldSettings(datastack="v1dd"))),
    }
    config.write_text(
        "".join(
            f'[datasets.{name}]\nserver_address = "{cave.url}"\n'
            for name, cave in volumes.items()
        )
    )


@dataclass(frozen=True)
class Ran:
    """What a command said."""

    code: int
    out: str
    err: str

    def json(self):
        return json.loads(self.out)


Command = Callable[..., Ran]


def run(arguments: Sequence[str], *, stdin: str = "", **environment: str) -> Ran:
    """Run a program to its end, in this environment and some more."""
    done = subprocess.run(
        [*arguments],
        input=stdin,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=100,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def python(code: str, **environment: str) -> Ran:
    """Run Python code in a process of its own."""
    return run([PYTHON, "-W", "error", "-c", code], **environment)


def row_queries(cave: LoopbackCave) -> list[LoggedRequest]:
    """Return the requests for rows (or their count) so far."""
    return [
        one for one in cave.requests if one.method == "POST" and "query" in one.path
    ]


def is_count(request: LoggedRequest) -> bool:
    return "count=True" in request.query


def same_frame(ours: pd.DataFrame, theirs: pd.DataFrame) -> None:
    """Compare as sets of rows by id: columns, their order and dtypes, values, attrs."""
    assert list(ours.columns) == list(theirs.columns)
    assert ours.dtypes.to_dict() == theirs.dtypes.to_dict()
    assert_frame_equal(_sorted(ours), _sorted(theirs))
    mine = {name: one for name, one in ours.attrs.items() if name != "cortical_cache"}
    assert mine == theirs.attrs


def _sorted(frame: pd.DataFrame) -> pd.DataFrame:
    plain = frame.copy()
    plain.attrs = {}
    for column in plain.select_dtypes(object).columns:
        plain[column] = [
            tuple(one) if isinstance(one, list | np.ndarray) else one
            for one in plain[column]
        ]
    ids = {"id", "id_ref", "id_x", "id_y", "id_a", "pre_pt_root_id"} & {*plain.columns}
    return plain.sort_values(sorted(ids)).reset_index(drop=True)


def in_terminal(arguments: list[str]) -> str:
    """Run a command on a terminal of its own and return all that it shows."""
    pid, terminal = pty.fork()
    if pid == 0:
        termios.tcsetwinsize(0, (40, 100))
        os.environ.update(TERM="xterm", COLUMNS="100", LINES="40")
        os.execv(arguments[0], arguments)
    shown = b""
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # Linux's way to say that the other end is closed
            break
        if not part:
            break
        shown += part
    os.waitpid(pid, 0)
    os.close(terminal)
    return shown.decode("utf-8", "replace")
