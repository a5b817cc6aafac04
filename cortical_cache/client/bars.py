"""A progress bar for an export: bytes, rows, rate and what is left."""

import sys
from collections.abc import Generator
from contextlib import contextmanager

from cortical_cache.cache.exports import BringProgress, no_progress
from cortical_cache.model.export import Export

__all__ = ["bring_bar"]


@contextmanager
def bring_bar(export: Export, *, show: bool = True) -> Generator[BringProgress]:
    """Return what draws it; nothing is drawn into a pipe.

    Parameters
    ----------
    export : Export
    show : bool
    """
    if not show or not sys.stderr.isatty():
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
            bar.set_postfix_str(f"{rows:,} rows", refresh=False)
            bar.update(nbytes - bar.n)

        yield come
