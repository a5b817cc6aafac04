"""The annotation schema types of CAVE and the columns they give a table."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from cortical_cache.demo.rows import Kind

CRUD: tuple[tuple[str, Kind], ...] = (
    ("created", "timestamp without time zone"),
    ("deleted", "timestamp without time zone"),
    ("superceded_id", "bigint"),
)

_KINDS: Mapping[str, Kind] = {
    "i8": "bigint",
    "i4": "integer",
    "f4": "double precision",
    "b": "boolean",
    "P": "geometry",
    "s": "character varying",
}
_JSON_TYPES: Mapping[Kind, Mapping[str, str]] = {
    "bigint": {"type": "integer"},
    "integer": {"type": "integer"},
    "double precision": {"type": "number", "format": "float"},
    "boolean": {"type": "boolean"},
    "character varying": {"type": "string"},
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a schema; a bound point stands for three columns."""

    name: str
    kind: Kind
    bound: bool

    @property
    def columns(self) -> tuple[tuple[str, Kind], ...]:
        """Names and types of the columns, in flat order."""
        if not self.bound:
            return ((self.name, self.kind),)
        return (
            (f"{self.name}_position", "geometry"),
            (f"{self.name}_supervoxel_id", "bigint"),
            (f"{self.name}_root_id", "bigint"),
        )


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema type: its fields and whether its tables refer to another table."""

    name: str
    reference: bool
    fields: tuple[Field, ...]

    @property
    def flat(self) -> dict[str, Kind]:
        """Columns of a merged table."""
        columns: dict[str, Kind] = {"id": "bigint"}
        for field in self.fields:
            columns.update(field.columns)
        return columns

    @property
    def annotation(self) -> dict[str, Kind]:
        """Columns of the annotation table of a split version."""
        columns: dict[str, Kind] = {"id": "bigint"}
        columns.update(CRUD)
        for field in self.fields:
            columns.update(field.columns[:1])
        return columns

    @property
    def segmentation(self) -> dict[str, Kind]:
        """Columns of the segmentation table, without its id; empty if none."""
        return {
            name: kind
            for field in self.fields
            if field.bound
            for name, kind in field.columns[1:]
        }

    @property
    def bound_points(self) -> tuple[str, ...]:
        """Prefixes of the bound points, such as ``pre_pt``."""
        return tuple(field.name for field in self.fields if field.bound)

    def definition(self) -> dict[str, object]:
        """Return the JSON schema that the schema service publishes."""
        title = "".join(part.capitalize() for part in self.name.split("_"))
        properties: dict[str, object] = {}
        for field in self.fields:
            if field.bound:
                reference = {"$ref": "#/definitions/BoundSpatialPoint"}
                properties[field.name] = {"type": "object", **reference}
            elif field.kind == "geometry":
                name = field.name.removesuffix("_position")
                reference = {"$ref": "#/definitions/SpatialPoint"}
                properties[name] = {"type": "object", **reference}
            else:
                properties[field.name] = {
                    "title": field.name,
                    **_JSON_TYPES[field.kind],
                }
        point = {"position": {"title": "position", "type": "array"}}
        ids = {
            name: {"title": name, "type": "integer"}
            for name in ("supervoxel_id", "root_id")
        }
        return {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "definitions": {
                "BoundSpatialPoint": _object({**point, **ids}, ["position"]),
                "SpatialPoint": _object(dict(point), ["position"]),
                title: _object(properties, sorted(properties.keys() - {"valid"})),
            },
            "$ref": f"#/definitions/{title}",
        }


def _object(properties: Mapping[str, object], required: list[str]) -> dict[str, object]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": required,
        "additionalProperties": False,
    }


def _parse(name: str, line: str) -> Schema:
    reference = line.startswith("R ")
    fields: list[Field] = []
    for part in line.removeprefix("R ").split(", "):
        if part.endswith("(B)"):
            fields.append(Field(part.removesuffix("(B)"), "geometry", bound=True))
        else:
            field, _, mark = part.partition(":")
            fields.append(Field(field, _KINDS[mark or "s"], bound=False))
    return Schema(name, reference, tuple(fields))


@cache
def all_schemas() -> Mapping[str, Schema]:
    """Return every schema type by name."""
    source = files("cortical_cache.demo").joinpath("schemas.json").read_text("utf-8")
    lines: dict[str, str] = json.loads(source)
    return {name: _parse(name, line) for name, line in lines.items()}
