"""A SQL statement as it is asked, and as it is run."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from cortical_cache.errors import InvalidQueryError
from cortical_cache.model.ids import as_ids
from cortical_cache.model.sql import KEYS, Source, Statement, TableName
from cortical_cache.queries import Parts

__all__ = ["MEMORY_LIMIT", "TIMEOUT", "Question", "Task", "read"]

TIMEOUT = 300.0
"""Seconds that a statement may take."""

MEMORY_LIMIT = "4GB"
"""That a statement may take; beyond it DuckDB spills to disk what it can."""


@dataclass(frozen=True)
class Question:
    """A statement with all that its names and parameters stand for.

    Attributes
    ----------
    text : str
    params : mapping of str to object, or sequence
    tables : mapping of str to TableName
        Plain names that stand for another table.
    versions : mapping of str to int
        Schemas that stand for a version.
    timeout : float
    memory_limit : str
    parts : Parts or None
        How workers share it out; None if one answers alone.
    """

    text: str
    params: Mapping[str, object] | Sequence[object] = ()
    tables: Mapping[str, TableName] = field(default_factory=dict[str, TableName])
    versions: Mapping[str, int] = field(default_factory=dict[str, int])
    timeout: float = TIMEOUT
    memory_limit: str = MEMORY_LIMIT
    parts: Parts | None = None


@dataclass(frozen=True)
class Task:
    """A statement with the files that it reads: needs no client, and can be sent away.

    Attributes
    ----------
    statement : Statement
    sources : mapping of TableName to Source
    keys : mapping of str to sequence of int
    values : mapping of str to object
        Of parameters.
    transform : str or None
        That ``soma_depth`` means.
    timeout : float
    memory_limit : str
    """

    statement: Statement
    sources: Mapping[TableName, Source]
    keys: Mapping[str, Sequence[int]]
    values: Mapping[str, object]
    transform: str | None
    timeout: float
    memory_limit: str


def read(
    question: Question,
) -> tuple[Statement, dict[str, object], dict[str, list[int]]]:
    """Parse a statement; return with it its parameters' values and its key sets."""
    from cortical_cache.engine.statement import read_statement

    given = _by_name(question.params)
    plain = {name: _plain(value) for name, value in given.items()}
    known = {name: [value] for name, value in plain.items() if type(value) is int}
    named = {
        name.key[2]: name.name
        for name in read_statement(question.text).tables
        if name.key[:2] == ("", KEYS)
    }
    keys: dict[str, list[int]] = {}
    for key, name in named.items():
        if name not in given:
            raise InvalidQueryError(
                f"{KEYS}.{name} stands for ids that were not given: "
                f"params={{{name!r}: [...]}}"
            )
        keys[key] = [*as_ids(given[name], name)]
    known |= {f"{KEYS}.{name}": ids for name, ids in keys.items()}
    statement = read_statement(question.text, known)
    unused = set(given) - statement.parameters - set(named.values())
    missing = statement.parameters - set(given)
    if unused or missing:
        names = ", ".join(sorted(unused or missing))
        what = "given but not in" if unused else "in but not given with"
        raise InvalidQueryError(f"parameter {names} is {what} the SQL")
    values = {name: plain[name] for name in statement.parameters}
    return statement, values, keys


def _by_name(params: Mapping[str, object] | Sequence[object]) -> dict[str, object]:
    if isinstance(params, Mapping):
        return {str(name).lstrip("$"): value for name, value in params.items()}
    if isinstance(params, str):
        raise InvalidQueryError("params is a dict of $name, or a list of ?")
    return {str(number): value for number, value in enumerate(params, 1)}


def _plain(value: object) -> object:
    """Return a value as DuckDB binds it: numpy's and pandas' own as Python's."""
    if isinstance(value, str | bytes | Mapping):
        return cast("object", value)
    made: Any = value
    if hasattr(made, "tolist"):
        kind = str(getattr(made, "dtype", ""))
        if kind.startswith(("datetime64", "timedelta64")) and "," not in kind:
            # Of nanoseconds NumPy would make a number.
            made = made.astype(f"{kind.partition('[')[0]}[us]")
        return made.tolist()
    if isinstance(value, Iterable):
        return [_plain(one) for one in cast("Iterable[object]", value)]
    return value
