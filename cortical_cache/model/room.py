"""What takes room in the store, one thing that can go as a whole at a time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

__all__ = ["Taken", "distinct_bytes"]

FileId = tuple[int, int]
"""Device and inode: a table made of an export shares its files."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A row set, a group of objects, or the documents of a version.

    Attributes
    ----------
    folder : str
        Of the dataset.
    kind : str
        ``table``, ``view``, ``export``, ``query``, ``graph``, the kind of objects, or
        ``records``: metadata, counts and lists.
    name : str
    version : int
        0 for what belongs to none.
    files : mapping of (device, inode) to int
        Sizes of the files.
    used_at : datetime or None
        When it was last read or written, to within a day; None: nobody knows.
    is_pinned, is_expired : bool
        It goes only by a word of its own: the user pinned it, or the server has
        dropped its version, so that it could not be fetched again.
    """

    folder: str
    kind: str
    name: str
    version: int
    files: Mapping[FileId, int] = field(repr=False, hash=False)
    used_at: datetime | None = None
    is_pinned: bool = False
    is_expired: bool = False

    @property
    def nbytes(self) -> int:
        """Size of all its files."""
        return sum(self.files.values())

    def record(self) -> dict[str, object]:
        """Return it for JSON: without the single files."""
        return {
            "dataset": self.folder,
            "version": self.version,
            "kind": self.kind,
            "name": self.name,
            "nbytes": self.nbytes,
            "used_at": self.used_at,
            "pinned": self.is_pinned,
            "expired": self.is_expired,
        }

    @property
    def subject(self) -> str:
        """The heading that `du` sums it up under."""
        if self.kind == "graph":
            if self.name.startswith("l2_") or self.name.endswith("_l2"):
                return "level 2"
            return "skeletons" if self.name == "skeletons" else "graph facts"
        return _HEADINGS.get(self.kind, self.kind)


_HEADINGS = {
    "table": "tables",
    "view": "views",
    "export": "exports",
    "query": "queries",
}


def distinct_bytes(things: Iterable[Taken]) -> int:
    """Return the room that some things take, each file once however many share it."""
    files: dict[FileId, int] = {}
    for one in things:
        files.update(one.files)
    return sum(files.values())
