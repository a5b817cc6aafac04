"""Check request bodies as the server's schemas do, with the same complaints."""

from collections.abc import Mapping
from typing import cast

from cortical_cache.demo.server.exchange import Fault, Request, json_reply

_FILTERS = (
    "filter_in_dict",
    "filter_notin_dict",
    "filter_equal_dict",
    "filter_greater_dict",
    "filter_less_dict",
    "filter_greater_equal_dict",
    "filter_less_equal_dict",
    "filter_spatial_dict",
    "filter_regex_dict",
)
_SHARED = (*_FILTERS, "offset", "limit", "desired_resolution")
SIMPLE = (*_SHARED, "select_columns")
JOIN = (*SIMPLE, "tables", "select_column_map", "suffix_map", "suffixes")
LIVE = (*SIMPLE, "table", "timestamp", "join_tables", "suffixes")

Body = Mapping[str, object]


def read(request: Request, known: tuple[str, ...], *required: str) -> Body:
    """Return the body of a query, or refuse it with all complaints at once."""
    body = request.json()
    if not isinstance(body, dict):
        raise _refused({"_schema": ["Invalid input type."]})
    fields = cast("dict[str, object]", body)
    complaints: dict[str, object] = {
        name: ["Missing data for required field."]
        for name in required
        if name not in fields
    }
    for name, value in fields.items():
        if name not in known:
            complaints[name] = ["Unknown field."]
        else:
            complaint = _complaint(name, value)
            if complaint is not None:
                complaints[name] = complaint
    if complaints:
        raise _refused(complaints)
    return fields


def _refused(complaints: Mapping[str, object]) -> Fault:
    return Fault(json_reply({"schema_errors": complaints}, 500))


def _complaint(name: str, value: object) -> object | None:  # noqa: PLR0911 - one answer a line
    if name in _FILTERS:
        return _filter_complaint(name, value)
    if name in ("limit", "offset"):
        return None if type(value) is int else ["Not a valid integer."]
    if name == "desired_resolution":
        if not isinstance(value, list):
            return ["Not a valid list."]
        items = cast("list[object]", value)
        return None if len(items) == 3 else ["Length must be 3."]  # noqa: PLR2004  coordinates
    if name in ("select_column_map", "suffix_map") and not isinstance(value, dict):
        return ["Not a valid mapping type."]
    if name == "tables" and not isinstance(value, list):
        return ["Not a valid list."]
    return None


def _filter_complaint(name: str, value: object) -> object | None:
    if not isinstance(value, dict):
        return ["Not a valid mapping type."]
    for table, columns in cast("dict[str, object]", value).items():
        if not isinstance(columns, dict):
            return {table: {"value": ["Not a valid mapping type."]}}
        for column, item in cast("dict[str, object]", columns).items():
            if name == "filter_in_dict" and not isinstance(item, list):
                wrong = {"value": ["Not a valid list."]}
                return {table: {"value": {column: wrong}}}
    return None


def number(body: Body, name: str) -> int | None:
    """Return a whole number of the body."""
    return cast("int | None", body.get(name))


def resolution(body: Body) -> tuple[float, float, float] | None:
    """Return the desired resolution, if given."""
    given = cast("list[float] | None", body.get("desired_resolution"))
    if given is None:
        return None
    x, y, z = (float(value) for value in given)
    return x, y, z


def names(body: Body, name: str) -> list[str]:
    """Return a list of names, empty if not given."""
    return cast("list[str]", body.get(name) or [])


def mapping(body: Body, name: str) -> Mapping[str, object]:
    """Return a mapping, empty if not given."""
    return cast("Mapping[str, object]", body.get(name) or {})
