"""Objects that are arrays: NumPy's ``.npz``, compressed as a whole."""

import gzip
import io

import numpy as np
import numpy.typing as npt

from cortical_cache.errors import CorruptStoreError
from cortical_cache.store.objects import Objects

__all__ = ["read_arrays", "write_arrays"]

Array = npt.NDArray[np.generic]

_LEVEL = 1  # a higher one takes three times as long for a tenth less


def write_arrays(objects: Objects, name: str, arrays: dict[str, Array]) -> None:
    """Keep arrays under a name; when this returns they would survive a power cut.

    Raises
    ------
    OSError
        If the disk is full or fails. Nothing is left behind.
    """
    plain = io.BytesIO()
    np.savez(plain, allow_pickle=False, **arrays)
    objects.write(name, gzip.compress(plain.getbuffer(), _LEVEL, mtime=0))


def read_arrays(objects: Objects, name: str) -> dict[str, Array] | None:
    """Return what is kept under a name, or None.

    Raises
    ------
    CorruptStoreError
        If it is damaged.
    """
    plain = objects.read(name)
    if plain is None:
        return None
    try:
        with np.load(io.BytesIO(plain), allow_pickle=False) as found:
            return {key: found[key] for key in found.files}
    except (ValueError, OSError, KeyError) as error:
        raise CorruptStoreError(f"{name} holds no arrays: {error}") from error
