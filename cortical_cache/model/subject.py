"""A table or view of one version, before any of its rows are known."""

from dataclasses import dataclass

from cortical_cache.model.shape import Column, Kind

__all__ = ["Subject"]


@dataclass(frozen=True, slots=True)
class Subject:
    """What CAVE's metadata say of a table or view, and its rows do not.

    Attributes
    ----------
    kind : {"table", "view"}
    name : str
    version : int
    voxel_resolution : tuple of float
        Nanometres per voxel, x, y, z.
    reference_table : str or None
        The table that ``target_id`` points to.
    view_columns : tuple of Column
        Of a view, from its schema; its all-NULL columns arrive as strings.
    """

    kind: Kind
    name: str
    version: int
    voxel_resolution: tuple[float, float, float]
    reference_table: str | None = None
    view_columns: tuple[Column, ...] = ()

    def __str__(self) -> str:
        """Name it for a message."""
        return f"{self.kind} {self.name} of version {self.version}"

    @property
    def page_column(self) -> str | None:
        """An integer column to cut the rows by: the id, or a view's best one."""
        if self.kind == "table":
            return "id"
        names = [column.name for column in self.view_columns if column.type == "bigint"]
        if "id" in names:
            return "id"
        return names[0] if names else None
