"""What is not answered from the store is caveclient's own."""

from abc import ABC, abstractmethod
from typing import Any

from cortical_cache.repositories.dataset import Repositories

__all__ = ["PassThrough"]


class PassThrough(ABC):
    """Answers some names of an object of caveclient, and passes the rest on to it.

    Parameters
    ----------
    repositories : Repositories
    """

    def __init__(self, repositories: Repositories) -> None:
        self._of = repositories

    @abstractmethod
    def _plain(self) -> Any:  # noqa: ANN401  caveclient has no types
        """Return caveclient's own object, connected on first use.

        Raises
        ------
        NotCachedError
            If offline.
        """

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  caveclient's own
        """Pass every other public name on to caveclient."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._plain(), name)

    def _is_other(self, datastack_name: str | None) -> bool:
        """Tell whether another datastack is asked about, which the store is not of."""
        return datastack_name not in {None, self._of.dataset.datastack}
