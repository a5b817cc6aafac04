"""Which rows of a table a statement can see at all, and by which columns it seeks.

For the first only what is plain is understood: ``column = key`` and ``column IN
(keys)`` among the conditions of a WHERE that must all hold. A table that the statement
names in a sample or an ASOF join is left alone: there a row that the condition rejects
counts. So is one whose columns it gives other names. Of one that it names several times
the same rows are there wherever it stands: those of a column that is looked up each
time, with all the keys.

The second, any column that a join or a condition compares, decides which sorted copy is
read, and never what the answer is. So names are taken as they come, without scopes.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any, TypeAlias

from cortical_cache.model.sql import KEYS, Lookup

__all__ = ["lookups", "objects"]

Tree: TypeAlias = Any

Key = tuple[str, str, str]
Given = Mapping[str, Collection[int]]


def lookups(tree: Tree, given: Given) -> Mapping[Key, tuple[Lookup, ...]]:
    """Return what is looked up in each table that the statement names.

    Parameters
    ----------
    tree : dict
        As DuckDB's parser serializes it.
    given : mapping of str to collection of int
        The values of ``$name``, and of ``keys.name`` under that name with its dot.
    """
    named: Counter[Key] = Counter()
    found: dict[Key, list[tuple[Lookup, ...]]] = {}
    for node in objects(tree):
        if node.get("type") == "BASE_TABLE":
            named[_key(node)] += 1
        if node.get("type") == "SELECT_NODE":
            for key, bounds in _of_select(node, given):
                found.setdefault(key, []).append(bounds)
    bound = {
        key: _common(each) for key, each in found.items() if len(each) == named[key]
    }
    sought = _sought(tree)
    made = {
        key: bound.get(key, ())
        + tuple(Lookup(one, None) for one in sought.get(key, ()))
        for key in named
    }
    return {key: bounds for key, bounds in made.items() if bounds}


def _common(each: list[tuple[Lookup, ...]]) -> tuple[Lookup, ...]:
    """Return what holds of every place where a table stands."""
    first, *others = each
    for other in others:
        keys = {one.column: one.keys for one in other}
        first = tuple(
            Lookup(one.column, one.keys | more)
            for one in first
            if one.keys is not None and (more := keys.get(one.column)) is not None
        )
    return first


def _sought(tree: Tree) -> dict[Key, list[str]]:
    """Return the columns that are compared with others, the most frequent first."""
    owners: dict[str, set[Key]] = {}
    for node in objects(tree):
        if node.get("type") == "BASE_TABLE":
            alias = str(node.get("alias") or node["table_name"]).casefold()
            owners.setdefault(alias, set()).add(_key(node))
    every = {key for keys in owners.values() for key in keys}
    counted: dict[Key, Counter[str]] = {key: Counter() for key in every}
    for node in objects(tree):
        for *owner, column in _sides(node):
            for key in owners.get(owner[-1], ()) if owner else every:
                counted[key][column] += 1
    return {
        key: [column for column, _ in columns.most_common()]
        for key, columns in counted.items()
    }


def _sides(node: Tree) -> Iterator[list[str]]:
    """Yield the names, in parts, of columns that a node compares for equality."""
    sides: list[Tree] = []
    kind = node.get("type")
    if kind == "COMPARE_EQUAL":
        sides = [node["left"], node["right"]]
    elif kind == "COMPARE_IN":
        sides = node["children"][:1]
    elif kind == "SUBQUERY" and node.get("comparison_type") == "COMPARE_EQUAL":
        sides = [node["child"]]
    elif kind == "JOIN":
        yield from ([str(one).casefold()] for one in node.get("using_columns", []))
    for side in sides:
        if side.get("type") == "COLUMN_REF":
            yield [str(one).casefold() for one in side["column_names"]]


def _of_select(node: Tree, given: Given) -> Iterator[tuple[Key, tuple[Lookup, ...]]]:
    tables = dict(_plain_tables(node.get("from_table", {})))
    if "sample" in node or not tables:
        return
    alone = len(tables) == 1 and node["from_table"].get("type") == "BASE_TABLE"
    conditions = list(_conditions(node.get("where_clause"), given))
    for alias, key in tables.items():
        bounds = [
            Lookup(column, keys)
            for owner, column, keys in conditions
            if owner == alias or (owner is None and alone)
        ]
        yield key, tuple(bounds)


def _plain_tables(node: Tree) -> Iterator[tuple[str, Key]]:
    """Yield alias and name of the tables whose rows a WHERE alone decides on."""
    kind = node.get("type")
    if kind == "BASE_TABLE" and "sample" not in node and not _renames(node):
        yield str(node.get("alias") or node["table_name"]).casefold(), _key(node)
    if (
        kind == "JOIN"
        and node.get("ref_type", "REGULAR") in {"REGULAR", "CROSS"}
        and "sample" not in node
    ):
        yield from _plain_tables(node["left"])
        if node.get("join_type") not in {"SEMI", "ANTI"}:  # their right side is unseen
            yield from _plain_tables(node["right"])


def _renames(table: Tree) -> bool:
    """Tell whether ``NAME AS alias (a, b)`` gives columns the names of others."""
    return bool(table.get("column_name_alias"))


def _conditions(
    node: Tree, given: Given
) -> Iterator[tuple[str | None, str, frozenset[int]]]:
    """Yield alias (None: not given), column and keys of conditions that must hold."""
    if node is None:
        return
    kind = node.get("type")
    if kind == "CONJUNCTION_AND":
        for child in node.get("children", []):
            yield from _conditions(child, given)
        return
    column, keys = _compared(node, given)
    name = column.get("column_names", [])
    if column.get("type") == "COLUMN_REF" and len(name) in {1, 2} and keys is not None:
        owner = str(name[0]).casefold() if len(name) == 2 else None  # noqa: PLR2004  alias.column
        yield owner, str(name[-1]).casefold(), keys


def _compared(node: Tree, given: Given) -> tuple[Tree, frozenset[int] | None]:
    """Return what a condition compares, and with which keys; None: not known."""
    kind = node.get("type")
    if kind == "COMPARE_EQUAL":
        sides = [node["left"], node["right"]]
        if sides[1].get("type") == "COLUMN_REF":
            sides.reverse()
        return sides[0], _integers(sides[1:], given)
    if kind == "COMPARE_IN":
        column, *values = node["children"]
        return column, _integers(values, given)
    is_any = kind == "SUBQUERY" and node.get("subquery_type") == "ANY"
    if is_any and node.get("comparison_type") == "COMPARE_EQUAL":
        return node["child"], _key_set(node["subquery"]["node"], given)
    return {}, None


def _integers(nodes: list[Tree], given: Given) -> frozenset[int] | None:
    found: set[int] = set()
    for node in nodes:
        values = _integer(node, given)
        if values is None:
            return None
        found.update(values)
    return frozenset(found)


def _integer(node: Tree, given: Given) -> Collection[int] | None:
    """Return what a number or parameter stands for, cast or not; None if not known."""
    if node.get("type") == "OPERATOR_CAST":
        if node.get("cast_type", {}).get("id") != "BIGINT":
            return None
        node = node["child"]
    if node.get("type") == "VALUE_PARAMETER":
        return given.get(str(node["identifier"]))
    if node.get("type") != "VALUE_CONSTANT":
        return None
    value = node["value"]
    if value["type"]["id"] not in {"INTEGER", "BIGINT"}:
        return None
    return None if value.get("value") is None else (int(value["value"]),)


def _key_set(node: Tree, given: Given) -> frozenset[int] | None:
    """Return the keys of ``SELECT id FROM keys.NAME``, and of nothing but that."""
    table = node.get("from_table", {})
    columns = [one.get("column_names") for one in node.get("select_list", [])]
    plain = {"type", "select_list", "from_table", "aggregate_handling"}
    if table.get("type") != "BASE_TABLE" or "sample" in table or set(node) - plain:
        return None
    if _renames(table):
        return None
    catalog, schema, name = _key(table)
    if catalog or schema != KEYS or columns != [["id"]]:
        return None
    keys = given.get(f"{KEYS}.{name}")
    return None if keys is None else frozenset(keys)


def _key(node: Tree) -> Key:
    parts = ("catalog_name", "schema_name", "table_name")
    catalog, schema, name = (str(node.get(part, "")).casefold() for part in parts)
    return catalog, schema, name


def objects(node: Tree) -> Iterator[Tree]:
    """Yield every node below one, itself first."""
    if isinstance(node, dict):
        # A type that is not a name is that of a value, which names nothing.
        if isinstance(node.get("type", ""), str):  # pyright: ignore[reportUnknownMemberType]  JSON, of any shape
            yield node
        for value in node.values():  # pyright: ignore[reportUnknownVariableType]  JSON, of any shape
            yield from objects(value)
    elif isinstance(node, list):
        for value in node:  # pyright: ignore[reportUnknownVariableType]  JSON, of any shape
            yield from objects(value)
