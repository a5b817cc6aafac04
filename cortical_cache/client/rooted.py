"""Cells and roots on the facade: ids in, ids out, at a version or a moment."""

from datetime import datetime
from typing import TYPE_CHECKING

from cortical_cache.client.versioned import Versioned

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from cortical_cache.client.cells import Missing

__all__ = ["Rooted"]


class Rooted(Versioned):
    """The part of a client that is about cells and roots."""

    @property
    def _root_id_lookup_main_table(self) -> str:
        """What cortical_tools calls the main table; its own tests ask for it."""
        return self._of.dataset.main_table

    def cell_id_to_root_id(  # noqa: PLR0913, PLR0917  cortical_tools' own signature
        self,
        cell_ids: object,
        client: object = None,
        timestamp: datetime | None = None,
        materialization_version: int | None = None,
        filter_empty: bool = False,  # noqa: FBT001, FBT002  cortical_tools' signature
        omit_multiple: bool = True,  # noqa: FBT001, FBT002  cortical_tools' signature
    ) -> "pd.DataFrame":
        """Return the root id of each cell at a version or a moment.

        Freshness: at a version, and at a moment past for good, kept for ever; at a
        mirrored version without the network.

        Parameters
        ----------
        cell_ids : int or list of int
            Nucleus ids, in any order; repeats are kept.
        client : CAVEclient, optional
            Its version counts where none is given.
        timestamp : datetime, optional
            Otherwise that of the version.
        materialization_version : int, optional
            Otherwise the client's.
        filter_empty : bool
            Drop the rows without a root.
        omit_multiple : bool
            A cell with several roots has -1; otherwise a row for each.

        Returns
        -------
        pandas.DataFrame
            Index the ids asked, in their order; one column ``root_id``, int64. -1 is
            proved: no entry, a NULL, or more than one. 0 is off the segmentation.

        Raises
        ------
        NotCachedError
            Offline, and something of it is not held.
        """
        from cortical_cache.client.cells import cell_id_to_root_id

        version = materialization_version
        if version is None and client is not None:
            version = getattr(client, "version", None)
        return cell_id_to_root_id(
            self._of,
            cell_ids,
            timestamp=timestamp,
            version=version,
            filter_empty=filter_empty,
            omit_multiple=omit_multiple,
        )

    def root_id_to_cell_id(
        self,
        root_ids: object,
        client: object = None,  # noqa: ARG002  cortical_tools' own signature
        filter_empty: bool = False,  # noqa: FBT001, FBT002  cortical_tools' signature
        *,
        missing: "Missing" = "raise",
    ) -> "pd.DataFrame":
        """Return the cell id of each root, whatever time the root is from.

        Freshness: kept for ever. Every mirrored version is consulted, the lives of
        roots that are held, and only then the server.

        Parameters
        ----------
        root_ids : int or list of int
            In any order; repeats are kept.
        client : object
            Accepted for cortical_tools' sake.
        filter_empty : bool
            Drop the rows without a cell.
        missing : {"raise", "na"}
            Offline, of ids that nothing held decides: raise, or show missing values.

        Returns
        -------
        pandas.DataFrame
            Index the ids asked, in their order; one column ``cell_id``, int64 (Int64
            with ``missing="na"``). -1 is proved: no cell, or more than one.

        Raises
        ------
        NotCachedError
            Offline, for ids that nothing held decides; it names the first five.
        """
        from cortical_cache.client.cells import root_id_to_cell_id

        return root_id_to_cell_id(
            self._of, root_ids, filter_empty=filter_empty, missing=missing
        )

    def get_roots(
        self,
        supervoxel_ids: object,
        timestamp: datetime | None = None,
        stop_layer: int | None = None,
    ) -> "npt.NDArray[np.uint64]":
        """Return the root of each supervoxel at a moment; 0 where there is none.

        Freshness: kept for ever over the root's known life, if the moment is past for
        good; now is asked each time.
        """
        return self.cached.chunkedgraph.get_roots(supervoxel_ids, timestamp, stop_layer)

    def is_latest_roots(
        self, root_ids: object, timestamp: datetime | None = None
    ) -> "npt.NDArray[np.bool_]":
        """Tell which roots are current, now or at a moment.

        Freshness: that a root has ended is kept for ever; "current now" is asked each
        time, or, offline, answered as of the last time known, saying so.
        """
        return self.cached.chunkedgraph.is_latest_roots(root_ids, timestamp)

    def get_latest_roots(
        self,
        root_id: object,
        timestamp: datetime | None = None,
        timestamp_future: datetime | None = None,
    ) -> "npt.NDArray[np.int64]":
        """Return the roots that a root has become, or was made of, at a moment.

        Freshness: kept for ever if the moment is past for good; now is asked each
        time, or, offline, answered as of the last time known, saying so.
        """
        graph = self.cached.chunkedgraph
        return graph.get_latest_roots(root_id, timestamp, timestamp_future)

    def suggest_latest_roots(
        self,
        root_id: int,
        timestamp: datetime | None = None,
        stop_layer: int | None = None,
        return_all: bool = False,  # noqa: FBT001, FBT002  caveclient's signature
        return_fraction_overlap: bool = False,  # noqa: FBT001, FBT002  caveclient's signature
    ) -> object:
        """Return the root that holds most of what a root was made of.

        Freshness: its parts for ever, their roots as `get_roots`.
        """
        return self.cached.chunkedgraph.suggest_latest_roots(
            root_id, timestamp, stop_layer, return_all, return_fraction_overlap
        )

    def latest_valid_timestamp(self, root_ids: object) -> "npt.NDArray[np.object_]":
        """Return the last moment at which each root could be used in queries.

        Freshness: for ever once the root has ended; while it is current, now, or,
        offline, as of the last time known.
        """
        return self.cached.chunkedgraph.get_root_timestamps(root_ids, latest=True)
