"""Where a dataset's data come from, connected when first needed.

caveclient takes a second to import and five requests to connect; whoever only reads
the store pays for neither.
"""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from cortical_cache.model.dataset import Dataset

if TYPE_CHECKING:
    from cortical_cache.sources.cave.annotations import CaveAnnotations
    from cortical_cache.sources.cave.fetch import CaveFetch
    from cortical_cache.sources.cave.graph import CaveGraph
    from cortical_cache.sources.cave.level2 import CaveLevel2
    from cortical_cache.sources.cave.meshes import CaveMeshes
    from cortical_cache.sources.cave.metadata import CaveMetadata
    from cortical_cache.sources.cave.session import CaveSession
    from cortical_cache.sources.cave.skeletons import CaveSkeletons
    from cortical_cache.sources.cave.states import CaveStates

__all__ = ["Origin"]


class Origin:
    """CAVE for one dataset.

    Parameters
    ----------
    dataset : Dataset
    offline : bool
        Using it raises `NotCachedError` before a socket is opened.
    timeout : float
        Seconds that the server may be silent.
    """

    def __init__(
        self, dataset: Dataset, *, offline: bool, timeout: float = 300.0
    ) -> None:
        self.dataset = dataset
        self.offline = offline
        self._timeout = timeout
        self._lock = threading.Lock()
        self._session: CaveSession | None = None
        self._meshes: CaveMeshes | None = None

    @property
    def session(self) -> "CaveSession":
        """The connection."""
        from cortical_cache.sources.cave.session import CaveSession
        from cortical_cache.sources.cave.transport import patient

        with self._lock:
            if self._session is None:
                self._session = CaveSession(
                    self.dataset.datastack,
                    self.dataset.server_address,
                    offline=self.offline,
                    patience=patient(self._timeout),
                )
            return self._session

    @property
    def answers(self) -> int:
        """Requests that were answered so far. Grows with each; connects nothing."""
        return 0 if self._session is None else self._session.answers

    @property
    def metadata(self) -> "CaveMetadata":
        """Versions, tables, views and schemas."""
        from cortical_cache.sources.cave.metadata import CaveMetadata

        return CaveMetadata(self.session)

    @property
    def graph(self) -> "CaveGraph":
        """The chunkedgraph."""
        from cortical_cache.sources.cave.graph import CaveGraph

        return CaveGraph(self.session)

    @property
    def level2(self) -> "CaveLevel2":
        """The L2 cache."""
        from cortical_cache.sources.cave.level2 import CaveLevel2

        return CaveLevel2(self.session)

    @property
    def meshes(self) -> "CaveMeshes":
        """Meshes; the same each time, as it opens the volume only once."""
        from cortical_cache.sources.cave.meshes import CaveMeshes

        session = self.session
        with self._lock:
            if self._meshes is None:
                self._meshes = CaveMeshes(session)
            return self._meshes

    @property
    def skeletons(self) -> "CaveSkeletons":
        """The skeleton service."""
        from cortical_cache.sources.cave.skeletons import CaveSkeletons

        return CaveSkeletons(self.session)

    @property
    def states(self) -> "CaveStates":
        """The state server."""
        from cortical_cache.sources.cave.states import CaveStates

        return CaveStates(self.session)

    @property
    def annotations(self) -> "CaveAnnotations":
        """The annotation service."""
        from cortical_cache.sources.cave.annotations import CaveAnnotations

        return CaveAnnotations(self.session)

    def fetch(self, cap: int | None, learn: Callable[[int], None]) -> "CaveFetch":
        """Rows of tables and views, given and told the server's cap."""
        from cortical_cache.sources.cave.fetch import CaveFetch
        from cortical_cache.sources.cave.rows import CaveRows

        return CaveFetch(CaveRows(self.session), cap, learn)
