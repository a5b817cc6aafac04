"""Commands in errors are pasted into a shell, names of a server and all."""

import shlex
import subprocess

import pytest

from cortical_cache.model.commands import sync_command

NAMES = ["synapses_pni_2", "x; echo owned", "$(echo owned)", "`id`", "it's", "-x"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_one_word_whatever_it_has(name):
    command = sync_command("demo", 5, "table", name)

    words = ["sync", "demo", "5", "--tables", name]
    assert shlex.split(command) == ["cortical-cache", *words]
    said = subprocess.run(
        ["sh", "-c", command.replace("cortical-cache", "printf '%s\\n'", 1)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.splitlines() == words


def test_a_plain_name_stays_as_it_is():
    command = sync_command("demo", "latest", "view", "synapse_counts")

    assert command == "cortical-cache sync demo latest --views synapse_counts"
