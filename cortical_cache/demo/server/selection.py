"""Choose and name the columns of an answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cortical_cache.demo.rows import Kind
from cortical_cache.demo.server.deployment import Relation
from cortical_cache.demo.server.exchange import unhandled

DEFAULT_SUFFIXES = ("x", "y", "z", "xx", "yy", "zz", "xxx", "yyy", "zzz")

_TABLE_TYPES: Mapping[Kind, str] = {
    "bigint": "BigInteger",
    "integer": "Integer",
    "double precision": "Float",
    "boolean": "Boolean",
    "character varying": "String",
    "timestamp without time zone": "DateTime",
}
_VIEW_TYPES: Mapping[Kind, str] = {
    "bigint": "BIGINT",
    "integer": "INTEGER",
    "smallint": "SMALLINT",
    "double precision": "DOUBLE_PRECISION",
    "real": "REAL",
    "numeric": "NUMERIC",
    "boolean": "BOOLEAN",
    "character varying": "VARCHAR",
    "timestamp without time zone": "TIMESTAMP",
}


@dataclass(frozen=True, slots=True)
class Output:
    """One column of an answer: where it comes from and what it is called."""

    relation: Relation
    column: str
    name: str
    suffix: str = ""

    @property
    def kind(self) -> Kind:
        """The SQL type of the column."""
        return self.relation.physical[self.column].kind


def chosen(relation: Relation, wanted: Sequence[str], *, joined: bool) -> list[str]:
    """Return the columns that a wish list selects; an empty one selects all.

    A root id brings its supervoxel id along.
    """
    columns = relation.physical.columns
    picked: dict[str, None] = {}
    for column in wanted or columns:
        if column not in columns:
            raise unhandled(
                f"400 Bad Request: column {column} not found in {relation.name}"
                if joined
                else f"{column} not in model or models for {relation.name}"
            )
        supervoxel = column.removesuffix("root_id") + "supervoxel_id"
        if column.endswith("root_id") and supervoxel in columns and wanted:
            picked[supervoxel] = None
        picked[column] = None
    return list(picked)


def named(
    blocks: Sequence[tuple[Relation, Sequence[str]]], suffixes: Mapping[str, str]
) -> list[Output]:
    """Name the columns of one or more tables; names that clash get a suffix.

    `suffixes` may leave tables out; those take a default by their place.
    """
    used = [column for _, columns in blocks for column in columns]
    clashing = {column for column in used if used.count(column) > 1}
    outputs: list[Output] = []
    for place, (relation, columns) in enumerate(blocks):
        suffix = suffixes.get(relation.name, DEFAULT_SUFFIXES[place])
        for column in columns:
            own = suffix if column in clashing else ""
            outputs.append(Output(relation, column, column + own, own))
    return outputs


def refuse_single(outputs: Sequence[Output]) -> None:
    """Fail as the server does when one column other than a point is selected."""
    if len(outputs) == 1 and outputs[0].kind != "geometry":
        only = outputs[0]
        types = _VIEW_TYPES if only.relation.is_view else _TABLE_TYPES
        raise unhandled(f"'{types[only.kind]}' object has no attribute '{only.name}'")


def column_names(outputs: Sequence[Output]) -> str:
    """Return the text of the ``column_names`` header."""
    tables: dict[str, dict[str, str]] = {}
    for output in outputs:
        tables.setdefault(output.relation.name, {})[output.column] = output.name
    return repr(tables)
