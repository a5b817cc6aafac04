"""JSON as a type: what CAVE's metadata and the store's documents are made of."""

from typing import TypeAlias, cast

__all__ = ["Json", "JsonObject", "as_list", "as_object"]

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
JsonObject: TypeAlias = dict[str, Json]


def as_object(value: object) -> JsonObject:
    """Return `value` if it is a JSON object.

    Raises
    ------
    TypeError
        If it is anything else.
    """
    if isinstance(value, dict):
        return cast("JsonObject", value)
    message = f"expected a JSON object, got {type(value).__name__}"
    raise TypeError(message)


def as_list(value: object) -> list[Json]:
    """Return `value` if it is a JSON array.

    Raises
    ------
    TypeError
        If it is anything else.
    """
    if isinstance(value, list):
        return cast("list[Json]", value)
    message = f"expected a JSON array, got {type(value).__name__}"
    raise TypeError(message)
