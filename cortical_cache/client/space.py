"""A dataset's own space: from nanometres or voxels to oriented micrometres."""

from typing import TYPE_CHECKING, Any

from cortical_cache.errors import ConfigurationError
from cortical_cache.model.dataset import Dataset

if TYPE_CHECKING:
    from standard_transform.datasets import Dataset as Space

__all__ = ["EXTRA", "space_of"]

EXTRA = "cortical-cache[skeletons]"
"""What to install for skeletons and transforms."""


def space_of(dataset: Dataset) -> "Space":
    """Return the ``standard_transform`` of a dataset.

    Raises
    ------
    ConfigurationError
        If the dataset names none, or one that there is not, or the library is missing.
    """
    if dataset.transform is None:
        raise ConfigurationError(
            f"{dataset.name} names no transform; in the configuration file, set "
            "`transform` to a dataset of standard_transform, e.g. minnie_ds"
        )
    try:
        import standard_transform
    except ImportError as error:
        message = f"transforms need a library: pip install '{EXTRA}'"
        raise ConfigurationError(message) from error
    library: Any = standard_transform
    space = getattr(library, dataset.transform, None)
    if space is None or not isinstance(space, library.datasets.Dataset):
        raise ConfigurationError(
            f"{dataset.name} names the transform {dataset.transform!r}, and "
            "standard_transform has none of that name; it has minnie_ds and v1dd_ds"
        )
    return space
