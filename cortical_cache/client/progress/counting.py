"""A progress bar for many ids. Nothing is drawn into a pipe."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from cortical_cache.client.progress.watched import is_watched

__all__ = ["CountBar", "count_bar"]


class CountBar:
    """Counts what is done. The bar appears once there is something to count.

    Parameters
    ----------
    label, unit : str
    show : bool
    """

    def __init__(self, label: str, unit: str, *, show: bool) -> None:
        self._label = label
        self._unit = unit
        self._show = show
        self._bar: Any = None

    def total(self, count: int) -> None:
        """Say how many there are."""
        if self._show and count and self._bar is None:
            from tqdm.auto import tqdm

            self._bar = tqdm(desc=self._label, total=count, unit=self._unit)

    def __call__(self, more: int) -> None:
        """Say how many more are done."""
        if self._bar is not None:
            self._bar.update(more)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()


@contextmanager
def count_bar(label: str, count: int | None, unit: str) -> Generator[CountBar]:
    """Return what draws it.

    Parameters
    ----------
    label : str
    count : int, optional
        How many there are, if that is known by now.
    unit : str
    """
    bar = CountBar(label, unit, show=is_watched())
    bar.total(count or 0)
    try:
        yield bar
    finally:
        bar.close()
