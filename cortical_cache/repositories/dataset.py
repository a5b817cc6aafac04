"""Everything that answers for one dataset, put together."""

from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING

from cortical_cache.cache.facts import Clock, Facts, utc_now
from cortical_cache.cache.frames import Frames
from cortical_cache.cache.origin import Origin
from cortical_cache.cache.rows import RowCache
from cortical_cache.model.dataset import Dataset, Home
from cortical_cache.repositories.catalog import Catalog
from cortical_cache.repositories.live import Live
from cortical_cache.repositories.replies import Replies
from cortical_cache.repositories.tables import Tables
from cortical_cache.repositories.versions import Versions
from cortical_cache.settings import Settings
from cortical_cache.store import DatasetStore, Disk, Store

if TYPE_CHECKING:
    from cortical_cache.engine import Engine
    from cortical_cache.repositories.cells import Cells
    from cortical_cache.repositories.diff import Diffs
    from cortical_cache.repositories.exports import Exports
    from cortical_cache.repositories.level2 import Level2
    from cortical_cache.repositories.level2graph import Level2Graph
    from cortical_cache.repositories.lineage import Lineage
    from cortical_cache.repositories.locking import Locking
    from cortical_cache.repositories.meshes import Meshes
    from cortical_cache.repositories.pins import Pins
    from cortical_cache.repositories.places import Places
    from cortical_cache.repositories.refreshing import Refreshes
    from cortical_cache.repositories.roots import Roots
    from cortical_cache.repositories.skeletons import Skeletons
    from cortical_cache.repositories.states import States
    from cortical_cache.repositories.upkeep import Upkeep

__all__ = ["Repositories", "open_dataset"]


@dataclass(frozen=True)
class Repositories:
    """The repositories of one dataset and what they stand on.

    Those that compute with numpy are made when first asked: importing it takes longer
    than everything else that a client needs to start.
    """

    home: Home
    settings: Settings
    store: DatasetStore
    origin: Origin
    rows: RowCache
    versions: Versions
    catalog: Catalog
    tables: Tables
    live: Live
    facts: Facts
    clock: Clock

    @cached_property
    def roots(self) -> "Roots":
        """What is known of root ids."""
        from cortical_cache.repositories.roots import Roots

        return Roots(self.store, self.origin, self.versions, self.clock)

    @cached_property
    def places(self) -> "Places":
        """Which root a supervoxel had when."""
        from cortical_cache.repositories.places import Places

        return Places(self.store, self.origin, self.versions, self.roots)

    @cached_property
    def cells(self) -> "Cells":
        """Cell ids and root ids."""
        from cortical_cache.repositories.cells import Cells

        return Cells(
            store=self.store,
            origin=self.origin,
            versions=self.versions,
            catalog=self.catalog,
            tables=self.tables,
            live=self.live,
            roots=self.roots,
            places=self.places,
            clock=self.clock,
        )

    @cached_property
    def lineage(self) -> "Lineage":
        """Leaves and lineage of roots."""
        from cortical_cache.repositories.lineage import Lineage

        return Lineage(self.store, self.origin, self.versions, self.facts)

    @cached_property
    def level2(self) -> "Level2":
        """Attributes of level-2 nodes."""
        from cortical_cache.repositories.level2 import Level2

        return Level2(self.store, self.origin, self.catalog, self.facts, self.clock)

    @cached_property
    def level2graph(self) -> "Level2Graph":
        """Which level-2 nodes touch, and where they lie."""
        from cortical_cache.repositories.level2graph import Level2Graph

        return Level2Graph(self.store, self.origin, self.versions, self.facts)

    @cached_property
    def skeletons(self) -> "Skeletons":
        """Skeletons of roots."""
        from cortical_cache.repositories.skeletons import Skeletons

        return Skeletons(self.store, self.origin, self.facts, self.clock)

    @cached_property
    def meshes(self) -> "Meshes":
        """Meshes of roots."""
        from cortical_cache.repositories.meshes import Meshes

        return Meshes(self.store, self.origin, self.roots, self.facts, self.clock)

    @cached_property
    def states(self) -> "States":
        """Neuroglancer states."""
        from cortical_cache.repositories.states import States

        return States(self.origin, self.facts)

    @cached_property
    def diffs(self) -> "Diffs":
        """Differences between versions."""
        from cortical_cache.repositories.diff import Diffs

        return Diffs(self.dataset, self.catalog, self.versions, self.rows, self.origin)

    @cached_property
    def exports(self) -> "Exports":
        """Bulk exports."""
        from cortical_cache.cache.exports import ExportCache
        from cortical_cache.repositories.exports import Exports
        from cortical_cache.repositories.promotions import Promotions

        offline = self.settings.offline
        return Exports(
            dataset=self.dataset,
            facts=self.facts,
            rows=self.rows,
            cache=ExportCache(self.store, self.clock),
            promotions=Promotions(
                self.catalog, self.versions, self.rows, offline=offline
            ),
            offline=offline,
        )

    @cached_property
    def upkeep(self) -> "Upkeep":
        """Damage, and its repair."""
        from cortical_cache.repositories.upkeep import Upkeep

        return Upkeep(
            self.store,
            self.catalog,
            self.rows,
            self.exports,
            server=self.dataset.server_address,
            offline=self.settings.offline,
        )

    @cached_property
    def refreshes(self) -> "Refreshes":
        """Asking again."""
        from cortical_cache.repositories.refreshing import Refreshes

        return Refreshes(
            self.store,
            self.facts,
            self.catalog,
            self.versions,
            self.rows,
            self.clock,
            offline=self.settings.offline,
        )

    @cached_property
    def locking(self) -> "Locking":
        """Lock files."""
        from cortical_cache.repositories.locking import Locking

        return Locking(self.dataset, self.store, self.versions, self.pins)

    @cached_property
    def pins(self) -> "Pins":
        """What is to stay."""
        from cortical_cache.repositories.pins import Pins

        return Pins(self.store, self.dataset.name)

    @property
    def dataset(self) -> Dataset:
        """The dataset."""
        return self.home.dataset


def open_dataset(
    home: Home, settings: Settings, *, clock: Clock = utc_now
) -> Repositories:
    """Put a dataset's repositories together. No socket, no folder made.

    Parameters
    ----------
    home : Home
        The dataset and its place in the store.
    settings : Settings
    clock : callable
        Tells the time.
    """
    store = Store(
        settings.cache_dir,
        Disk(group_readable=settings.group_readable),
        max_size=settings.max_size,
        layers=settings.layers,
    ).dataset(home.folder, datastack=home.dataset.datastack, server=home.source)
    origin = Origin(home.dataset, offline=settings.offline, timeout=settings.timeout)
    facts = Facts(store, offline=settings.offline, clock=clock)
    rows = RowCache(store, facts, origin, clock)
    versions = Versions(home, settings, store, facts, origin, clock)
    catalog = Catalog(home.dataset, facts, origin)
    frames = Frames(store, home.dataset.server_address, clock)

    @cache
    def engine() -> "Engine":
        # It takes two seconds to import; whoever asks for no rows does not pay them.
        from cortical_cache.engine import Engine

        return Engine()

    replies = Replies(
        catalog=catalog,
        versions=versions,
        store=store,
        rows=rows,
        origin=origin,
        frames=frames,
    )
    tables = Tables(
        catalog=catalog,
        versions=versions,
        rows=rows,
        replies=replies,
        origin=origin,
        engine=engine,
    )
    live = Live(catalog, versions, tables, frames, origin, clock)
    return Repositories(
        home=home,
        settings=settings,
        store=store,
        origin=origin,
        rows=rows,
        versions=versions,
        catalog=catalog,
        tables=tables,
        live=live,
        facts=facts,
        clock=clock,
    )
