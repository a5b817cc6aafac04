"""Make a held export the mirror of a table or view."""

from collections.abc import Mapping
from dataclasses import replace

from cortical_cache.model.shape import TableShape
from cortical_cache.model.subject import Subject
from cortical_cache.store import Commit, RowSet
from cortical_cache.store.adopt import adopt

__all__ = ["mirror_shape", "promote"]


def mirror_shape(commit: Commit, subject: Subject) -> TableShape:
    """Return the shape of the table that an export mirrors, from its own columns.

    For a version whose server is gone and tells no shape any more. No reply ever
    shows ``deleted``.
    """
    columns = tuple(one for one in commit.shape.columns if one.name != "deleted")
    return TableShape(
        name=subject.name,
        kind=subject.kind,
        columns=subject.view_columns if subject.kind == "view" else columns,
        is_merged=subject.kind == "view" or commit.shape.is_merged,
        voxel_resolution=subject.voxel_resolution,
        reference_table=subject.reference_table,
    )


def promote(
    source: RowSet,
    commit: Commit,
    target: RowSet,
    shape: TableShape,
    details: Mapping[str, str],
) -> Commit:
    """Commit an export's rows as the whole of a table or view.

    The database holds positions in the table's voxels, and so does its dump: the
    files are shared, and their positions are exact doubles.

    Parameters
    ----------
    source : RowSet
        Of the export.
    commit : Commit
        That holds it.
    target : RowSet
        Of the table or view.
    shape : TableShape
        Of the table or view; the export has all its columns.
    details : mapping of str to str
        How it was proved, for the provenance.
    """
    provenance = replace(
        commit.provenance, details={**commit.provenance.details, **details}
    )
    superseded = [one.id for one in target.state().commits]
    return adopt(
        target,
        source,
        commit,
        shape=shape,
        provenance=provenance,
        supersedes=superseded,
    )
