"""What would go, what stays and why, as values that print well."""

from dataclasses import dataclass, field
from datetime import datetime

from cortical_cache.cache.facts import utc_now
from cortical_cache.model.quantities import age, size
from cortical_cache.model.room import Taken
from cortical_cache.policy.pruning import Staying

__all__ = ["Removal", "RemovalPlan", "Removed", "refusal"]


@dataclass(frozen=True, slots=True)
class Removal:
    """Something that would go.

    Attributes
    ----------
    thing : Taken
    why : str
    again : str
        Whether and where it can be had again.
    """

    thing: Taken
    why: str
    again: str


_HEADING = ("version", "kind", "name", "size", "used", "why", "again", "dataset")


@dataclass(frozen=True, slots=True, repr=False)
class RemovalPlan:
    """What would go, what would stay for want of a word, and how much room that makes.

    Attributes
    ----------
    removals : tuple of Removal
    staying : tuple of Staying
    litter : int
        Bytes of superseded files and leftovers over a day old: they go first.
    before, after : int
        Bytes of all that was looked at.
    over : int
        Bytes above the size that was asked for, which nothing may go for.
    pinned : bool
        What is pinned may go.
    """

    removals: tuple[Removal, ...]
    staying: tuple[Staying, ...]
    litter: int
    before: int
    after: int
    over: int = 0
    pinned: bool = False
    now: datetime = field(default_factory=utc_now)

    @property
    def nbytes(self) -> int:
        """Bytes that become free: files that something else shares stay."""
        return self.before - self.after

    def lines(self) -> list[tuple[str, ...]]:
        """Return what would go as text, a heading first."""
        return [
            _HEADING,
            *(
                (
                    str(one.thing.version or ""),
                    one.thing.kind,
                    one.thing.name,
                    size(one.thing.nbytes),
                    _age(one.thing, self.now),
                    one.why,
                    one.again,
                    one.thing.folder,
                )
                for one in self.removals
            ),
        ]

    def notes(self) -> list[str]:
        """Say what stays, and what the rest comes to."""
        said = [
            f"stays: {_named(one.thing)}, {size(one.thing.nbytes)} ({one.word})"
            for one in self.staying
        ]
        if self.over:
            said.append(f"{size(self.over)} more than that would still be taken")
        return said

    def total(self) -> str:
        """Say how much would go."""
        if not self.removals and not self.litter:
            return "nothing to remove"
        litter = f" ({size(self.litter)} of it superseded)" if self.litter else ""
        return f"{len(self.removals)} things, {size(self.nbytes)}{litter}, would go"

    def __repr__(self) -> str:
        """Lay it out in columns."""
        lines = self.lines() if self.removals else []
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        rows = ("  ".join(map(str.ljust, cells, widths)).rstrip() for cells in lines)
        return "\n".join([*rows, *self.notes(), self.total()])


@dataclass(frozen=True, slots=True)
class Removed:
    """What was removed.

    Attributes
    ----------
    things : int
    nbytes : int
        That became free on the disk.
    """

    things: int
    nbytes: int


def refusal(one: Staying) -> str:
    """Say why something that was named stays, and the word that it needs."""
    thing = one.thing
    if one.word == "--pinned":
        return f"{_named(thing)} is pinned; `unpin` it, or say --pinned"
    return (
        f"{thing.folder} v{thing.version} has expired on the server, or may have, and "
        "could never be fetched again; --expired removes it all the same"
    )


def _named(thing: Taken) -> str:
    where = thing.folder + (f" v{thing.version}" if thing.version else "")
    return f"{thing.kind} {thing.name} of {where}"


def _age(thing: Taken, now: datetime) -> str:
    return "" if thing.used_at is None else age(now - thing.used_at)
