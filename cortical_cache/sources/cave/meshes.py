"""Meshes, read by cloud-volume from where the segmentation keeps them.

The one place where cloud-volume is used. It takes a second to import.
"""

import logging
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from cortical_cache.errors import (
    ConfigurationError,
    CorticalCacheError,
    InvalidQueryError,
    ServerError,
)
from cortical_cache.sources.cave.faults import translated
from cortical_cache.sources.cave.session import CaveSession

__all__ = ["EXTRA", "CaveMeshes", "MeshArrays", "as_mesh"]

EXTRA = "cortical-cache[meshes]"
"""What to install for meshes."""

MeshArrays = tuple[npt.NDArray[np.float32], npt.NDArray[np.uint32]]
"""Vertices in nm, shape (n, 3), and faces, shape (m, 3)."""

_LEVEL_2 = 2


def as_mesh(root: int, arrays: MeshArrays) -> Any:  # noqa: ANN401  it has no types
    """Return a ``cloudvolume.Mesh``.

    Raises
    ------
    ConfigurationError
        If cloud-volume is not installed.
    """
    return _library().Mesh(*arrays, segid=root)


class CaveMeshes:
    """Ask for meshes. Remembers nothing but the volume's metadata.

    Parameters
    ----------
    session : CaveSession
    """

    def __init__(self, session: CaveSession) -> None:
        self._session = session
        self._server = session.server_address
        self._volume: Any = None

    def get(self, node: int, options: dict[str, Any]) -> MeshArrays | None:
        """Return the mesh of a root, or None if there is none.

        Parameters
        ----------
        node : int
        options : dict
            Of cloud-volume's ``mesh.get``.

        Raises
        ------
        InvalidQueryError
            If cloud-volume knows no such option.
        ServerError
            If a piece of it is missing or cannot be read.
        """
        what = f"the mesh of {node}"
        with translated(self._server, what):
            volume = self._opened()
            drawn = volume.meta.mesh_metadata is not None
            if drawn and volume.meta.decode_layer_id(node) != _LEVEL_2:
                # Draco meshes are sewn already; it would only print that it does not.
                options = {**options, "deduplicate_chunk_boundaries": False}
            try:
                with _quiet():
                    found = volume.mesh.get(node, fuse=False, **options)
            except IndexError:
                return None
            except (OSError, CorticalCacheError):  # requests' errors are the former
                raise
            except Exception as error:
                if "unexpected keyword argument" in str(error):
                    message = f"cloud-volume refuses {what}: {error}"
                    raise InvalidQueryError(message) from error
                message = f"{self._server} gave a mesh of {node} that cannot be read"
                raise ServerError(f"{message}: {error}") from error
        mesh = found.get(node)
        return None if mesh is None else (mesh.vertices, mesh.faces)

    def _opened(self) -> Any:  # noqa: ANN401  cloud-volume has no types
        if self._volume is None:
            _library()
            info: Any = self._session.client.info
            self._volume = info.segmentation_cloudvolume(progress=False)
        return self._volume


@contextmanager
def _quiet() -> Generator[None]:
    """Keep urllib3 from warning of every connection that cloud-files has too many."""
    logger = logging.getLogger("urllib3.connectionpool")

    def is_news(record: logging.LogRecord) -> bool:
        return "pool is full" not in str(record.msg)

    logger.addFilter(is_news)
    try:
        yield
    finally:
        logger.removeFilter(is_news)


def _library() -> Any:  # noqa: ANN401  cloud-volume has no types
    try:
        import cloudvolume
    except ImportError as error:
        message = f"meshes need a library: pip install '{EXTRA}'"
        raise ConfigurationError(message) from error
    return cloudvolume
