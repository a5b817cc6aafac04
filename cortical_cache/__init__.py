"""Ask CAVE a question once: a local, versioned cache for connectomics tables.

>>> from cortical_cache import load_client
>>> client = load_client("minnie_public", version=1300)

Importing this package loads none of the heavy libraries and opens no socket.
"""

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cortical_cache.client import Client, load_client

    __version__: str

__all__ = ["Client", "__version__", "load_client"]

logging.getLogger(__name__).addHandler(logging.NullHandler())


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("cortical-cache")
    if name in __all__:
        from cortical_cache import client

        return getattr(client, name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return [*__all__, *globals()]
