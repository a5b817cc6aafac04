"""The attributes of level-2 nodes: their names, columns and numbers.

In the order of their names, as the L2 cache gives them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cortical_cache.errors import UnknownNameError

__all__ = ["ATTRIBUTES", "Attribute", "chosen"]


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute.

    Attributes
    ----------
    name : str
    columns : tuple of str
        Of its numbers, as caveclient names them; its own name where there is one.
    is_whole : bool
        Its numbers are integers.
    shape : tuple of int
        Of its value; empty for a number.
    """

    name: str
    columns: tuple[str, ...]
    is_whole: bool
    shape: tuple[int, ...] = ()


_AXES = ("x", "y", "z")

ATTRIBUTES = (
    Attribute("area_nm2", ("area_nm2",), is_whole=True),
    Attribute(
        "chunk_intersect_count",
        tuple(
            f"chunk_intersect_count_{axis}_{side}"
            for side in ("bottom", "top")
            for axis in _AXES
        ),
        is_whole=True,
        shape=(2, 3),
    ),
    Attribute("max_dt_nm", ("max_dt_nm",), is_whole=True),
    Attribute("mean_dt_nm", ("mean_dt_nm",), is_whole=False),
    Attribute(
        "pca",
        tuple(f"pca_{number}_{axis}" for number in range(3) for axis in _AXES),
        is_whole=False,
        shape=(3, 3),
    ),
    Attribute(
        "pca_val",
        tuple(f"pca_val_{number}" for number in range(3)),
        is_whole=False,
        shape=(3,),
    ),
    Attribute(
        "rep_coord_nm",
        tuple(f"rep_coord_nm_{axis}" for axis in _AXES),
        is_whole=False,
        shape=(3,),
    ),
    Attribute("size_nm3", ("size_nm3",), is_whole=True),
)


def chosen(names: Sequence[str] | None) -> tuple[Attribute, ...]:
    """Return the attributes of some names, in the order of names; None: all.

    Raises
    ------
    UnknownNameError
        If there is no such attribute.
    """
    if names is None:
        return ATTRIBUTES
    known = [one.name for one in ATTRIBUTES]
    for name in names:
        if name not in known:
            raise UnknownNameError("attribute", name, "the L2 cache", known)
    return tuple(one for one in ATTRIBUTES if one.name in names)
