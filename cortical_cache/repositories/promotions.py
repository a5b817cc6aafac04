"""Prove that an export is all of a table or view, and let it answer for that.

Names only suggest. The proof is the server's count of the rows that queries show; of a
version that the server has dropped, where nothing can be counted any more, it is that
the dump itself came whole: its end, its CRC and the object's checksum.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from cortical_cache.cache.promotion import mirror_shape, promote
from cortical_cache.cache.rows import RowCache
from cortical_cache.errors import (
    CorticalCacheError,
    UnknownNameError,
    VersionExpiredError,
)
from cortical_cache.model.annotation import model_columns
from cortical_cache.model.export import Candidate, Export, candidates
from cortical_cache.model.json import as_object
from cortical_cache.model.quantities import counted
from cortical_cache.model.shape import Kind, TableShape, names
from cortical_cache.model.subject import Subject
from cortical_cache.repositories.catalog import Catalog
from cortical_cache.repositories.versions import Versions
from cortical_cache.store import Commit, RowSet

__all__ = ["Promote", "Promotion", "Promotions"]

log = logging.getLogger(__name__)

Promote = Literal["auto", "count", "none"]


@dataclass(frozen=True, slots=True)
class Promotion:
    """Whether an export answers for a table or view.

    Attributes
    ----------
    kind : {"table", "view"} or None
    name : str or None
        None: it answers for none.
    proof : {"count", "dump"} or None
    reason : str
        Why, or why not.
    """

    kind: Kind | None
    name: str | None
    proof: str | None
    reason: str


class Promotions:
    """Makes exports mirrors.

    Parameters
    ----------
    catalog, versions, rows
        Collaborators.
    offline : bool
    """

    def __init__(
        self,
        catalog: Catalog,
        versions: Versions,
        rows: RowCache,
        *,
        offline: bool,
    ) -> None:
        self._catalog = catalog
        self._versions = versions
        self._rows = rows
        self._offline = offline

    def subjects(self, export: Export) -> Iterator[tuple[Candidate, Subject]]:
        """Yield the tables and views that an export may be a mirror of.

        Nothing if the version's lists are neither held nor to be had.
        """
        for candidate in candidates(export.name):
            try:
                self._versions.ensure(export.version)
                found = self._catalog.subject(candidate.name, export.version)
            except UnknownNameError:
                continue
            except CorticalCacheError as error:
                log.debug("%s: %s", export, error)
                return
            yield candidate, found

    def promote(
        self, export: Export, source: RowSet, commit: Commit, how: Promote
    ) -> Promotion:
        """Let an export answer for the table or view that it is proved to be all of.

        A second call finds that it does already, and changes nothing.

        Parameters
        ----------
        export : Export
        source : RowSet
            Of the export.
        commit : Commit
            That holds it.
        how : {"auto", "count", "none"}
            ``"count"``: only if the server's count proves it. ``"auto"``: of an
            expired version the dump's own proof will do.
        """
        if how == "none":
            return _none("not asked for")
        reasons: list[str] = []
        for candidate, subject in self.subjects(export):
            target = self._rows.row_set(subject)
            proved = _proved(target, commit)
            if proved is not None:
                return Promotion(subject.kind, subject.name, proved, "it does already")
            proof, reason = self._prove(candidate, subject, commit, how)
            if proof is None:
                reasons.append(reason)
                continue
            shaped = self._shape(subject, commit)
            if shaped is None:
                reasons.append(f"nobody can tell now what columns {subject} has")
                continue
            shape, lacking = shaped
            vital = _vital(subject, proof) & (lacking or frozenset())
            if vital:
                named = ", ".join(sorted(vital))
                reasons.append(f"it lacks columns of {subject}: {named}")
                continue
            details = {"proof": proof, "export": export.name}
            with target.fetch_lock("whole"):
                promote(source, commit, target, shape, details=details, lacking=lacking)
            if lacking is not None:
                reason = f"{reason}; it lacks {', '.join(sorted(lacking))}"
            return Promotion(subject.kind, subject.name, proof, reason)
        return _none("; ".join(reasons) or "no table or view of that name is known")

    def _prove(
        self, candidate: Candidate, subject: Subject, commit: Commit, how: Promote
    ) -> tuple[str | None, str]:
        valid = int(commit.provenance.details["valid_rows"])
        try:
            count = self._count(subject)
        except VersionExpiredError:
            if how == "auto" and not candidate.needs_count:
                return "dump", "the version has expired and the dump came whole"
            return None, f"{subject} has expired: its rows can no longer be counted"
        except CorticalCacheError as error:
            return None, f"the rows of {subject} cannot be counted now: {error}"
        if count is None:
            return None, f"the rows of {subject} cannot be counted offline"
        if count != valid:
            return None, f"it has {counted(valid, 'row')}, the server counts {count:,}"
        return "count", f"the server counts {counted(count, 'row')}, too"

    def _count(self, subject: Subject) -> int | None:
        """Return the server's count, of any time: rows of a version never change."""
        known = self._rows.known_rows(subject)
        if known is not None or self._offline:
            return known
        self._versions.require_stable(subject.version)
        return self._rows.count(subject)

    def _shape(
        self, subject: Subject, commit: Commit
    ) -> tuple[TableShape, frozenset[str] | None] | None:
        """Return the table's shape, and the columns of it that the dump lacks.

        As the server has it; else as its annotation type and the dump have it. None
        if neither can be had: then whether the dump lacks columns is not known, and a
        question that selects by name could be answered from too few. A column whose
        values were rounded on the way is lacking, too.
        """
        row_set = self._rows.row_set(subject)
        if row_set.state().shape is None and not self._offline:
            column = subject.page_column
            try:
                self._versions.require_stable(subject.version)
                if column is not None:
                    self._rows.fetch_keys(subject, column, frozenset())
            except CorticalCacheError as error:
                log.debug("the columns of %s: %s", subject, error)
        rounded = commit.provenance.details.get("rounded", "").split("\n")
        has = {
            stored
            for column in commit.shape.columns
            for stored in column.stored
            if column.name not in rounded
        }
        shape = row_set.state().shape
        if shape is not None:
            lost = [one for one in shape.columns if not has.issuperset(one.stored)]
            return shape, frozenset(names(lost)) or None
        # The record of a public datastack does not say how its rows are: those come
        # from another version's database. Only split ones have ``created``.
        record = self._versions.record(subject.version)
        is_merged = record.is_merged and commit.shape.is_merged
        order = self._order(subject, is_merged=is_merged)
        if order is None:
            return None
        own = mirror_shape(commit, subject, order, is_merged=is_merged)
        there = [one.name for one in own.columns if has.issuperset(one.stored)]
        return own, frozenset(order).difference(there) or None

    def _order(self, subject: Subject, *, is_merged: bool) -> tuple[str, ...] | None:
        """Return the columns of a table as the server would have them, if known."""
        if subject.kind == "view":
            return names(subject.view_columns)
        record = self._catalog.table(subject.name, subject.version)
        try:
            definition = as_object(self._catalog.schemas()[str(record["schema_type"])])
            return model_columns(definition, is_merged=is_merged)
        except (CorticalCacheError, KeyError, TypeError) as error:
            log.debug("the columns of %s: %r", subject, error)
            return None


def _vital(subject: Subject, proof: str) -> frozenset[str]:
    """Return the columns without which the rows cannot be told apart, or shown.

    Which of them are valid is told by a count, too: then all are.
    """
    if subject.kind == "view":
        return frozenset()
    return frozenset({"id"} if proof == "count" else {"id", "valid"})


def _none(reason: str) -> Promotion:
    return Promotion(None, None, None, reason)


def _proved(target: RowSet, commit: Commit) -> str | None:
    """Return the proof by which these very rows are held as the table already."""
    listed = commit.provenance.details["listed"]
    for one in target.state().commits:
        details = one.provenance.details
        if one.exact and details.get("listed") == listed:
            return details.get("proof")
    return None
