"""What a client says of its dataset, and shows of it: info, states, neuroglancer."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from cortical_cache.client.base import Base
from cortical_cache.client.progress.watched import is_watched
from cortical_cache.model.json import Json, JsonObject
from cortical_cache.repositories.missing import require

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from caveclient.tools.stage import StagedAnnotations
    from cloudvolume import CloudVolume
    from nglui.statebuilder import ViewerState

__all__ = ["Described", "FormatFor"]

FormatFor = Literal[
    "raw", "cloudvolume", "neuroglancer", "cave_explorer", "cave-explorer"
]


class Described(Base):
    """The part of a client that is about the dataset's record, viewers and states."""

    def get_datastack_info(
        self,
        use_stored: bool = True,  # noqa: FBT001, FBT002  cortical_tools' own
        image_mirror: str | None = None,
    ) -> dict[str, Json]:
        """Return the datastack's record of the info service.

        Freshness: a day; offline as last known.

        Parameters
        ----------
        use_stored : bool
            False: ask now.
        image_mirror : str, optional
            With the images of this mirror.

        Raises
        ------
        NotCachedError
            Offline, and never asked.
        """
        return self.cached.info.get_datastack_info(None, use_stored, image_mirror)

    def image_source(
        self,
        use_stored: bool = True,  # noqa: FBT001, FBT002  cortical_tools' own
        format_for: FormatFor = "raw",
        image_mirror: str | None = None,
    ) -> str:
        """Return the cloud path of the images.

        Freshness: a day; offline as last known.

        Parameters
        ----------
        use_stored : bool
            False: ask now.
        format_for : str
            ``"raw"`` as the service has it, or as a reader wants it.
        image_mirror : str, optional
            Those of this mirror.

        Raises
        ------
        InvalidQueryError
            If there is no such mirror or reader.
        NotCachedError
            Offline, and never asked.
        """
        return self.cached.info.image_source(None, use_stored, format_for, image_mirror)

    def segmentation_source(
        self,
        use_stored: bool = True,  # noqa: FBT001, FBT002  cortical_tools' own
        format_for: FormatFor = "raw",
    ) -> str:
        """Return the path of the segmentation.

        Freshness: a day; offline as last known.

        Parameters
        ----------
        use_stored : bool
            False: ask now.
        format_for : str
            ``"raw"`` as the service has it, or as a reader wants it.
        """
        return self.cached.info.segmentation_source(None, use_stored, format_for)

    def viewer_resolution(
        self,
        use_stored: bool = True,  # noqa: FBT001, FBT002  cortical_tools' own
    ) -> "npt.NDArray[np.float64]":
        """Return the nanometres per voxel of the viewer along x, y and z, shape (3,).

        Freshness: a day; offline as last known.
        """
        return self.cached.info.viewer_resolution(None, use_stored)

    def image_cloudvolume(
        self,
        image_mirror: str | None = None,
        **kwargs: Any,  # noqa: ANN401  CloudVolume's own
    ) -> "CloudVolume":
        """Return the images as a CloudVolume.

        Freshness: its voxels are asked each time, and not kept.

        Raises
        ------
        ConfigurationError
            If cloud-volume is not installed.
        NotCachedError
            If offline.
        """
        return self.cached.info.image_cloudvolume(image_mirror, **kwargs)

    def segmentation_cloudvolume(
        self,
        use_client_secret: bool = True,  # noqa: FBT001, FBT002  cortical_tools' own
        **kwargs: Any,  # noqa: ANN401  CloudVolume's own
    ) -> "CloudVolume":
        """Return the segmentation as a CloudVolume; raises as `image_cloudvolume`.

        Freshness: its voxels are asked each time, and not kept.
        """
        return self.cached.info.segmentation_cloudvolume(use_client_secret, **kwargs)

    def get_state_json(self, state_id: int | str) -> JsonObject:
        """Return a neuroglancer state.

        Freshness: by number for ever; at another address asked each time.

        Parameters
        ----------
        state_id : int or str
            Number on the state server, or address.

        Raises
        ------
        UnknownNameError
            If there is no such state.
        NotCachedError
            Offline, and not held.
        """
        return self.cached.state.get_state_json(state_id)

    def upload_state_json(
        self,
        json_state: Mapping[str, object],
        state_id: int | None = None,
        timestamp: object = None,
    ) -> int:
        """Upload a neuroglancer state and return its number.

        Freshness: kept for ever under that number, so that `get_state_json` of it makes
        no request.

        Parameters
        ----------
        json_state : dict
            NumPy values are welcome; their ids become text, as neuroglancer has them.
        state_id : int, optional
            For administrators: the number to get.
        timestamp : optional
            For administrators, with `state_id`.

        Raises
        ------
        InvalidQueryError
            If it is no JSON.
        NotCachedError
            If offline.
        """
        return self.cached.state.upload_state_json(json_state, state_id, timestamp)

    def neuroglancer_viewer(
        self,
        root_ids: Sequence[int] | None = None,
        seg_prop: Mapping[str, object] | None = None,
    ) -> "ViewerState":
        """Return nglui's viewer of the dataset's images and segmentation.

        Freshness: from the datastack's record, a day; offline as last known.

        Parameters
        ----------
        root_ids : int or list of int, optional
            Segments to show.
        seg_prop : dict, optional
            Segment properties to upload and add; they are kept for ever.

        Raises
        ------
        ConfigurationError
            If nglui is not installed.
        NotCachedError
            Offline, and the record was never asked; or with `seg_prop`.
        """
        from cortical_cache.client.neuroglancer import viewer

        offline = self._of.settings.offline
        return viewer(self.cached, root_ids, seg_prop, offline=offline)

    def neuroglancer_url(
        self,
        target_url: str | None = None,
        clipboard: bool = False,  # noqa: FBT001, FBT002  cortical_tools' own
        shorten: bool = False,  # noqa: FBT001, FBT002  cortical_tools' signature
        root_ids: Sequence[int] | None = None,
        seg_prop: Mapping[str, object] | None = None,
    ) -> str:
        """Return an address that opens the dataset in neuroglancer.

        Freshness: from the datastack's record, a day; offline as last known.

        Parameters
        ----------
        target_url : str, optional
            Address of a neuroglancer; otherwise nglui's default.
        clipboard : bool
            Copy it to the clipboard as well.
        shorten : bool
            Upload the state, and name it by its number; it is kept for ever.
        root_ids : int or list of int, optional
            Segments to show.
        seg_prop : dict, optional
            Segment properties to upload and add.

        Raises
        ------
        ConfigurationError
            If nglui is not installed, or there is no clipboard.
        NotCachedError
            Offline, and the record was never asked; or with `shorten` or `seg_prop`.
        """
        state: Any = self.neuroglancer_viewer(root_ids, seg_prop)
        url: str = state.to_url(target_url=target_url, shorten=shorten)
        if clipboard:
            from cortical_cache.client.neuroglancer import copy

            copy(url)
        return url

    def stage_annotations(  # noqa: PLR0913, PLR0917  cortical_tools' own signature
        self,
        table_name: str | None = None,
        schema_name: str | None = None,
        update: bool = False,  # noqa: FBT001, FBT002  cortical_tools' signature
        id_field: bool = False,  # noqa: FBT001, FBT002  cortical_tools' signature
        table_resolution: Sequence[float] | None = None,
        annotation_resolution: Sequence[float] | None = None,
    ) -> "StagedAnnotations":
        """Return caveclient's collector of annotations for a live table or a schema.

        Freshness: asked each time, never kept.

        Parameters
        ----------
        table_name, schema_name : str, optional
            One of them.
        update : bool
            They replace annotations, so they need ids.
        id_field : bool
            They bring ids of their own.
        table_resolution, annotation_resolution : sequence of float, optional
            Nanometres per unit of the table (otherwise its own), and of what is given.

        Raises
        ------
        InvalidQueryError
            If neither table nor schema is named.
        NotCachedError
            If offline.
        """
        of = table_name or schema_name
        require(self._of.origin, f"what annotations of {of} are made of is")
        return self._of.origin.annotations.stage(
            table_name=table_name,
            schema_name=schema_name,
            update=update,
            id_field=id_field,
            table_resolution=table_resolution,
            annotation_resolution=annotation_resolution,
        )

    def upload_staged_annotations(
        self, staged_annos: "StagedAnnotations"
    ) -> list[int] | dict[str, int]:
        """Upload staged annotations to their live table.

        Freshness: never kept. Versions that are held do not change by it.

        Returns
        -------
        list of int
            Ids of new annotations.
        dict of str to int
            Of replaced ones, old id (as text, as caveclient gives it) to new.

        Raises
        ------
        InvalidQueryError
            If they were staged for no table.
        NotCachedError
            If offline.
        """
        require(self._of.origin, "the ids of annotations to be uploaded are")
        annotations = self._of.origin.annotations
        return annotations.upload(staged_annos, progress=is_watched())
