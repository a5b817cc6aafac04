"""What every part of a client stands on: the repositories, and ``client.cached``."""

from typing import TYPE_CHECKING

from cortical_cache.policy.answering import DEFAULT, Options
from cortical_cache.repositories.dataset import Repositories

if TYPE_CHECKING:
    from cortical_cache.client.cached import Cached

__all__ = ["Base"]


class Base:
    """The floor of a client.

    Parameters
    ----------
    repositories : Repositories
        Everything that answers for the dataset.
    options : Options
        What its queries allow.
    """

    def __init__(self, repositories: Repositories, options: Options = DEFAULT) -> None:
        self.repositories = self._of = repositories
        self._options = options
        self._cached: Cached | None = None

    @property
    def cached(self) -> "Cached":
        """The shape of a CAVEclient, answered from the store where it can be."""
        if self._cached is None:
            from cortical_cache.client.cached import Cached

            self._cached = Cached(self._of, self._options)
        return self._cached
