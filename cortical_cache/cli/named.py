"""A client by what stands on the command line: a dataset, with a version if need be."""

from cortical_cache.client import Client, load_client
from cortical_cache.errors import ConfigurationError

__all__ = ["client_of"]


def client_of(text: str) -> Client:
    """Return the client of ``NAME`` or ``NAME@VERSION``. Opens no socket.

    Raises
    ------
    ConfigurationError
        If the version is no number.
    UnknownNameError
        If there is no such dataset.
    """
    name, _, version = text.partition("@")
    if version and not version.isdecimal():
        raise ConfigurationError(f"{version!r} is no version; write {name}@1300")
    return load_client(name, version=int(version) if version else None)
