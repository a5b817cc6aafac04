"""One progress bar for each table being fetched; nothing in a pipe."""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from cortical_cache.cli.output import is_quiet
from cortical_cache.model.quantities import counted
from cortical_cache.sync import Item, Listener, Outcome

__all__ = ["progress"]


@contextmanager
def progress() -> Generator[Listener]:
    """Return a listener that draws on a terminal, unless under ``--quiet``."""
    if is_quiet() or not sys.stderr.isatty() or os.environ.get("TQDM_DISABLE") == "1":
        yield _Quiet()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True) as bars:
        yield _Bars(bars)


class _Quiet:
    """Draws nothing."""

    def started(self, item: Item) -> None:
        pass

    def progressed(self, item: Item, come: int, there_are: int) -> None:
        pass

    def finished(self, outcome: Outcome) -> None:
        pass


class _Bars:
    """Draws a bar for each table."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[Item, TaskID] = {}

    def started(self, item: Item) -> None:
        self._tasks[item] = self._bars.add_task(item.name, total=item.rows)

    def progressed(self, item: Item, come: int, there_are: int) -> None:
        self._bars.update(self._tasks[item], completed=come, total=there_are)

    def finished(self, outcome: Outcome) -> None:
        self._bars.remove_task(self._tasks[outcome.item])
        word = "failed" if outcome.error else counted(outcome.rows, "row")
        self._bars.console.print(f"{outcome.item.name}: {word}", highlight=False)
