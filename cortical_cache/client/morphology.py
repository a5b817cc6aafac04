"""What a client says of the parts and shapes of neurons."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cortical_cache.client.rooted import Rooted
from cortical_cache.model.ids import as_ids

if TYPE_CHECKING:
    import pandas as pd
    from meshparty.meshwork import Meshwork
    from standard_transform.datasets import Dataset as Space

    from cortical_cache.client.neurons.mesh import MeshClient
    from cortical_cache.client.neurons.meshwork import Tables, Transform
    from cortical_cache.repositories.skeletonoutcome import SkeletonOutcome

__all__ = ["Morphology"]


class Morphology(Rooted):
    """The part of a client that is about level-2 nodes, skeletons and meshes."""

    @property
    def space(self) -> "Space":
        """The dataset's ``standard_transform``: to micrometres, pia up, at y = 0.

        ``client.space.transform("nm").apply_dataframe("pt_position", frame,
        projection="y")`` is the depth of every row.

        Raises
        ------
        ConfigurationError
            If the dataset has no transform, or the library is not installed.
        """
        from cortical_cache.client.space import space_of

        return space_of(self._of.dataset)

    @cached_property
    def mesh(self) -> "MeshClient":
        """Meshes of roots, and which level-2 id each of their vertices belongs to.

        Freshness: for ever.
        """
        from cortical_cache.client.neurons.mesh import MeshClient

        return MeshClient(self._of)

    @property
    def dataset_transform(self) -> "Space":
        """The same as `space`, by cortical_tools' other name."""
        return self.space

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
        from cortical_cache.client.neurons.parts import l2_ids

        return l2_ids(self._of, root_id, bounds)

    def get_l2data(
        self,
        l2_ids: object,
        attributes: Sequence[str] | None = None,
        as_dataframe: bool = True,  # noqa: FBT001, FBT002  cortical_tools' own
        split_columns: bool = True,  # noqa: FBT001, FBT002  cortical_tools' signature
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
        from cortical_cache.client.neurons.parts import l2_data

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
        verbose_level: int | None = 0,  # noqa: ARG002  cortical_tools' signature
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
        from cortical_cache.client.progress.counting import count_bar

        skeletons = self._of.skeletons
        asked = as_ids(root_ids, "root_ids")
        version = skeletons.version(skeleton_version)
        count = len(set(asked)) if progress else None
        with count_bar("skeletons", count, "root") as tell:
            return skeletons.get_many(asked, version, make=make, come=tell)

    def get_skeleton(  # noqa: PLR0913, PLR0917  cortical_tools' own signature
        self,
        root_id: int,
        synapses: bool = True,  # noqa: FBT001, FBT002  cortical_tools' signature
        restore_graph: bool = False,  # noqa: FBT001, FBT002  cortical_tools' signature
        restore_properties: bool = True,  # noqa: FBT001, FBT002  cortical_tools' signature
        reference_tables: "Tables | None" = None,
        skeleton_version: int | None = None,
        transform: "Transform | None" = None,
        *,
        synapse_reference_tables: "Tables | None" = None,
    ) -> "Meshwork":
        """Return a neuron's skeleton with its synapses and properties.

        Freshness: each part for ever: the skeleton, the root's life, the level-2 graph
        and attributes, the synapses, and their level-2 ids. A second call, in another
        process or with another transform, asks for nothing.

        Parameters
        ----------
        root_id : int
        synapses : bool
            Add ``pre_syn`` and ``post_syn``, as of the client's version if the root was
            current then; else as of the end of its life, or, of a root made later, its
            beginning.
        restore_graph : bool
            Join the mesh's vertices as the level-2 nodes touch.
        restore_properties : bool
            Add ``vol_prop`` and ``segment_properties``.
        reference_tables : str, list or dict, optional
            Tables about synapses to merge onto them; of both sides, or by ``pre`` and
            ``post``.
        skeleton_version : int, optional
            4 by default, the first that has all this.
        transform : {"rigid", "streamline"}, optional
            Move vertices and points of annotations into the dataset's space; in the
            second case also straight along the streamline through the root's point.
        synapse_reference_tables
            The older name of `reference_tables`.

        Returns
        -------
        meshparty.meshwork.Meshwork
            ``skeleton``, and under ``anno``: ``lvl2_ids``, ``compartment``, ``is_axon``
            and what was asked for. Points in nm; with a transform in micrometres.

        Raises
        ------
        InvalidQueryError
            If there is no skeleton of that id.
        ConfigurationError
            If the libraries are missing, or the dataset has no transform.
        NotCachedError
            Offline, and a part is not held.
        """
        from cortical_cache.client.neurons.meshwork import MeshworkQuery, get_meshwork

        (root,) = as_ids(root_id, "root_id")
        asked = MeshworkQuery(
            root_id=root,
            synapses=synapses,
            restore_graph=restore_graph,
            restore_properties=restore_properties,
            reference_tables=reference_tables or synapse_reference_tables,
            skeleton_version=skeleton_version,
            transform=transform,
        )
        return get_meshwork(self._of, self._options, asked)
