"""What became of one root of many that skeletons were asked of, and the skeleton."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from cortical_cache.errors import InvalidQueryError
from cortical_cache.model.json import JsonObject

__all__ = ["SkeletonOutcome", "SkeletonStatus", "as_arrays"]

SkeletonStatus = Literal["held", "fetched", "being made", "not made", "refused"]

_ARRAYS = (
    "edges",
    "mesh_to_skel_map",
    "vertices",
    "lvl2_ids",
    "radius",
    "compartment",
)


@dataclass(frozen=True, slots=True)
class SkeletonOutcome:
    """What became of one root of many.

    Attributes
    ----------
    root_id : int
    status : str
        ``held`` or ``fetched``: there is a skeleton. ``being made``, ``not made``,
        ``refused``: there is none, or none yet.
    reason : str
        Why there is none.
    """

    root_id: int
    status: SkeletonStatus
    reason: str = ""
    _read: Callable[[], JsonObject] | None = field(
        default=None, repr=False, compare=False
    )

    @property
    def is_there(self) -> bool:
        """Whether there is a skeleton."""
        return self._read is not None

    def flat(self) -> JsonObject:
        """Return the skeleton as the service gave it, read from the disk.

        Raises
        ------
        InvalidQueryError
            If there is none.
        """
        if self._read is None:
            raise InvalidQueryError(
                f"there is no skeleton of {self.root_id}: {self.reason}"
            )
        return self._read()

    def skeleton(self) -> dict[str, Any]:
        """Return the skeleton with arrays, as `as_arrays`, read from the disk.

        Raises
        ------
        InvalidQueryError
            If there is none.
        """
        return as_arrays(self.flat())


def as_arrays(flat: JsonObject) -> dict[str, Any]:
    """Return a skeleton with arrays where caveclient has them.

    Returns
    -------
    dict
        ``vertices`` (n, 3) and ``radius`` in nm, ``edges`` (n - 1, 2) child first,
        ``compartment`` (n,), ``root``, ``lvl2_ids`` (m,) int64, ``mesh_to_skel_map``
        (m,) the vertex of each, ``meta``; old versions have fewer.
    """
    return {
        name: np.array(value) if name in _ARRAYS else value
        for name, value in flat.items()
    }
