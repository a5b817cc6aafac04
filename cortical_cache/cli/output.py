"""How commands print: data on stdout, talk on stderr, no colours into a pipe."""

import json
import sys
from collections.abc import Sequence

__all__ = ["as_json", "in_a_line", "say", "table"]


def say(text: str) -> None:
    """Talk to the user, on stderr."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201  the one place that prints talk


def in_a_line(error: OSError) -> str:
    """Return what the system said, and of what: ``/data: No space left on device``."""
    said = " ".join((error.strerror or str(error)).split())
    return f"{error.filename}: {said}" if error.filename else said


def as_json(value: object) -> None:
    """Print a value as JSON on stdout; times as ISO text."""
    print(json.dumps(value, indent=2, default=str))  # noqa: T201  data


def table(lines: Sequence[Sequence[str]], *, numbers: Sequence[int] = ()) -> None:
    """Print lines of cells on stdout: aligned on a terminal, tab-separated in a pipe.

    Parameters
    ----------
    lines : sequence of sequence of str
        A heading first.
    numbers : sequence of int
        Columns to align to the right.
    """
    if not lines:
        return
    if not sys.stdout.isatty():
        for line in lines:
            print("\t".join(line))  # noqa: T201  data
        return
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (
            cell.rjust(width) if column in numbers else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        print("  ".join(cells).rstrip())  # noqa: T201  data
