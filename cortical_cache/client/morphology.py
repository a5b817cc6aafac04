"""What a client says of the parts and shapes of neurons."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cortical_cache.client.rooted import Rooted
from cortical_cache.model.ids import as_ids

if TYPE_CHECKING:
    import pandas as pd

    from cortical_cache.repositories.skeletons import SkeletonOutcome

__all__ = ["Morphology"]


class Morphology(Rooted):
    """The part of a client that is about level-2 nodes and skeletons."""

    def get_l2_ids(self, root_id: object, bounds: object = None) -> Any:  # noqa: ANN401  one array or several
        """Return the level-2 ids of a root, or of many.

        Freshness: for ever. All ids of a root are fetched and kept, so that any bounds
        are answered from them, without the network from then on.

        Parameters
        ----------
        root_id : int, or list of int
        bounds : array-like, shape (3, 2), optional
            First and last coordinate of each axis, in voxels of the chunkedgraph's
            base resolution: only ids whose chunk touches that box.

        Returns
        -------
        numpy.ndarray of int64
            As caveclient's ``get_leaves(root_id, bounds, stop_layer=2)``, in the
            server's order. Of a list of roots a dict: root id to array. Many roots
            are asked for in batches, with a progress bar.

        Raises
        ------
        InvalidQueryError
            If the bounds are none.
        NotCachedError
            Offline, and not held.
        """
        from cortical_cache.client.parts import l2_ids

        return l2_ids(self._of, root_id, bounds)

    def get_l2data(
        self,
        l2_ids: object,
        attributes: Sequence[str] | None = None,
        as_dataframe: bool = True,  # noqa: FBT001, FBT002  cortical_tools' own
        split_columns: bool = True,  # noqa: FBT001, FBT002
    ) -> "pd.DataFrame | dict[str, dict[str, Any]]":
        """Return what the L2 cache computed of level-2 ids.

        Freshness: a value that is there is kept for ever; what is not computed yet is
        a missing value, and asked again: for ids without any value each time, else
        after an hour. Only ids that lack something are asked for, in bounded batches.

        Parameters
        ----------
        l2_ids : list of int
            Any number.
        attributes : list of str, optional
            Of ``area_nm2``, ``chunk_intersect_count``, ``max_dt_nm``, ``mean_dt_nm``,
            ``pca``, ``pca_val``, ``rep_coord_nm``, ``size_nm3``; all by default.
        as_dataframe : bool
            Otherwise a plain dict, as caveclient's ``get_l2data``.
        split_columns : bool
            A column for each number of attributes that have several.

        Returns
        -------
        pandas.DataFrame
            Index ``l2_id``, int64, unique, ascending. Sizes in nm, nm2 and nm3.
        dict
            Of the id as text to a dict by attribute, missing ones left out.

        Raises
        ------
        UnknownNameError
            If there is no such attribute, or no L2 cache.
        NotCachedError
            Offline, for ids that were never asked for.
        """
        from cortical_cache.client.parts import l2_data

        return l2_data(
            self._of,
            l2_ids,
            attributes,
            as_dataframe=as_dataframe,
            split_columns=split_columns,
        )

    def skeletons_exist(
        self,
        skeleton_version: int | None = 4,
        root_ids: object = 0,
        log_warning: bool = True,  # noqa: ARG002, FBT001, FBT002  cortical_tools' own
        verbose_level: int | None = 0,  # noqa: ARG002
    ) -> dict[int, bool]:
        """Tell which roots have a skeleton.

        Freshness: that there is one is kept for ever; that there is none is asked each
        time.

        Parameters
        ----------
        skeleton_version : int, optional
            -1 for the newest.
        root_ids : int or list of int
            Any number.
        log_warning, verbose_level
            Accepted for cortical_tools' sake.

        Returns
        -------
        dict of int to bool
            Of one id, too.

        Raises
        ------
        NotCachedError
            Offline, and not all are known to have one.
        """
        skeletons = self._of.skeletons
        version = skeletons.version(skeleton_version)
        return skeletons.exist(as_ids(root_ids, "root_ids"), version)

    def get_skeletons(
        self,
        root_ids: object,
        skeleton_version: int | None = 4,
        *,
        make: bool = True,
        progress: bool = True,
    ) -> "dict[int, SkeletonOutcome]":
        """Fetch the skeletons of many roots as the skeleton service has them.

        Freshness: a skeleton is kept for ever. Those that are not made yet are ordered,
        not waited for: call again later for them.

        Parameters
        ----------
        root_ids : int or list of int
            Any number, beyond the service's limits.
        skeleton_version : int, optional
            -1 for the newest.
        make : bool
            Order those that are not made.
        progress : bool
            Draw a progress bar.

        Returns
        -------
        dict of int to SkeletonOutcome
            By root id, in the order asked: what became of it, and the skeleton, read
            from the disk by ``outcome.skeleton()``.

        Raises
        ------
        NotCachedError
            Offline, and not all are held; it names the first five.
        """
        from cortical_cache.client.bars import count_bar

        skeletons = self._of.skeletons
        asked = as_ids(root_ids, "root_ids")
        version = skeletons.version(skeleton_version)
        count = len(set(asked)) if progress else None
        with count_bar("skeletons", count, "root") as tell:
            return skeletons.get_many(asked, version, make=make, come=tell)
