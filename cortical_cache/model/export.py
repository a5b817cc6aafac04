"""One table or view that was exported to a file or folder of a bucket."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

__all__ = ["Candidate", "Export", "Layout", "candidates", "paired"]

Layout = Literal["csv", "parquet", "feather", "delta"]

SUFFIXES: dict[Layout, str] = {
    "csv": ".csv.gz",
    "parquet": ".parquet",
    "feather": ".feather",
    "delta": "/",
}


@dataclass(frozen=True, slots=True)
class Export:
    """An export as listed.

    Attributes
    ----------
    name : str
        As in the bucket: ``nucleus_detection_v0_merged``.
    version : int
        Materialization version.
    size : int
        Bytes; of a Delta table 0, since only its log says which files count.
    layout : {"csv", "parquet", "feather", "delta"}
    location : str
        The location it was listed at.
    filepath_base : str
        Path below the location, without the suffix.
    generation : str
        Changes whenever the content does.
    part : str or None
        Base path of the segmentation's half of a split pair.
    """

    name: str
    version: int
    size: int
    layout: Layout
    location: str
    filepath_base: str
    generation: str
    part: str | None = None

    @property
    def datapath(self) -> str:
        """Path of the data below the location."""
        return f"{self.filepath_base}{SUFFIXES[self.layout]}".rstrip("/")

    @property
    def headerpath(self) -> str:
        """Path of the header of a CSV dump below the location."""
        return f"{self.filepath_base}_header.csv"

    @property
    def url(self) -> str:
        """Where the data are."""
        return f"{self.location.rstrip('/')}/{self.datapath}"

    @property
    def is_local(self) -> bool:
        """Whether it lies on this machine."""
        return "://" not in self.location or self.location.startswith("file://")

    def __str__(self) -> str:
        """Name it for a message."""
        return f"export {self.name} of version {self.version}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A table or view that an export may be a mirror of.

    Attributes
    ----------
    name : str
    needs_count : bool
        The name says that rows were left out: only a count can prove otherwise.
    """

    name: str
    needs_count: bool


_VIEW_OF = re.compile(r"(?P<table>.+)_v\d+_filtered_view")


def candidates(name: str) -> tuple[Candidate, ...]:
    """Return what an export of that name may be a mirror of, the likeliest first.

    Examples
    --------
    >>> [one.name for one in candidates("nucleus_detection_v0_merged")]
    ['nucleus_detection_v0_merged', 'nucleus_detection_v0']
    >>> candidates("synapses_pni_2_v1_filtered_view")[1]
    Candidate(name='synapses_pni_2', needs_count=True)
    """
    found = [Candidate(name, needs_count=False)]
    if name.endswith("_merged"):
        found.append(Candidate(name.removesuffix("_merged"), needs_count=False))
    filtered = _VIEW_OF.fullmatch(name)
    if filtered:
        found.append(Candidate(filtered["table"], needs_count=True))
    return tuple(found)


def paired(name: str, names: Iterable[str]) -> str | None:
    """Return the name of the segmentation's half of a split pair, if there is one.

    Raises
    ------
    ValueError
        If there are several: which one belongs to the version is unknown.
    """
    halves = sorted(one for one in names if one.startswith(f"{name}__"))
    if len(halves) > 1:
        raise ValueError(f"{name} has several other halves: {', '.join(halves)}")
    return halves[0] if halves else None
