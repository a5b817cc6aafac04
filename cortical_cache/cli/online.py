"""What a command says that asks the server, where no socket may be opened."""

from cortical_cache.errors import ConfigurationError
from cortical_cache.settings import Settings

__all__ = ["require_online"]


def require_online(command: str, settings: Settings, lacks: str = "") -> None:
    """Make sure that a command may ask the server.

    Parameters
    ----------
    command : str
        The words that call it, without ``cortical-cache``.
    settings : Settings
    lacks : str
        What it would ask for, with its verb: ``the skeleton of 7 is``.

    Raises
    ------
    ConfigurationError
        If offline.
    """
    if settings.offline:
        why = f"{lacks} not cached, and " if lacks else ""
        raise ConfigurationError(
            f"{why}{command} needs the network; unset CORTICAL_CACHE_OFFLINE, or "
            f"`offline` in {settings.config_file}"
        )
