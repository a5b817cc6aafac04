"""What a SQL statement names, and what the names turned out to be."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from cortical_cache.model.held import HeldRows

__all__ = [
    "KEYS",
    "Lacking",
    "Lookup",
    "Part",
    "Rule",
    "Source",
    "Statement",
    "TableName",
]

Rule = Literal["all", "valid", "one per id", "distinct", "level 2", "cells"]

KEYS = "keys"
"""The schema of the key sets that a caller gives; each has one column, ``id``."""


@dataclass(frozen=True, slots=True)
class TableName:
    """A table as a statement names it, in its own spelling.

    Attributes
    ----------
    catalog, schema : str
        Empty where the statement gives none.
    name : str
    """

    catalog: str
    schema: str
    name: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What SQL compares names by: the case of letters does not count."""
        return self.catalog.casefold(), self.schema.casefold(), self.name.casefold()

    def __str__(self) -> str:
        """Write the name with dots."""
        return ".".join(part for part in (self.catalog, self.schema, self.name) if part)


@dataclass(frozen=True, slots=True)
class Lookup:
    """What a statement looks up in a table: rows with ``column`` among `keys`.

    Attributes
    ----------
    column : str
    keys : frozenset of int or None
        All that it can see of the table has one of these. None: a join or a subquery
        tells, once it runs; and it may see other rows too.
    """

    column: str
    keys: frozenset[int] | None


@dataclass(frozen=True, slots=True)
class Statement:
    """One SELECT that reads tables and does nothing else.

    Attributes
    ----------
    text : str
    tables : tuple of TableName
        Each once, in the order of the text; common table expressions are none.
    parameters : frozenset of str
        Names of ``$name``, numbers of ``?``.
    lookups : mapping of tuple to tuple of Lookup
        By `TableName.key`.
    measured : frozenset of str
        Names of which it asks the resolution, in small letters.
    """

    text: str
    tables: tuple[TableName, ...]
    parameters: frozenset[str]
    lookups: Mapping[tuple[str, str, str], tuple[Lookup, ...]]
    measured: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Part:
    """Held rows of which a table of a statement is made.

    Attributes
    ----------
    held : HeldRows
    cell_column : str
        Under the rule ``"cells"`` the column of the cell ids.
    """

    held: HeldRows
    cell_column: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """The rows that stand behind a name.

    Attributes
    ----------
    parts : tuple of Part
        At least one, unless all rows are yet to be made of what is held.
    rule : {"all", "valid", "one per id", "distinct", "level 2", "cells"}
        All rows; those that queries show; each id once; each row once; root and
        level-2 ids among leaves of any layer; or cell and root ids, where a later part
        stands in for the cells that it has.
    others : tuple of str
        Files of the same rows that another statement would read.
    """

    parts: tuple[Part, ...]
    rule: Rule = "all"
    others: tuple[str, ...] = ()

    @property
    def voxel_resolution(self) -> tuple[float, float, float]:
        """Nanometres per voxel of the stored positions, x, y, z."""
        return self.parts[0].held.shape.voxel_resolution

    @property
    def files(self) -> tuple[str, ...]:
        """Every file that is read, absolute."""
        return tuple(
            file
            for part in self.parts
            for piece in part.held.pieces
            for file in piece.files
        )

    @property
    def reach(self) -> frozenset[str]:
        """Every file that statements on it may read: the same for all of them."""
        return frozenset((*self.files, *self.others))


@dataclass(frozen=True, slots=True)
class Lacking:
    """A name that means something which is not held, or not whole.

    Attributes
    ----------
    kind : {"table", "view", "export"}
    name : str
    version : int
    rows : int
        Held of it.
    what : str
        In words, with its dataset and version.
    command : str
        The command line that fetches it.
    """

    kind: Literal["table", "view", "export"]
    name: str
    version: int
    rows: int
    what: str
    command: str
