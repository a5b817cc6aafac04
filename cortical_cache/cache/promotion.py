"""Make a held export the mirror of a table or view."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from cortical_cache.model.coverage import Columns, Whole
from cortical_cache.model.shape import TableShape
from cortical_cache.model.subject import Subject
from cortical_cache.store import Commit, RowSet
from cortical_cache.store.adopt import adopt

__all__ = ["mirror_shape", "promote"]


def mirror_shape(
    commit: Commit, subject: Subject, order: Sequence[str], *, is_merged: bool
) -> TableShape:
    """Return the shape of the table that an export mirrors, from its own columns.

    For a version whose server is gone and tells no shape any more. No reply ever
    shows ``deleted``.

    Parameters
    ----------
    commit : Commit
        Of the export.
    subject : Subject
    order : sequence of str
        The table's columns as the server has them; others stand last.
    is_merged : bool
        Of the version.
    """
    place = {name: number for number, name in enumerate(order)}
    known = subject.view_columns if subject.kind == "view" else commit.shape.columns
    columns = [one for one in known if one.name != "deleted"]
    return TableShape(
        name=subject.name,
        kind=subject.kind,
        columns=tuple(sorted(columns, key=lambda one: place.get(one.name, len(place)))),
        is_merged=subject.kind == "view" or is_merged,
        voxel_resolution=subject.voxel_resolution,
        reference_table=subject.reference_table,
    )


def promote(  # noqa: PLR0913  what is promoted to what, and why
    source: RowSet,
    commit: Commit,
    target: RowSet,
    shape: TableShape,
    *,
    details: Mapping[str, str],
    lacking: frozenset[str] | None,
) -> Commit:
    """Commit an export's rows as all rows of a table or view.

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
        Of the table or view.
    details : mapping of str to str
        How it was proved, for the provenance.
    lacking : frozenset of str or None
        Columns of the table that the export does not have, or has rounded; None: it
        has all.
    """
    has = set(commit.shape.stored_columns)
    there = tuple(
        one
        for one in shape.columns
        if has.issuperset(one.stored) and one.name not in (lacking or ())
    )
    provenance = replace(
        commit.provenance, details={**commit.provenance.details, **details}
    )
    return adopt(
        target,
        source,
        commit,
        shape=replace(shape, columns=there),
        coverage=Whole() if lacking is None else Columns(lacking),
        provenance=provenance,
        supersedes=[
            one.id
            for one in target.state().commits
            if lacking is None or isinstance(one.coverage, Columns)
        ],
    )
