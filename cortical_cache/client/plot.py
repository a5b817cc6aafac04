"""Pictures of what is held: ``client.plot``. The only importer of matplotlib."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt

from cortical_cache.errors import ConfigurationError, InvalidQueryError
from cortical_cache.model.ids import as_ids

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from cortical_cache.client.rooted import Rooted
    from cortical_cache.client.sql.queried import Queried

__all__ = ["Plots"]

EXTRA = "cortical-cache[plots]"
"""What to install for pictures."""

UNTYPED = "no single type"
"""Label of the cells that have no type, or several."""

_CHANGES = ("added", "removed", "changed")
_GOLDEN = 0.618034
"""Multiples of it modulo 1 spread evenly: dots side by side, the same every time."""
_SPREAD = 0.7
"""Width of a column of dots; columns are 1 apart."""

Ids = npt.NDArray[np.int64]


class Plots:
    """Pictures of one dataset, drawn by matplotlib from what `Client.sql` answers.

    Every method draws on `ax`, or on a new figure, and returns the Axes; nothing is
    shown or saved. Freshness: as the rows and cell ids that are drawn; offline, what is
    not held raises `NotCachedError`.

    Parameters
    ----------
    rows : Queried
        Answers SQL.
    cells : Rooted
        Tells the roots of cells, and what changed between versions.
    """

    def __init__(self, rows: "Queried", cells: "Rooted") -> None:
        self._rows = rows
        self._cells = cells

    def soma_depth(
        self,
        *,
        cell_types: str | None = None,
        nuclei: str | None = None,
        ax: "Axes | None" = None,
    ) -> "Axes":
        """Draw how deep each soma lies, a column of dots for each type, pia on top.

        Parameters
        ----------
        cell_types : str, optional
            Table with ``target_id`` and ``cell_type``; cells without a single type are
            a column of their own. Without it all cells are one column.
        nuclei : str, optional
            Otherwise the dataset's own.
        ax : matplotlib.axes.Axes, optional

        Returns
        -------
        matplotlib.axes.Axes
            A collection of dots for each type, its label; y is the depth in
            micrometres, x is the column and a spread without meaning.

        Raises
        ------
        ConfigurationError
            If matplotlib is missing.
        InvalidQueryError
            If the dataset has no transform, so that no depth is known.
        """
        axes = _axes(ax)
        params = {} if nuclei is None else {"nuclei": nuclei}
        somata = self._ask("soma_depths", params)
        ids = _ints(somata, "cell_id")
        depths = somata["soma_depth"].to_numpy(np.float64)
        labels = self._labels(ids, cell_types)
        shown = [*dict.fromkeys(sorted(labels, key=_last))]
        for place, label in enumerate(shown):
            of = labels == label
            numbers = np.arange(int(of.sum()), dtype=np.float64)
            spread = ((numbers * _GOLDEN) % 1.0 - 0.5) * _SPREAD
            axes.scatter(place + spread, depths[of], s=4, label=label)
        axes.set_xticks(range(len(shown)), shown, rotation=90 if shown[4:] else 0)
        axes.set_ylabel("soma depth (µm)")
        axes.invert_yaxis()
        return axes

    def connectivity(
        self,
        pre: object,
        post: object = None,
        *,
        cell_types: str | None = None,
        synapses: str | None = None,
        ax: "Axes | None" = None,
    ) -> "Axes":
        """Draw the matrix of synapses from some cells onto some cells.

        Rows and columns are ordered by type, then cell id. Synapses of a root onto
        itself are left out, and so are cells that have no root of their own: none, or
        one that they share with another of the cells given.

        Parameters
        ----------
        pre, post : int or list of int
            Cell ids; `post` is `pre` if not given.
        cell_types : str, optional
            Table with ``target_id`` and ``cell_type``; lines are drawn between types.
        synapses : str, optional
            Otherwise the dataset's own.
        ax : matplotlib.axes.Axes, optional

        Returns
        -------
        matplotlib.axes.Axes
            With one image, the number of synapses, int64 of shape (pre, post).

        Raises
        ------
        ConfigurationError
            If matplotlib is missing.
        InvalidQueryError
            If no cell is left to draw.
        """
        axes = _axes(ax)
        rows, row_roots, row_types = self._rooted(pre, "pre", cell_types)
        columns, column_roots, column_types = (
            (rows, row_roots, row_types)
            if post is None
            else self._rooted(post, "post", cell_types)
        )
        asked: dict[str, object] = {"pre": row_roots, "post": column_roots}
        found = self._ask(
            "connectivity", asked | ({} if synapses is None else {"synapses": synapses})
        )
        matrix = np.zeros((len(rows), len(columns)), np.int64)
        matrix[
            _places(row_roots, _ints(found, "pre_pt_root_id")),
            _places(column_roots, _ints(found, "post_pt_root_id")),
        ] = _ints(found, "n_synapses")
        image = axes.imshow(matrix, interpolation="nearest", cmap="Greys")
        axes.figure.colorbar(image, ax=axes, label="synapses")
        axes.set_ylabel(f"{len(rows)} presynaptic cells")
        axes.set_xlabel(f"{len(columns)} postsynaptic cells")
        if cell_types is not None:
            ends, middles, names = _groups(row_types)
            axes.set_yticks(middles, names)
            for end in ends:
                axes.axhline(end, linewidth=0.5)
            ends, middles, names = _groups(column_types)
            axes.set_xticks(middles, names, rotation=90)
            for end in ends:
                axes.axvline(end, linewidth=0.5)
        return axes

    def degrees(
        self,
        cells: object,
        *,
        cell_types: str | None = None,
        synapses: str | None = None,
        ax: "Axes | None" = None,
    ) -> "Axes":
        """Draw how many synapses some cells receive (x) and make (y), a dot a cell.

        Which cells are left out is as in `connectivity`.

        Parameters
        ----------
        cells : int or list of int
            Cell ids.
        cell_types : str, optional
            Table with ``target_id`` and ``cell_type``: a colour for each type.
        synapses : str, optional
            Otherwise the dataset's own.
        ax : matplotlib.axes.Axes, optional

        Returns
        -------
        matplotlib.axes.Axes
            A collection of dots for each type, its label, by cell id.

        Raises
        ------
        ConfigurationError
            If matplotlib is missing.
        InvalidQueryError
            If no cell is left to draw.
        """
        axes = _axes(ax)
        _, roots, types = self._rooted(cells, "cells", cell_types)
        asked: dict[str, object] = {"roots": roots}
        found = self._ask(
            "degrees", asked | ({} if synapses is None else {"synapses": synapses})
        ).set_index("root_id")
        found = found.loc[roots]
        into, out = _ints(found, "n_in"), _ints(found, "n_out")
        for label in dict.fromkeys(types):
            axes.scatter(into[types == label], out[types == label], s=8, label=label)
        axes.set_xlabel("synapses received")
        axes.set_ylabel("synapses made")
        if cell_types is not None:
            axes.legend()
        return axes

    def versions(
        self,
        table: str | None = None,
        *,
        versions: Sequence[int] | None = None,
        ax: "Axes | None" = None,
    ) -> "Axes":
        """Draw how many rows were added, removed and changed from version to version.

        Parameters
        ----------
        table : str, optional
            Table or view; otherwise the one whose ids are the cell ids.
        versions : sequence of int, optional
            Two or more, each compared with the one before; otherwise those held.
        ax : matplotlib.axes.Axes, optional

        Returns
        -------
        matplotlib.axes.Axes
            A container of bars for each kind of change (``added``, ``removed``,
            ``changed``, its label), one bar a pair of versions; as `Client.diff`.

        Raises
        ------
        ConfigurationError
            If matplotlib is missing.
        InvalidQueryError
            If there are fewer than two versions.
        """
        held = self._cells.repositories.versions.held() if versions is None else ()
        chosen = sorted(held) if versions is None else [int(one) for one in versions]
        if not chosen[1:]:
            raise InvalidQueryError("name two versions or more; fewer are held")
        axes = _axes(ax)
        pairs = [*pairwise(chosen)]
        found = [self._cells.diff(table, old, new) for old, new in pairs]
        places = np.arange(len(pairs))
        width = _SPREAD / len(_CHANGES)
        for number, kind in enumerate(_CHANGES):
            counts = [len(cast("Ids", getattr(one, kind))) for one in found]
            offset = (number - 1) * width
            axes.bar(places + offset, counts, width, label=kind)
        axes.set_xticks(places, [f"v{old} to v{new}" for old, new in pairs])
        axes.set_ylabel(f"rows of {found[0].table}")
        axes.legend()
        return axes

    def _ask(self, name: str, params: Mapping[str, object]) -> "pd.DataFrame":
        return cast("pd.DataFrame", self._rows.sql(name=name, params=params))

    def _labels(self, cells: Ids, cell_types: str | None) -> npt.NDArray[np.object_]:
        """Return the type of each cell; one word for all if no table tells."""
        if cell_types is None:
            return np.full(len(cells), "cells", object)
        typed = self._ask("typed_cells", {"cell_types": cell_types})
        of = dict(zip(_ints(typed, "cell_id"), typed["cell_type"], strict=True))
        return np.array([of.get(one, UNTYPED) for one in cells], object)

    def _rooted(
        self, cells: object, argument: str, cell_types: str | None
    ) -> tuple[Ids, Ids, npt.NDArray[np.object_]]:
        """Return cells that have a root of their own, with it and their type."""
        asked = np.unique(np.asarray(as_ids(cells, argument), np.int64))
        mapped = self._cells.cell_id_to_root_id(asked)
        roots = mapped["root_id"].to_numpy(np.int64)
        _, place, count = np.unique(roots, return_inverse=True, return_counts=True)
        own = (roots > 0) & (count[place] == 1)
        if not own.any():
            raise InvalidQueryError(f"{argument}: none of the cells has its own root")
        kept, types = asked[own], self._labels(asked[own], cell_types)
        order = sorted(range(len(kept)), key=lambda one: (_last(types[one]), kept[one]))
        return kept[order], roots[own][order], types[order]


def _axes(ax: "Axes | None") -> "Axes":
    if ax is not None:
        return ax
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        message = f"pictures need a library: pip install '{EXTRA}'"
        raise ConfigurationError(message) from error
    return plt.subplots(layout="constrained")[1]


def _last(label: str) -> tuple[bool, str]:
    """Order labels by name, those without a type last."""
    return label == UNTYPED, label


def _ints(frame: "pd.DataFrame", column: str) -> Ids:
    return frame[column].to_numpy(np.int64)


def _places(roots: Ids, wanted: Ids) -> Ids:
    """Return where in `roots` each of `wanted` is; all of them are there, once."""
    order = np.argsort(roots)
    return order[np.searchsorted(roots, wanted, sorter=order)]


def _groups(
    labels: npt.NDArray[np.object_],
) -> tuple[list[float], list[float], list[str]]:
    """Return where runs of one label end, but for the last, their middles and names."""
    starts = [0, *(np.flatnonzero(labels[1:] != labels[:-1]) + 1), len(labels)]
    spans = [(int(begin), int(end)) for begin, end in pairwise(starts)]
    ends = [end - 0.5 for _, end in spans[:-1]]
    middles = [(begin + end - 1) / 2 for begin, end in spans]
    return ends, middles, [str(labels[begin]) for begin, _ in spans]
