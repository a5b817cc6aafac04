"""Find what is damaged in a dataset's store, set it aside, and fetch it again."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cortical_cache.cache.rows import RowCache
from cortical_cache.errors import CorticalCacheError, NewerFormatError
from cortical_cache.model.coverage import Keys, Span, Whole
from cortical_cache.repositories.catalog import Catalog
from cortical_cache.store import DatasetStore, Problem
from cortical_cache.store.layout import binding_file

if TYPE_CHECKING:
    from cortical_cache.repositories.exports import Exports

__all__ = ["Repair", "Upkeep"]

log = logging.getLogger(__name__)

_ORDER = ("export", "table", "view", "query", "graph")
"""Exports first: a table that was one comes back with it."""

_ASKED_AGAIN = {"query", "graph"}


@dataclass(frozen=True, slots=True)
class Repair:
    """What was done about some damage.

    Attributes
    ----------
    subject : str
        What it was in, as ``table cell_types v1300``.
    problems : tuple of str
        One sentence each.
    action : str
        What was done.
    is_whole : bool
        Whether everything is as before, or will be asked again by itself.
    """

    subject: str
    problems: tuple[str, ...]
    action: str
    is_whole: bool


class Upkeep:
    """Looks after what is held of one dataset.

    Parameters
    ----------
    store, catalog, rows, exports
        Collaborators.
    server : str
        Where the rows came from.
    offline : bool
    """

    def __init__(  # noqa: PLR0913  collaborators
        self,
        store: DatasetStore,
        catalog: Catalog,
        rows: RowCache,
        exports: "Exports",
        *,
        server: str,
        offline: bool,
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._rows = rows
        self._exports = exports
        self._server = server
        self._offline = offline

    def verify(self, *, deep: bool = False) -> tuple[Problem, ...]:
        """Look for damage. Changes nothing; no network.

        Parameters
        ----------
        deep : bool
            Read every file and compare its checksum, not only its size.
        """
        return self._store.verify(deep=deep)

    def repair(self, *, deep: bool = True) -> Iterator[Repair]:
        """Set aside what is damaged, and fetch again what was in it, and only that.

        Rows that cannot be had now stay as they are: what is sound of them still
        answers, and the next repair finds them. Ends with a sweep.

        Parameters
        ----------
        deep : bool
            As for `verify`.

        Yields
        ------
        Repair
            One for each table, view, export, kept reply, or document.

        Raises
        ------
        StoreMismatchError
            If it can no longer be told whose data these are.
        NewerFormatError
            If a newer release wrote some of it; nothing was done then.
        """
        problems = self._store.verify(deep=deep)
        for problem in problems:
            if problem.is_newer:
                raise NewerFormatError(problem.what)
        by_row_set: dict[tuple[str, str, int], list[Problem]] = {}
        for problem in problems:
            if problem.document == binding_file(self._store.folder):
                self._store.reclaim(self._server)
                action = "claimed again: its commits show whose it is"
                yield Repair(
                    problem.document.name, (problem.what,), action, is_whole=True
                )
                continue
            row_set = self._store.row_set_of(problem)
            if row_set is None:
                self._store.set_aside(problem)
                action = "set aside; asked again when it is needed"
                yield Repair(
                    problem.document.name, (problem.what,), action, is_whole=True
                )
            else:
                key = (row_set.kind, row_set.name, row_set.version)
                by_row_set.setdefault(key, []).append(problem)
        for key in sorted(by_row_set, key=lambda one: (_ORDER.index(one[0]), one)):
            yield self._bring_back(*key, by_row_set[key])
        self.sweep()

    def sweep(self) -> None:
        """Remove what killed writers left, and what was superseded, a day ago."""
        try:
            swept = self._store.sweep()
        except OSError as error:  # litter costs no answer
            log.info("not swept: %s", error)
        else:
            log.info("swept %d files, %d bytes", len(swept.removed), swept.nbytes)

    def _bring_back(
        self, kind: str, name: str, version: int, problems: list[Problem]
    ) -> Repair:
        subject = f"{kind} {name}" + (f" v{version}" if version else "")
        said = tuple(one.what for one in problems)
        is_known = all(one.commit is not None for one in problems)
        if self._offline and is_known and kind not in _ASKED_AGAIN:
            action = "left as it is: offline, so not fetched again"
            return Repair(subject, said, action, is_whole=False)
        for problem in problems:
            self._store.set_aside(problem)
        if kind in _ASKED_AGAIN:
            action = "set aside; asked again when needed"
            return Repair(subject, said, action, is_whole=True)
        if not is_known:
            action = "set aside; what it was all of is lost: sync it again"
            return Repair(subject, said, action, is_whole=False)
        try:
            if kind == "export":
                self._exports.bring(self._exports.find(name, version))
            else:
                self._fetch(kind, name, version, problems)
        except BaseException as error:
            for problem in problems:
                self._store.put_back(problem)
            if not isinstance(error, CorticalCacheError):
                raise
            action = f"left as it is: not fetched: {error}"
            return Repair(subject, said, action, is_whole=False)
        return Repair(subject, said, "fetched again", is_whole=True)

    def _fetch(
        self, kind: str, name: str, version: int, problems: list[Problem]
    ) -> None:
        subject = self._catalog.subject(
            name, version, "table" if kind == "table" else "view"
        )
        for problem in problems:
            commit = problem.commit
            if commit is None:
                continue
            export = commit.provenance.details.get("export")
            state = self._rows.row_set(subject).state()
            match commit.coverage:
                case _ if export is not None:
                    if not state.is_whole and state.partial is None:
                        self._exports.bring(self._exports.find(export, version))
                case Whole() | Span():
                    self._rows.mirror(subject)
                case Keys(column, values):
                    self._rows.fetch_keys(subject, column, values)
                case _:
                    pass
