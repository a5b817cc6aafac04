"""Progress bars for what is fetched on the way: exports, tables."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from cortical_cache.cache.exports import BringProgress, no_progress
from cortical_cache.client.progress.watched import is_watched
from cortical_cache.model.export import Export
from cortical_cache.model.quantities import counted
from cortical_cache.sync import Item, Outcome

if TYPE_CHECKING:
    from tqdm.auto import tqdm

__all__ = ["TableBars", "bring_bar"]


@contextmanager
def bring_bar(export: Export, *, show: bool = True) -> Generator[BringProgress]:
    """Return what draws it; nothing is drawn into a pipe.

    Parameters
    ----------
    export : Export
    show : bool
    """
    if not show or not is_watched():
        yield no_progress
        return
    from tqdm.auto import tqdm

    with tqdm(
        desc=f"{export.name} v{export.version}",
        total=export.size or None,
        unit="B",
        unit_scale=True,
    ) as bar:

        def come(nbytes: int, there_are: int, rows: int) -> None:
            bar.total = there_are or None
            bar.set_postfix_str(counted(rows, "row"), refresh=False)
            bar.update(nbytes - bar.n)

        yield come


class TableBars:
    """Draws a bar of rows for each table of a sync; nothing into a pipe."""

    def __init__(self) -> None:
        self._bars: dict[str, tqdm[NoReturn]] = {}

    def started(self, item: Item) -> None:
        """Open a bar."""
        from tqdm.auto import tqdm

        self._bars[item.name] = tqdm(
            desc=item.name,
            total=item.rows,
            unit=" rows",
            leave=False,
            disable=not is_watched(),
        )

    def progressed(self, item: Item, come: int, there_are: int) -> None:
        """Move it."""
        bar = self._bars[item.name]
        bar.total = there_are
        bar.update(come - bar.n)

    def finished(self, outcome: Outcome) -> None:
        """Close it."""
        self._bars.pop(outcome.item.name).close()
