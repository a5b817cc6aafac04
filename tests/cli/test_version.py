"""``--version`` is the program's, and never a command's that was not run."""

from importlib.metadata import version

import pytest

from cortical_cache.cli.codes import Exit


def test_the_program_tells_its_version(command):
    assert command("--version").out.strip() == version("cortical-cache")


@pytest.mark.parametrize("line", [("sql", "demo", "SELECT 1"), ("ls",)])
def test_a_command_with_it_is_refused_not_passed_over(command, line):
    ran = command(*line, "--version", "5")

    assert ran.code == Exit.FAILED
    assert ran.out == ""
    assert "NAME@VERSION" in ran.err
