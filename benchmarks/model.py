"""What a benchmark is: a question, the ways to answer it, and the goal."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

__all__ = ["OURS", "Case", "Data", "Goal", "Job", "Measure", "Sample"]

OURS = "cortical_cache"

Measure = Literal["cpu", "wall", "peak_mb", "read_mb", "files", "heavy", "right"]

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
    """

    name: str
    make: Callable[[Path], None]


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
        call: that is the cold one.
    """

    name: str
    prepare: Callable[[Path], Work] | None = None
    needs: tuple[str, ...] = ()
    script: str | None = None
    files: tuple[str, ...] = ("**/*",)


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
    """

    text: str
    measure: Measure
    rival: str | None = None
    at_least: float | None = None
    at_most: float | None = None
    is_difference: bool = False

    def value(self, figures: Mapping[str, Mapping[str, float]]) -> float | None:
        """Return the ratio or the number; None if a job was left out."""
        mine = figures.get(OURS, {}).get(self.measure)
        if mine is None or self.rival is None:
            return mine
        theirs = figures.get(self.rival, {}).get(self.measure)
        if theirs is None:
            return None
        return mine - theirs if self.is_difference else theirs / max(mine, 1e-9)

    def holds(self, value: float) -> bool:
        """Tell whether a value is within the bounds."""
        low = self.at_least is None or value >= self.at_least
        return low and (self.at_most is None or value <= self.at_most)


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
        Calls of each job; None: as the command says.
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
    note: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """One call.

    Attributes
    ----------
    cpu, wall : float
        Seconds; CPU of all threads and of finished children.
    peak_mb : float
        Highest resident memory of the process.
    read_mb : float
        Bytes asked of the file system, from the page cache or not.
    answer : object
        What identifies the result, equal for every job of a case.
    extra : mapping of str to float
        What else a job counted.
    """

    cpu: float
    wall: float
    peak_mb: float
    read_mb: float
    answer: object
    extra: Mapping[str, float] = field(default_factory=dict)
