"""Level-2 ids and their attributes for the facade: many roots, bounds, progress."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cortical_cache.client.neurons.level2 import as_frame, as_records
from cortical_cache.client.progress.counting import count_bar
from cortical_cache.model.ids import as_ids
from cortical_cache.model.level2 import chosen
from cortical_cache.repositories.dataset import Repositories

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["id_array", "l2_data", "l2_ids"]

Ints = npt.NDArray[np.int64]

_LEVEL_2 = 2
_ROOTS_AT_ONCE = 50


def l2_ids(of: Repositories, root_id: object, bounds: object) -> Any:  # noqa: ANN401  one array or several
    """See `Morphology.get_l2_ids`."""
    roots = list(dict.fromkeys(as_ids(root_id, "root_id")))
    found: dict[int, Ints] = {}
    held = of.lineage.held_leaves(roots, _LEVEL_2)
    left = [one for one in roots if one not in held]
    with count_bar("level-2 ids", len(left), "root") as tell:
        for start in range(0, len(left), _ROOTS_AT_ONCE):
            batch = left[start : start + _ROOTS_AT_ONCE]
            held |= of.lineage.leaves_many(batch, _LEVEL_2)
            tell(len(batch))
    if left:
        of.level2graph.segmentation()  # to have any bounds offline as well
    for root in roots:
        nodes = held[root]
        if bounds is not None:
            nodes = nodes[of.level2graph.within(nodes, bounds)]
        found[root] = nodes
    is_one = isinstance(root_id, (int, str)) or np.ndim(np.asarray(root_id)) == 0
    return found[roots[0]] if is_one else found


def l2_data(
    of: Repositories,
    l2_ids: object,
    attributes: Sequence[str] | None,
    *,
    as_dataframe: bool,
    split_columns: bool,
) -> "pd.DataFrame | dict[str, dict[str, Any]]":
    """See `Morphology.get_l2data`."""
    wanted = chosen(attributes)
    ids = np.unique(id_array(l2_ids, "l2_ids"))
    with count_bar("level-2 attributes", None, "id") as tell:

        def come(count: int) -> Any:  # noqa: ANN401  tells the bar
            tell.total(count)
            return tell

        values = of.level2.values(ids, wanted, come)
    if not as_dataframe:
        return as_records(values, wanted)
    return as_frame(values, wanted, split=split_columns)


def id_array(values: object, name: str) -> Ints:
    """Return ids as an array; millions that are one already are not looked at.

    Raises
    ------
    InvalidQueryError
        If one is none.
    """
    kind = getattr(getattr(values, "dtype", None), "kind", "")
    if kind in {"i", "u"}:
        return np.asarray(values).astype(np.int64).ravel()
    return np.array(as_ids(values, name), np.int64)
