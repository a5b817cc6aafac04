"""``client.cached.info``: caveclient's reading methods, remembered.

Names and signatures are those of caveclient's ``InfoServiceClient``. Volumes are
caveclient's own: their voxels are never kept.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cortical_cache.client.cached.passthrough import PassThrough
from cortical_cache.errors import ConfigurationError, InvalidQueryError
from cortical_cache.model.json import Json, JsonObject, as_object

if TYPE_CHECKING:
    from cloudvolume import CloudVolume

__all__ = ["CachedInfo"]

_AXES = ("viewer_resolution_x", "viewer_resolution_y", "viewer_resolution_z")


class CachedInfo(PassThrough):
    """The info service, answered from the store where it can be.

    Parameters
    ----------
    repositories : Repositories
    """

    _service = "info"

    @property
    def datastack_name(self) -> str:
        """CAVE's name of the dataset."""
        return self._of.dataset.datastack

    @property
    def aligned_volume_name(self) -> str:
        """The aligned volume. Freshness: a day."""
        return str(as_object(self._record()["aligned_volume"])["name"])

    @property
    def aligned_volume_id(self) -> int:
        """The aligned volume's number. Freshness: a day."""
        return int(str(as_object(self._record()["aligned_volume"])["id"]))

    def get_datastack_info(
        self,
        datastack_name: str | None = None,
        use_stored: bool = True,
        image_mirror: str | None = None,
    ) -> dict[str, Json]:
        """Return the datastack's record. Freshness: a day."""
        if self._is_other(datastack_name):
            plain = self._plain()
            return plain.get_datastack_info(datastack_name, use_stored, image_mirror)
        return {**self._record(use_stored=use_stored, mirror=image_mirror)}

    def get_aligned_volume_info(
        self,
        datastack_name: str | None = None,
        use_stored: bool = True,
        image_mirror: str | None = None,
    ) -> dict[str, Json]:
        """Return the aligned volume's record, or a mirror's. Freshness: a day."""
        if self._is_other(datastack_name):
            plain = self._plain()
            return plain.get_aligned_volume_info(
                datastack_name, use_stored, image_mirror
            )
        if image_mirror is None:
            return {**as_object(self._record(use_stored=use_stored)["aligned_volume"])}
        mirrors = self._of.catalog.image_mirrors()
        for one in mirrors:
            if one.get("name") == image_mirror:
                return {**one}
        known = ", ".join(str(one.get("name")) for one in mirrors)
        message = f"{self.datastack_name} has no image mirror {image_mirror!r}: {known}"
        raise InvalidQueryError(message)

    def get_image_mirrors(self, datastack_name: str | None = None) -> list[JsonObject]:
        """Return where the images lie: name and source. Freshness: a day."""
        if self._is_other(datastack_name):
            return self._plain().get_image_mirrors(datastack_name)
        return self._of.catalog.image_mirrors()

    def get_image_mirror_names(self, datastack_name: str | None = None) -> list[str]:
        """Return the names of the image mirrors. Freshness: a day."""
        return [str(one["name"]) for one in self.get_image_mirrors(datastack_name)]

    def local_server(
        self, datastack_name: str | None = None, use_stored: bool = True
    ) -> str:
        """Return the address of the datastack's own services. Freshness: a day."""
        return self._named("local_server", datastack_name, use_stored=use_stored)

    def viewer_site(
        self, datastack_name: str | None = None, use_stored: bool = True
    ) -> str:
        """Return the address of the datastack's viewer. Freshness: a day."""
        return self._named("viewer_site", datastack_name, use_stored=use_stored)

    def image_source(
        self,
        datastack_name: str | None = None,
        use_stored: bool = True,
        format_for: str = "raw",
        image_mirror: str | None = None,
    ) -> str:
        """Return the cloud path of the images. Freshness: a day."""
        volume = self.get_aligned_volume_info(datastack_name, use_stored, image_mirror)
        return _path(volume, "image_source", format_for)

    def segmentation_source(
        self,
        datastack_name: str | None = None,
        use_stored: bool = True,
        format_for: str = "raw",
    ) -> str:
        """Return the path of the segmentation. Freshness: a day."""
        record = self.get_datastack_info(datastack_name, use_stored)
        return _path(record, "segmentation_source", format_for)

    def synapse_segmentation_source(
        self,
        datastack_name: str | None = None,
        use_stored: bool = True,
        format_for: str = "raw",
    ) -> str:
        """Return the path of the synapses' segmentation. Freshness: a day."""
        record = self.get_datastack_info(datastack_name, use_stored)
        return _path(record, "synapse_segmentation_source", format_for)

    def viewer_resolution(
        self, datastack_name: str | None = None, use_stored: bool = True
    ) -> npt.NDArray[np.float64]:
        """Return the nanometres per voxel of the viewer. Freshness: a day."""
        record: Mapping[str, Any] = self.get_datastack_info(datastack_name, use_stored)
        return np.array([record[axis] for axis in _AXES])

    def image_cloudvolume(
        self, image_mirror: str | None = None, **kwargs: object
    ) -> "CloudVolume":
        """Return the images as a CloudVolume. Its voxels are asked each time."""
        with _volumes():
            return self._plain().image_cloudvolume(image_mirror, **kwargs)

    def segmentation_cloudvolume(
        self, use_client_secret: bool = True, **kwargs: object
    ) -> "CloudVolume":
        """Return the segmentation as a CloudVolume. It is asked each time."""
        with _volumes():
            return self._plain().segmentation_cloudvolume(use_client_secret, **kwargs)

    def _record(
        self, *, use_stored: bool = True, mirror: str | None = None
    ) -> JsonObject:
        return self._of.catalog.info(mirror=mirror or "", refresh=not use_stored)

    def _named(self, name: str, datastack_name: str | None, *, use_stored: bool) -> Any:  # noqa: ANN401  the service may name none
        return self.get_datastack_info(datastack_name, use_stored).get(name)

    def _connected(self) -> Any:  # noqa: ANN401  caveclient has no types
        return self._of.origin.session.client.info


def _path(record: JsonObject, name: str, format_for: str) -> Any:  # noqa: ANN401  the service may name none
    from cortical_cache.sources.cave.paths import formatted

    path = record.get(name)
    return None if path is None else formatted(str(path), format_for)


@contextmanager
def _volumes() -> Generator[None]:
    try:
        yield
    except ImportError as error:
        message = "volumes need a library: pip install cloud-volume"
        raise ConfigurationError(message) from error
