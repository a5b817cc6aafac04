"""A table that is made of its pages: all of them, or it is not made."""

from pathlib import Path

import pytest

from cortical_cache.cache.pages import join_pages
from cortical_cache.errors import TruncatedResultError
from cortical_cache.model.coverage import Span
from cortical_cache.model.subject import Subject
from cortical_cache.store import Disk, RowSet
from cortical_cache.store.removal import remove_rows

from .kit import CORTEX, FIRST, PROVENANCE, SHAPE, open_synapses, table

SUBJECT = Subject("table", "synapses", 1300, SHAPE.voxel_resolution)


def hold_page(synapses: RowSet, start: int, stop: int) -> None:
    synapses.append(
        table(CORTEX[start:stop]),
        shape=SHAPE,
        coverage=Span("id", FIRST + start, FIRST + stop),
        provenance=PROVENANCE,
    )


class OtherAtWork(Disk):
    """Before it first makes a folder another process clears the table and begins."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self._root: Path | None = root

    def make_folder(self, path: Path) -> None:
        root, self._root = self._root, None
        if root is not None:
            synapses = open_synapses(root)
            remove_rows(Disk(), synapses.folder)
            hold_page(synapses, 0, 20)
        super().make_folder(path)


def test_pages_that_went_while_they_were_joined_make_no_table(root: Path):
    for start in (0, 20, 40):
        hold_page(open_synapses(root), start, start + 20)
    synapses = open_synapses(root, OtherAtWork(root))

    with pytest.raises(TruncatedResultError):
        join_pages(synapses, SUBJECT, "id", len(CORTEX), 1_000)

    assert not open_synapses(root).state().is_whole


def test_of_pages_that_overlap_those_count_that_do_not(root: Path):
    synapses = open_synapses(root)
    for start, stop in ((10, 30), (0, 20), (20, 40), (0, 20), (5, 60), (50, 60)):
        hold_page(synapses, start, stop)
    state = synapses.state()

    held = [(one.low - FIRST, one.high - FIRST) for one in state.spans("id")]

    assert held == [(0, 20), (20, 40), (50, 60)]
    assert state.span_rows("id") == 50
    assert len(state.span_files("id")) == 3
