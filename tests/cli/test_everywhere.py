"""What holds for every command: help, options, errors, exit codes, terminals."""

import json
import logging
import os
import pty
import re
import shlex
import signal
import subprocess
import termios
import time
from itertools import accumulate, pairwise
from pathlib import Path

import pytest

from cortical_cache.cli.app import app
from cortical_cache.cli.codes import Exit
from cortical_cache.cli.output import _widths
from cortical_cache.cli.teaching import every_command, examples
from tests.kit import COMMAND, Ran, row_queries, run

COMMANDS = dict(every_command(app))
TALKERS = {
    "login": "asks for a secret",
    "sql": "has --format json",
    "completion": "prints a program",
    "lock": "prints a lock, which is JSON",
    "pin": "prints nothing",
    "unpin": "prints nothing",
    "invalidate": "prints nothing",
    "refresh": "prints nothing",
    "demo": "is a show",
    "demo serve": "runs until it is stopped",
}
"""Commands without --json, and why."""

LAST = ("repair", "rm", "prune", "demo serve")
"""Commands whose examples take away what those of others need."""


def options(name: str) -> set[str]:
    arguments = COMMANDS[name].assemble_argument_collection()
    return {one for each in arguments for one in each.names if one.startswith("--")}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_examples(name, command):
    ran = command(*name.split(), "--help")
    lines = examples(COMMANDS[name].default_command).splitlines()

    assert ran.code == 0
    assert "Examples" in ran.out
    assert any(one.startswith(f"cortical-cache {name}") for one in lines) or (
        f"cortical-cache {name}" in " ".join(lines)
    )
    for line in lines:
        assert line.split("#")[0].strip()[:40] in ran.out
    assert "--quiet" in ran.out
    assert "--verbose" in ran.out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_prints_json_or_there_is_a_reason(name):
    assert ("--json" in options(name)) == (name not in TALKERS)


def lines_of(name: str) -> list[str]:
    """Return the command lines of a command's examples, each whole."""
    text = examples(COMMANDS[name].default_command)
    whole = re.sub(r"(?:\\|(?<=\|))\n\s*", " ", text)
    return [line for line in whole.splitlines() if not line.startswith("#")]


@pytest.mark.timeout(300)  # some thirty commands
def test_every_example_works(command, start, minnie_world, monkeypatch, tmp_path):
    cave = start(minnie_world)
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", cave.url)
    monkeypatch.setenv("CORTICAL_CACHE_CONFIG", str(tmp_path / "config.toml"))
    folder = str(Path(COMMAND).parent)
    monkeypatch.setenv("PATH", os.pathsep.join([folder, os.environ["PATH"]]))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "token.txt").write_text(cave.token)
    first = [one for one in COMMANDS if one not in LAST]
    order = ["sync", *(one for one in first if one != "sync"), *LAST[:-1]]
    assert {*order, LAST[-1]} == set(COMMANDS)

    for name in order:
        for line in lines_of(name):
            words = shlex.split(line, comments=True)[1:]
            in_shell = set("|<>") & set(line)
            ran = (
                run(["bash", "-euo", "pipefail", "-c", line], stdin=cave.token)
                if in_shell or name == "login"
                else command(*words)
            )

            assert ran.code == 0, (line, ran)
            assert "Traceback" not in ran.err


def test_the_examples_of_serve_are_command_lines(command):
    for line in lines_of("demo serve"):
        words = shlex.split(line, comments=True)[1:]
        if words[:2] == ["demo", "serve"]:
            _, bound, _ = app.parse_args(words, exit_on_error=False)
            assert bound


def test_quiet_drops_the_talk_and_keeps_data_and_errors(command, server):
    loud = command("sync", "demo", "5", "--tables", "core", "--dry-run")
    quiet = command("sync", "demo", "5", "--tables", "core", "--dry-run", "--quiet")
    before = command("-q", "sync", "demo", "5", "--tables", "core")
    failed = command("sync", "demo", "77", "-q")

    assert loud.err
    assert (quiet.code, quiet.err) == (0, "")
    assert quiet.out == loud.out != ""
    assert (before.code, before.out, before.err) == (0, "", "")
    assert (failed.code, failed.err.count("\n")) == (1, 1)
    assert command("ls").err, "quiet must not last"


def test_quiet_still_names_a_table_that_failed(command, server, store_dir):
    command("sync", "demo", "5", "--tables", "cell_types")
    (tables,) = store_dir.glob("demo*/v5/tables")
    (tables / "nucleus_scores").write_text("in the way\n")

    ran = command("sync", "demo", "5", "--tables", "nucleus_scores", "--quiet")

    assert ran.code == Exit.PARTLY
    assert ran.err.startswith("failed: table nucleus_scores: ")


def test_verbose_tells_of_every_request(server):
    asked = [COMMAND, "sync", "demo", "5", "--tables", "cell_types"]
    plain = run(asked)
    server.clear_log()
    verbose = run([COMMAND, "-v", "sync", "demo", "5", "--tables", "nucleus_scores"])

    assert plain.code == verbose.code == 0
    assert server.url not in plain.err
    assert verbose.out == plain.out == ""
    for one in row_queries(server):
        assert one.path in verbose.err


def test_the_log_of_others_is_left_alone(command, server):
    mine = logging.getLogger("cortical_cache")
    before = (mine.level, logging.getLogger().level)

    command("ls", "--verbose")
    command("ls", "--nope", "-q")

    assert (mine.level, logging.getLogger().level) == before


WRONG = {
    "an unknown command": ["lss"],
    "an unknown option": ["ls", "--nope"],
    "a missing argument": ["sync"],
    "no number": ["sync", "demo", "5", "--jobs", "many"],
    "no choice": ["sql", "demo", "SELECT 1", "--format", "xml"],
    "a missing option": ["prune", "demo"],
}


@pytest.mark.parametrize("how", WRONG)
def test_a_wrong_command_line_is_told_in_one_line(how, command):
    ran = command(*WRONG[how])

    assert (ran.code, ran.out) == (Exit.WRONG, "")
    assert re.fullmatch(
        r"cortical-cache: .+ See `cortical-cache( \w+)? --help`\.\n", ran.err
    )
    shown = re.search(r"`cortical-cache ?(.*)`", ran.err)[1]
    assert command(*shown.split()).code == 0


def test_an_error_of_the_machine_is_told_in_one_line(command, server, tmp_path):
    file = tmp_path / "file"
    file.write_text("")

    ran = command("sql", "demo", "SELECT 1 AS a", "--output", str(file / "a.csv"))

    assert ran.code == Exit.FAILED
    assert re.fullmatch(r"cortical-cache: .*Not a directory.*\n", ran.err)


def on_terminal(arguments: list[str], columns: int, **environment: str) -> Ran:
    """Run a command whose stdout and stderr are a terminal of that width."""
    pid, terminal = pty.fork()
    if pid == 0:
        termios.tcsetwinsize(0, (40, columns))
        os.environ.pop("COLUMNS", None)
        os.environ.update(TERM="xterm-256color", **environment)
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
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    text = shown.decode("utf-8").replace("\r\n", "\n")
    return Ran(os.waitstatus_to_exitcode(status), text, "")


@pytest.mark.parametrize("columns", [80, 120, 250])
def test_a_table_fits_the_terminal_and_loses_nothing(columns, command, server):
    command("sync", "demo", "5", "--tables", "core")
    piped = [line.split("\t") for line in command("ls").out.splitlines()]

    shown = on_terminal([COMMAND, "ls", "-q"], columns)

    assert shown.code == 0
    assert max(map(len, shown.out.splitlines())) <= columns
    rows: list[list[str]] = []
    for line in shown.out.splitlines():
        ends = accumulate(width + 2 for width in _widths(piped, (1, 5, 6), columns))
        cells = [line[start:end] for start, end in pairwise((0, *ends))]
        if cells[1].strip():  # a number, which is never folded: another row begins
            rows.append([""] * len(cells))
        rows[-1] = [old + new for old, new in zip(rows[-1], cells, strict=True)]
    assert [[bare(cell) for cell in row] for row in rows] == [
        [bare(cell) for cell in row] for row in piped
    ]


def bare(cell: str) -> str:
    return re.sub(r"\s", "", cell)


def test_a_pipe_gets_one_line_a_row_whatever_the_width(command, server, monkeypatch):
    command("sync", "demo", "5", "--tables", "core")
    monkeypatch.setenv("COLUMNS", "20")

    lines = command("ls").out.splitlines()

    assert len(lines) == 1 + len(json.loads(command("ls", "--json").out))
    assert len({line.count("\t") for line in lines}) == 1


def test_widths_give_way_from_the_widest_text():
    lines = [("a" * 10, "b" * 40, "9" * 20)]

    assert _widths(lines, (2,), 200) == [10, 40, 20]
    assert _widths(lines, (2,), 64) == [10, 30, 20]
    assert _widths(lines, (2,), 10) == [4, 4, 20]


COLOUR = re.compile(r"\x1b\[[\d;]*(?:3\d|4\d|9\d)[\d;]*m")


def test_no_color_is_heeded(server):
    asked = [COMMAND, "sync", "demo", "5", "--tables", "cell_types"]
    colourful = on_terminal(asked, 100)
    plain = on_terminal(
        [*asked[:-1], "nucleus_detection_v0"], 100, NO_COLOR="1", PYTHONHASHSEED="0"
    )
    helped = on_terminal([COMMAND, "sync", "--help"], 100, NO_COLOR="1")

    assert COLOUR.search(colourful.out)
    assert "nucleus_detection_v0" in plain.out
    assert not COLOUR.search(plain.out)
    assert not COLOUR.search(helped.out)


COMPLETE = """
source <({command} completion bash)
COMP_WORDS=({words})
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
$(complete -p cortical-cache | sed -E 's/.*-F ([^ ]+) .*/\\1/')
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("cortical-cache sy", {"sync"}),
        ("cortical-cache auth ''", {"status"}),
        ("cortical-cache sync --dr", {"--dry-run"}),
        ("cortical-cache sql mine x --format pa", {"parquet"}),
        ("cortical-cache completion ''", {"bash", "zsh", "fish"}),
    ],
)
def test_bash_completes(words, offered):
    ran = run(["bash", "-c", COMPLETE.format(command=COMMAND, words=words)])

    assert ran.code == 0, ran.err
    assert offered <= set(ran.out.split())
    assert "lss" not in ran.out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_every_command(shell, command):
    ran = command("completion", shell)

    assert ran.code == 0
    for name in COMMANDS:
        assert re.search(rf"\b{name.rpartition(' ')[2]}\b", ran.out)


@pytest.mark.parametrize("after", [1, 4, 8])
def test_ctrl_c_leaves_a_clean_store(after, start, monkeypatch, store_dir, command):
    slow = start(latency=0.1)
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", slow.url)
    running = subprocess.Popen(
        [COMMAND, "sync", "demo", "5"], stderr=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 60
    while len(row_queries(slow)) < after and time.monotonic() < until:
        time.sleep(0.005)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=30)

    assert running.returncode == Exit.INTERRUPTED
    assert said.splitlines()[-1].startswith("cortical-cache: interrupted")
    assert "Traceback" not in said
    assert command("verify", "--deep").code == 0
    files = [one for one in store_dir.rglob("*") if one.is_file()]
    named = {
        name
        for one in store_dir.rglob("commits/*.json")
        for name in re.findall(r'"name":"([^"]+\.parquet)"', one.read_text("utf-8"))
    }
    assert {one.name for one in files if one.suffix == ".parquet"} <= named
    assert not [one for one in files if one.suffix in {".tmp", ".partial", ".gz"}]
    assert command("sync", "demo", "5").code == 0
