"""A named query and its parameters as a question to be answered."""

from collections.abc import Mapping

from cortical_cache.client.sql.question import Question
from cortical_cache.errors import InvalidQueryError
from cortical_cache.model.sql import TableName
from cortical_cache.queries import NamedQuery, named_query
from cortical_cache.repositories.dataset import Repositories

__all__ = ["named_question", "table_name"]

_MOST_PARTS = 3
"""Catalog, schema, name."""


def named_question(
    repositories: Repositories, name: str, params: Mapping[str, object]
) -> Question:
    """Return the question that a named query asks of a dataset.

    Raises
    ------
    UnknownNameError
        If there is no such query.
    InvalidQueryError
        If a parameter is missing, or is none of the query's.
    """
    query = named_query(name)
    given = {key: value for key, value in params.items() if value is not None}
    known = {one.name for one in query.parameters}
    for key in given:
        if key not in known:
            raise InvalidQueryError(
                f"query {name} has no parameter {key}; it has "
                f"{', '.join(sorted(known)) or 'none'}"
            )
    ids: dict[str, object] = {}
    tables: dict[str, TableName] = {}
    versions: dict[str, int] = {}
    for one in query.parameters:
        match one.kind:
            case "ids":
                ids[one.name] = _given(query, one.name, given)
            case "version":
                versions[one.name] = _version(one.name, _given(query, one.name, given))
            case "table":
                table = given.get(one.name) or _standard(repositories, one.name)
                tables[one.name] = table_name(table or _given(query, one.name, given))
    return Question(query.text, ids, tables, versions, parts=query.parts)


def _given(query: NamedQuery, name: str, given: Mapping[str, object]) -> object:
    if name not in given:
        meaning = next(one.meaning for one in query.parameters if one.name == name)
        raise InvalidQueryError(f"query {query.name} needs {name}: {meaning}")
    return given[name]


def _standard(of: Repositories, name: str) -> object:
    """Return the table of a dataset that a parameter means where none is given."""
    match name:
        case "synapses":
            return of.catalog.info().get("synapse_table")
        case "nuclei":
            return of.dataset.main_table
        case "proofreading":
            return "proofreading_status_and_strategy"
        case _:
            return None


def _version(name: str, value: object) -> int:
    text = str(value).removeprefix("v")
    if not text.isdecimal():
        raise InvalidQueryError(f"{name} is a version such as 1300, not {value!r}")
    return int(text)


def table_name(value: object) -> TableName:
    """Read a table's name as it stands in SQL.

    Raises
    ------
    InvalidQueryError
        If it is none.
    """
    parts = str(value).split(".")
    if len(parts) > _MOST_PARTS or not all(parts):
        raise InvalidQueryError(f"{value!r} is no table; write NAME or v1300.NAME")
    padded = ["", "", *parts][-_MOST_PARTS:]
    return TableName(padded[0], padded[1], padded[2])
