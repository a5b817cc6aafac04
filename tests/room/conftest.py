"""Running the command in this process, for speed."""

from tests.cli.conftest import command

__all__ = ["command"]
