"""Facts of an id that have an order: each once, whoever wrote them, and how often.

A writer numbers what the server said of an id. Two that ask at once write it twice, and
a server may tell it in another order each time, so a number does not name a fact.
"""

import numpy as np
import numpy.typing as npt

__all__ = ["each_once"]

Ints = npt.NDArray[np.int64]


def each_once(asked: Ints, places: Ints, *facts: Ints) -> Ints:
    """Return which rows to take for each fact to come once, in the order of places.

    What one writer wrote comes back as it was, repeats included. Where writers had
    different orders each fact stands at the first place that any of them gave it.

    Parameters
    ----------
    asked : numpy.ndarray of int64, shape (m,)
        The id that each row is about, as a position among those asked for.
    places : numpy.ndarray of int64, shape (m,)
        The number of each row among those of its id.
    *facts : numpy.ndarray of int64, shape (m,)
        What it says.

    Returns
    -------
    numpy.ndarray of int64
        Rows, by `asked`, then by place.
    """
    rows = _firsts(np.arange(len(asked)), asked, places, *facts)
    ids, numbers = asked[rows], places[rows]
    clash = (ids[1:] == ids[:-1]) & (numbers[1:] == numbers[:-1])
    if not clash.any():
        return rows
    torn = np.isin(ids, ids[1:][clash])
    # By place already: of rows that say the same, that with the first place is taken.
    chosen = np.concatenate([rows[~torn], _firsts(rows[torn], asked, *facts)])
    return chosen[np.lexsort((places[chosen], asked[chosen]))]


def _firsts(rows: Ints, *columns: Ints) -> Ints:
    """Return the first of the rows that are equal in all columns, in their order."""
    keys = [one[rows] for one in columns]
    order = np.lexsort(keys[::-1])
    differs = np.zeros(max(len(rows) - 1, 0), np.bool_)
    for key in keys:
        ordered = key[order]
        differs |= ordered[1:] != ordered[:-1]
    return rows[order][np.r_[True, differs][: len(rows)]]
