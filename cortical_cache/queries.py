"""The project's own SQL, one question a file, by name.

The files lie in ``sql/``: beside the package in a checkout, inside it in a wheel. Each
begins with its question and its parameters, as comments:

    -- name (ids): the table keys.name, with the column id
    -- name (table): a plain name that stands for a table of the dataset
    -- name (version): a schema that stands for a version

What can be asked of the parts of a table, and added up, says so:

    -- In parts: TABLE by COLUMN; sum NAME, NAME; max NAME
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, cast

from cortical_cache.errors import UnknownNameError

__all__ = ["NamedQuery", "Parameter", "Parts", "macros", "named_query", "queries"]

ParameterKind = Literal["ids", "table", "version"]

_PARTS = re.compile(r"In parts: (\w+) by (\w+); sum ([\w, ]+)(?:; max ([\w, ]+))?\.")
_PARAMETER = re.compile(r"(\w+) \((ids|table|version)\): (.+)")


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a named query must be given.

    Attributes
    ----------
    name : str
    kind : {"ids", "table", "version"}
    meaning : str
        In words, with what holds where it is not given.
    """

    name: str
    kind: ParameterKind
    meaning: str

    @property
    def required(self) -> bool:
        """Whether nothing holds where it is not given."""
        return "otherwise" not in self.meaning


@dataclass(frozen=True, slots=True)
class Parts:
    """How the answers of a query to the parts of a table make the whole answer.

    Attributes
    ----------
    table : str
        The parameter that stands for the table.
    column : str
        No two parts have rows with the same value of it.
    sums, maxima : tuple of str
        Columns of the answer that are added up, or of which the largest counts, among
        rows where all others are the same.
    """

    table: str
    column: str
    sums: tuple[str, ...]
    maxima: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NamedQuery:
    """One question of the project's own.

    Attributes
    ----------
    name : str
    question : str
        One sentence.
    parameters : tuple of Parameter
    columns : str
        What comes back, in words.
    text : str
        The SQL, its header included.
    parts : Parts or None
        None: it needs all rows at once.
    """

    name: str
    question: str
    parameters: tuple[Parameter, ...]
    columns: str
    text: str
    parts: Parts | None = None

    @property
    def signature(self) -> str:
        """The parameters in one line; those in brackets may be left out."""
        words = [
            f"{one.name}={one.kind}" if one.required else f"[{one.name}={one.kind}]"
            for one in self.parameters
        ]
        return " ".join(words)


def named_query(name: str) -> NamedQuery:
    """Return a query by its name.

    Raises
    ------
    UnknownNameError
        If there is none; the error names those there are.
    """
    found = {one.name: one for one in queries()}
    if name not in found:
        raise UnknownNameError("query", name, "the named queries", sorted(found))
    return found[name]


@cache
def queries() -> tuple[NamedQuery, ...]:
    """Return every named query, by name."""
    files = sorted(_folder().glob("*.sql"))
    return tuple(_parsed(one.stem, one.read_text("utf-8")) for one in files)


@cache
def macros() -> str:
    """Return the statements that make the macros for positions and units."""
    return (_folder() / "macros" / "units.sql").read_text("utf-8")


def _folder() -> Path:
    package = Path(__file__).parent
    inside = package / "sql"
    return inside if inside.is_dir() else package.parent / "sql"


def _parsed(name: str, text: str) -> NamedQuery:
    question, *blocks = _blocks(text)
    parameters: list[Parameter] = []
    columns = ""
    parts: Parts | None = None
    for block in blocks:
        for sentence in block:
            found = _PARAMETER.fullmatch(sentence)
            if found:
                kind = cast("ParameterKind", found[2])
                parameters.append(Parameter(found[1], kind, found[3]))
            elif sentence.startswith("Columns: "):
                columns = sentence.removeprefix("Columns: ")
            elif split := _PARTS.fullmatch(sentence):
                parts = Parts(split[1], split[2], _names(split[3]), _names(split[4]))
    asked = " ".join(question)
    return NamedQuery(name, asked, tuple(parameters), columns, text, parts)


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(one.strip() for one in text.split(",")) if text else ()


def _blocks(text: str) -> list[list[str]]:
    """Return the paragraphs of the header, each with its entries in one line each."""
    blocks: list[list[str]] = [[]]
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        words = line.removeprefix("--").strip()
        if not words:
            blocks.append([])
        elif blocks[-1] and not _PARAMETER.match(words):
            blocks[-1][-1] += f" {words}"
        else:
            blocks[-1].append(words)
    return blocks
