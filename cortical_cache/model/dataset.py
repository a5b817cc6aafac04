"""What distinguishes one dataset from another, as data."""

from dataclasses import dataclass

__all__ = ["AlternativeTable", "Dataset", "Home"]


@dataclass(frozen=True, slots=True)
class AlternativeTable:
    """A reference table whose points stand in for those of the main table.

    Attributes
    ----------
    name : str
        e.g. ``nucleus_alternative_points``.
    root_id_column : str
        The argument of the table manager that filters by its own root id.
    """

    name: str
    root_id_column: str = "pt_ref_root_id"


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset: where it is served, and which tables name its cells.

    Attributes
    ----------
    name : str
        Our name, and the folder's: ``minnie_public``.
    datastack : str
        CAVE's name: ``minnie65_public``.
    server_address : str
        Global CAVE server, with scheme.
    main_table : str
        Table whose ids are the cell ids.
    lookup_view : str or None
        View from cell id to supervoxel and root id, alternative points included.
    alternative_tables : tuple of AlternativeTable
        Consulted when a root has no nucleus of its own.
    core_tables : tuple of str
        What ``sync --tables core`` fetches beside the tables above: cell types,
        proofreading. Names that a version lacks are passed over.
    transform : str or None
        Name of a ``standard_transform`` dataset, e.g. ``minnie_ds``.
    export_locations : tuple of str
        Known cloud folders with bulk exports.
    aliases : tuple of str
        Other names for the same dataset and folder.
    """

    name: str
    datastack: str
    server_address: str
    main_table: str = "nucleus_detection_v0"
    lookup_view: str | None = None
    alternative_tables: tuple[AlternativeTable, ...] = ()
    core_tables: tuple[str, ...] = ()
    transform: str | None = None
    export_locations: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()

    @property
    def cell_tables(self) -> tuple[str, ...]:
        """Tables that the cell id maps are made of, the main table first."""
        return (self.main_table, *(table.name for table in self.alternative_tables))


@dataclass(frozen=True, slots=True)
class Home:
    """A dataset as this machine is set up to use it.

    Attributes
    ----------
    dataset : Dataset
        Its `server_address` is the one to ask.
    folder : str
        Folder of the store. A server other than the dataset's own has its own
        folder, unless declared to hold the same data, so that what a test or a
        mirror says can never pass for the real dataset's answer.
    source : str
        The server that the folder's content is bound to.
    pinned : int or None
        Materialization version that the configuration pins.
    """

    dataset: Dataset
    folder: str
    source: str
    pinned: int | None
