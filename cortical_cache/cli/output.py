"""How commands print: data on stdout, talk on stderr, no colours into a pipe."""

import json
import shutil
import sys
import textwrap
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import zip_longest

from cortical_cache.cli.codes import Exit

__all__ = [
    "as_json",
    "complain",
    "in_a_line",
    "is_quiet",
    "misused",
    "quietly",
    "say",
    "table",
]

_quiet: ContextVar[bool] = ContextVar("quiet", default=False)

_GAP = "  "
_NARROWEST = 4
"""Characters that a column keeps, however narrow the terminal."""


@contextmanager
def quietly(quiet: bool) -> Generator[None]:  # noqa: FBT001  it is the whole sentence
    """Within it, talk is dropped if `quiet`; data and complaints are not."""
    token = _quiet.set(quiet)
    try:
        yield
    finally:
        _quiet.reset(token)


def is_quiet() -> bool:
    """Whether nothing but data and complaints may be shown."""
    return _quiet.get()


def say(text: str) -> None:
    """Talk to the user, on stderr; not under ``--quiet``."""
    if not is_quiet():
        complain(text)


def complain(text: str) -> None:
    """Tell what went wrong, on stderr, under ``--quiet`` too."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201  the one place that prints talk


def misused(command: str, why: str) -> Exit:
    """Tell what is wrong with a command line that was understood, and return its code.

    Parameters
    ----------
    command : str
        The words that call it, without ``cortical-cache``.
    why : str
    """
    complain(f"cortical-cache: {why}. See `cortical-cache {command} --help`.")
    return Exit.WRONG


def in_a_line(error: OSError) -> str:
    """Return what the system said, and of what: ``/data: No space left on device``."""
    said = " ".join((error.strerror or str(error)).split())
    return f"{error.filename}: {said}" if error.filename else said


def as_json(value: object) -> None:
    """Print a value as JSON on stdout; times as ISO text."""
    print(json.dumps(value, indent=2, default=str))  # noqa: T201  data


def table(lines: Sequence[Sequence[str]], *, numbers: Sequence[int] = ()) -> None:
    """Print lines of cells on stdout: aligned on a terminal, tab-separated in a pipe.

    On a terminal that is too narrow, text is folded within its column; nothing is cut.

    Parameters
    ----------
    lines : sequence of sequence of str
        A heading first.
    numbers : sequence of int
        Columns to align to the right; they are never folded.
    """
    if not lines:
        return
    if not sys.stdout.isatty():
        for line in lines:
            print("\t".join(line))  # noqa: T201  data
        return
    widths = _widths(lines, numbers, shutil.get_terminal_size().columns)
    for line in lines:
        cells = [
            textwrap.wrap(cell, width) or [""] if len(cell) > width else [cell]
            for cell, width in zip(line, widths, strict=True)
        ]
        for parts in zip_longest(*cells, fillvalue=""):
            aligned = (
                part.rjust(width) if column in numbers else part.ljust(width)
                for column, (part, width) in enumerate(zip(parts, widths, strict=True))
            )
            print(_GAP.join(aligned).rstrip())  # noqa: T201  data


def _widths(
    lines: Sequence[Sequence[str]], numbers: Sequence[int], room: int
) -> list[int]:
    """Return what each column gets: the widest texts give way until all fits."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    texts = [one for one in range(len(widths)) if one not in numbers]
    while sum(widths) + len(_GAP) * (len(widths) - 1) > room:
        widest = max(texts, key=lambda one: widths[one], default=None)
        if widest is None or widths[widest] <= _NARROWEST:
            break
        widths[widest] -= 1
    return widths
