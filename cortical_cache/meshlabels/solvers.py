"""What scipy solves: connected components, assignment, nearest neighbours."""

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["assignment", "components", "distances"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def components(pairs: npt.NDArray[np.integer], count: int) -> Ints:
    """Return for each of `count` things the number of what it is connected with."""
    from scipy import sparse
    from scipy.sparse import csgraph

    library: Any = sparse
    graphs: Any = csgraph
    values = np.ones(len(pairs), np.bool_)
    graph = library.coo_array(
        (values, (pairs[:, 0], pairs[:, 1])), shape=(count, count)
    )
    number = graphs.connected_components(graph, directed=False)[1]
    return number.astype(np.int64)


def assignment(worth: Floats) -> tuple[Ints, Ints]:
    """Return rows and columns, each used once, whose sum is the greatest."""
    import scipy.optimize

    library: Any = scipy.optimize
    return library.linear_sum_assignment(worth, maximize=True)


def distances(places: Floats, asked: Floats, reach: float) -> Floats:
    """Return how far each asked place is from the nearest one; inf beyond `reach`."""
    import scipy.spatial

    library: Any = scipy.spatial
    tree = library.cKDTree(places)
    return tree.query(asked, distance_upper_bound=reach)[0]
