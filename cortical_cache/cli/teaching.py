"""Help that teaches by example: the examples of a docstring end its command's help."""

import inspect
from collections.abc import Callable, Iterator

from cyclopts import App, Parameter

__all__ = ["OPTIONS", "every_command", "examples", "teach"]

_HEADING = "Examples\n--------\n"


def _default(value: object) -> str | None:
    """Return how help shows a default; None where it goes without saying."""
    if value is None or value is False or value == ():
        return None
    return str(value)


OPTIONS = Parameter(negative="", show_default=_default)
"""How the options of every command are read and shown: there is no --no-json."""


def every_command(app: App, path: tuple[str, ...] = ()) -> Iterator[tuple[str, App]]:
    """Walk the commands that do something, in the order of their registration.

    Parameters
    ----------
    app : App
    path : tuple of str
        The words that lead to it.

    Yields
    ------
    tuple of str and App
        The words that call it, without ``cortical-cache``: ``"auth status"``.
    """
    if path and app.default_command is not None:
        yield " ".join(path), app
    for name in app:
        if not name.startswith("-"):  # --help and --version are commands, too
            yield from every_command(app[name], (*path, name))


def examples(function: Callable[..., object]) -> str:
    """Return the section ``Examples`` of a command's docstring, or nothing.

    Parameters
    ----------
    function : callable

    Returns
    -------
    str
        Lines for a shell; it is the last section.
    """
    _, _, found = (inspect.getdoc(function) or "").partition(_HEADING)
    return found.strip()


def teach(app: App) -> None:
    """End the help of every command with its examples."""
    for _, command in every_command(app):
        lines = examples(command.default_command) if command.default_command else ""
        if lines:
            command.help_epilogue = f"Examples\n\n```sh\n{lines}\n```"
