"""What a benchmark is: a question, the ways to answer it, and the goal."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

__all__ = ["OURS", "Case", "Data", "Goal", "Job", "Measure", "Work"]

OURS = "cortical_cache"

Measure = Literal[
    "cpu", "wall", "peak_mb", "read_mb", "disk_mb", "files", "heavy", "right"
]

Work = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Data:
    """Files that a case reads: made once, kept for the next run.

    Attributes
    ----------
    name : str
        Of the folder; says everything that the content depends on.
    make : callable
        Fills an empty folder.
    source : Path or None
        What it is made from, if not from code alone: without it its cases are left out.
    """

    name: str
    make: Callable[[Path], None]
    source: Path | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One way to answer a case's question, ours or a rival's.

    Attributes
    ----------
    name : str
    prepare : callable
        Given the data's folder, imports what it takes and returns the work; not
        measured, unless the case is `fresh`.
    needs : tuple of str
        Modules without which it is left out, and said so.
    script : str or None
        In place of `prepare`, of a case that is `fresh`: a Python program, run without
        anything of this package.
    files : tuple of str
        Patterns of the files that it reads, put out of the page cache before the first
        call: that is the cold one. None are named: all of the data, and then nothing is
        said of their size.
    """

    name: str
    prepare: Callable[[Path], Work] | None = None
    needs: tuple[str, ...] = ()
    script: str | None = None
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Goal:
    """What must hold, as a ratio to another job of the case or as a number.

    Attributes
    ----------
    text : str
        As the design says it.
    measure : str
    rival : str or None
        ``measure(rival) / measure(ours)`` must be at least `at_least`; None: the
        measure itself must be at most `at_most`.
    at_least, at_most : float or None
        With a rival both are bounds of the ratio.
    is_difference : bool
        With a rival: ``measure(ours) - measure(rival)`` is bound, not the ratio.
    is_cost : bool
        With a rival: ``measure(ours) / measure(rival)`` is bound.
    why : str
        What the page says where it is missed.
    """

    text: str
    measure: Measure
    rival: str | None = None
    at_least: float | None = None
    at_most: float | None = None
    is_difference: bool = False
    is_cost: bool = False
    why: str = ""

    def value(self, figures: Mapping[str, Mapping[str, float]]) -> float | None:
        """Return the ratio or the number; None if a job was left out."""
        mine = figures.get(OURS, {}).get(self.measure)
        if mine is None or self.rival is None:
            return mine
        theirs = figures.get(self.rival, {}).get(self.measure)
        if theirs is None:
            return None
        if self.is_difference:
            return mine - theirs
        return _ratio(mine, theirs) if self.is_cost else _ratio(theirs, mine)

    def holds(self, value: float) -> bool:
        """Tell whether a value is within the bounds."""
        low = self.at_least is None or value >= self.at_least
        return low and (self.at_most is None or value <= self.at_most)


def _ratio(one: float, other: float) -> float:
    return one / max(other, 1e-9)


@dataclass(frozen=True, slots=True)
class Case:
    """A question, asked of every job in turns.

    Attributes
    ----------
    name : str
        ``group/what``.
    question : str
    data : Data
    jobs : tuple of Job
        Ours first.
    goals : tuple of Goal
    fresh : bool
        Each call is a process of its own, and all of it is measured.
    rounds : int or None
        Samples of each job; None: as the command says.
    flat : Measure or None
        What must not grow with the table, from five million rows on.
    note : str
        What a reader must know to read the figures.
    """

    name: str
    question: str
    data: Data
    jobs: tuple[Job, ...]
    goals: tuple[Goal, ...] = ()
    fresh: bool = False
    rounds: int | None = None
    flat: Measure | None = None
    note: str = ""
