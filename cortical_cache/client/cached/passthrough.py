"""What is not answered from the store is caveclient's own."""

from abc import ABC, abstractmethod
from typing import Any

from cortical_cache.cache.origin import Origin
from cortical_cache.repositories.dataset import Repositories
from cortical_cache.repositories.missing import require

__all__ = ["PassThrough"]


class PassThrough(ABC):
    """Answers some names of an object of caveclient, and passes the rest on to it.

    Parameters
    ----------
    repositories : Repositories
    """

    _service = ""
    """What ``client.cached`` calls it, for a message; nothing for itself."""

    def __init__(self, repositories: Repositories) -> None:
        self._of = repositories

    @abstractmethod
    def _connected(self) -> Any:  # noqa: ANN401  caveclient has no types
        """Return caveclient's own object, connected on first use."""

    def _plain(self) -> Any:  # noqa: ANN401  caveclient has no types
        """Return caveclient's own object; offline one that refuses by name."""
        if self._of.origin.offline:
            return _Refusing(self._of.origin, self._service)
        return self._connected()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  caveclient's own
        """Pass every other public name on to caveclient."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._plain(), name)

    def _is_other(self, datastack_name: str | None) -> bool:
        """Tell whether another datastack is asked about, which the store is not of.

        Raises
        ------
        NotCachedError
            If one is, offline.
        """
        is_other = datastack_name not in {None, self._of.dataset.datastack}
        if is_other:
            require(self._of.origin, f"datastack {datastack_name} is")
        return is_other


class _Refusing:
    """Stands in for an object of caveclient where no socket may be opened."""

    def __init__(self, origin: Origin, service: str) -> None:
        self._origin = origin
        self._service = service

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  it has none
        """Say that what is asked of the server is not held."""
        asked = f"{self._service}.{name}" if self._service else name
        of = self._origin.dataset.name
        require(self._origin, f"what {asked} of {of} gives is")
        raise AttributeError(name)
