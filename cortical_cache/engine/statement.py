"""Read a SQL statement with DuckDB's own parser, and refuse all but one SELECT.

What is allowed is listed, not what is forbidden: a node, a table function that a later
DuckDB brings is refused until someone has thought about it.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from functools import cache, lru_cache
from typing import TypeAlias, cast

from cortical_cache.engine.connection import Connections
from cortical_cache.engine.lookups import lookups, objects
from cortical_cache.errors import InvalidQueryError
from cortical_cache.model.sql import Statement, TableName

__all__ = ["read_statement"]

Node: TypeAlias = "dict[str, Node] | list[Node] | str | int | float | bool | None"

_QUERIES = {
    "SELECT_NODE",
    "SET_OPERATION_NODE",
    "RECURSIVE_CTE_NODE",
    "CTE_NODE",
}
_RELATIONS = {
    "BASE_TABLE",
    "COLUMN_DATA",
    "EMPTY",
    "EXPRESSION_LIST",
    "JOIN",
    "PIVOT",
    "SUBQUERY",
    "TABLE_FUNCTION",
}
_TABLE_FUNCTIONS = {"generate_series", "json_each", "json_tree", "range", "unnest"}

# They differ from call to call, and do nothing else.
_HARMLESS = {"error", "gen_random_uuid", "random", "uuid", "uuidv4", "uuidv7"}

# What tells of the machine or the process, beside all that DuckDB says has effects.
_TELLING = {
    "current_setting",
    "get_current_user",
    "getenv",
    "getvariable",
    "in_search_path",
    "query",
    "set_config",
    "txid_current",
    "version",
}

_SERIALIZE = """
    SELECT json_serialize_sql(
        $text::VARCHAR, skip_null := true, skip_empty := true, skip_default := true
    )
"""
_WITH_EFFECTS = "SELECT function_name FROM duckdb_functions() WHERE has_side_effects"

_connections = Connections()


def read_statement(
    text: str, given: Mapping[str, Collection[int]] | None = None
) -> Statement:
    """Parse a statement and tell which tables and parameters it names.

    Parameters
    ----------
    text : str
        Nothing of it is run.
    given : mapping of str to collection of int, optional
        The whole numbers that parameters and key sets stand for; see `lookups`.

    Raises
    ------
    InvalidQueryError
        If it is not one SELECT, or uses what a question to the store has no need of.
    """
    tree, bare = _parsed(text)
    return replace(bare, lookups=lookups(tree, given)) if given else bare


def _measured(tree: "dict[str, Node]") -> Iterator[str]:
    """Yield the tables of which the statement asks the resolution."""
    for node in objects(tree):
        if str(node.get("function_name", "")).casefold() != "resolution":
            continue
        given = cast("list[dict[str, Node]]", node.get("children", []))
        text = [one for one in given if one.get("type") == "VALUE_CONSTANT"]
        if len(text) != 1 or len(given) != 1:
            raise InvalidQueryError("resolution takes the name of a table in quotes")
        value = cast("dict[str, Node]", text[0]["value"])
        yield str(value.get("value", "")).casefold()


@lru_cache(maxsize=64)
def _parsed(text: str) -> "tuple[dict[str, Node], Statement]":
    """Return the tree of a statement, which nobody may change, and what it says.

    That is without what is given besides.
    """
    tree = _tree(text)
    found: dict[tuple[str, str, str], TableName] = {}
    for name in _tables(tree, frozenset()):
        found.setdefault(name.key, name)
    parameters = frozenset(
        str(node["identifier"])
        for node in objects(tree)
        if node.get("type") == "VALUE_PARAMETER"
    )
    measured = frozenset(_measured(tree))
    tables = tuple(found.values())
    return tree, Statement(text, tables, parameters, lookups(tree, {}), measured)


def _tree(text: str) -> "dict[str, Node]":
    cursor = _connections.cursor()
    rows = cursor.sql(_SERIALIZE, params={"text": text}).fetchall()
    parsed = json.loads(rows[0][0])
    if parsed["error"]:
        if parsed.get("error_type") == "parser":
            raise InvalidQueryError(
                f"the SQL does not parse: {parsed['error_message']}"
            )
        raise InvalidQueryError(
            "only one SELECT is run here, nothing that writes, attaches, loads or sets "
            f"({parsed['error_message']})"
        )
    statements = parsed.get("statements", [])
    if len(statements) != 1:
        raise InvalidQueryError(
            f"give one SELECT statement, not {len(statements)} statements"
        )
    tree = statements[0]
    _refuse(tree)
    return tree


def _refuse(tree: "dict[str, Node]") -> None:
    """Refuse what is not needed to read tables."""
    for node in objects(tree):
        kind = str(node.get("type", ""))
        if kind == "SHOW_REF":
            raise InvalidQueryError(
                "DESCRIBE, SHOW and SUMMARIZE are not run here; SELECT, or "
                "client.cache_status() for what is held"
            )
        if kind == "TABLE_FUNCTION":
            called = cast("dict[str, Node]", node["function"])
            name = str(called.get("function_name", ""))
            if called.get("type") != "FUNCTION" or (
                name.casefold() not in _TABLE_FUNCTIONS
            ):
                raise InvalidQueryError(
                    f"table function {name or 'of this form'} is not allowed; tables "
                    "are read by name, and of functions only "
                    f"{', '.join(sorted(_TABLE_FUNCTIONS))}"
                )
        name = str(node.get("function_name", ""))
        if name.casefold() in _forbidden():
            raise InvalidQueryError(
                f"function {name} is not allowed: it does more than compute"
            )
        if "at_clause" in node:
            raise InvalidQueryError(
                "AT is not allowed; v1300.NAME names a table of version 1300"
            )
    for node in _positions(tree):
        kind = str(node.get("type", ""))
        if kind not in _QUERIES | _RELATIONS:
            raise InvalidQueryError(f"{kind} is not allowed")


def _positions(node: Node) -> "Iterator[dict[str, Node]]":
    """Yield the nodes that stand where a query or a relation must stand."""
    for one in objects(node):
        for place in ("node", "from_table", "source"):
            inner = one.get(place)
            if isinstance(inner, dict) and "type" in inner:
                yield inner
        if one.get("type") in {"JOIN", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE"}:
            for side in ("left", "right"):
                yield cast("dict[str, Node]", one[side])


@cache
def _forbidden() -> frozenset[str]:
    rows = _connections.cursor().sql(_WITH_EFFECTS).fetchall()
    named = {str(name).casefold() for (name,) in rows}
    return frozenset((named - _HARMLESS) | _TELLING)


def _tables(node: Node, scope: frozenset[str]) -> Iterator[TableName]:
    """Yield the tables named under a node where `scope` are the CTEs that it sees."""
    if isinstance(node, list):
        for value in node:
            yield from _tables(value, scope)
        return
    if not isinstance(node, dict):
        return
    if node.get("type") == "BASE_TABLE":
        name = TableName(
            str(node.get("catalog_name", "")),
            str(node.get("schema_name", "")),
            str(node.get("table_name", "")),
        )
        if name.catalog or name.schema or name.key[2] not in scope:
            yield name
    if node.get("type") == "RECURSIVE_CTE_NODE":
        scope |= {str(node["cte_name"]).casefold()}
    rest = dict(node)
    within = cast("dict[str, list[dict[str, Node]]]", rest.pop("cte_map", {}))
    for one in within.get("map", []):
        # A CTE sees those before it, and of its own name the table.
        yield from _tables(one["value"], scope)
        scope |= {str(one["key"]).casefold()}
    for value in rest.values():
        yield from _tables(value, scope)
