"""Running the command in this process, for speed."""

import pytest

from cortical_cache.cli.app import run
from tests.kit import Command, Ran


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Return a function that runs ``cortical-cache``, as in a pipe."""

    def command(*arguments: str) -> Ran:
        capsys.readouterr()
        try:
            code = run([*arguments])
        except SystemExit as end:  # the parser's, for a wrong command line
            code = int(end.code or 0)
        return Ran(code, *capsys.readouterr())

    return command
