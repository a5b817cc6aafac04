"""Rows that are on this disk, ready to be asked."""

from dataclasses import dataclass

from cortical_cache.model.coverage import Piece
from cortical_cache.model.shape import TableShape

__all__ = ["HeldRows"]


@dataclass(frozen=True, slots=True)
class HeldRows:
    """The held rows of one table or view at one version.

    Attributes
    ----------
    shape : TableShape
        Columns, types and units.
    pieces : tuple of Piece
        Disjoint: no row is in two of them.
    exact : bool
        Positions and floats are the database's own (from an export), not the rounded
        voxels and Float32 of a reply.
    """

    shape: TableShape
    pieces: tuple[Piece, ...]
    exact: bool = False
