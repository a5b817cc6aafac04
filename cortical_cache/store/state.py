"""What a row set holds according to one reading of its commits.

A value: it never looks at the folder again, except to see that the files it names are
there and whole. A newer reading comes from `RowSet.state`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypeAlias

from cortical_cache.model.coverage import Columns, Keys, Piece, Request, Span, Whole
from cortical_cache.model.held import HeldRows
from cortical_cache.model.shape import TableShape
from cortical_cache.store.commit import Commit, DataFile

__all__ = ["Extent", "RowSetState"]

Extent: TypeAlias = Literal["copied", "read", "scanned"] | tuple[str, Sequence[int]]
"""How much of a file is going to be read, which is compared with its checksums first.

``"copied"``: all, and written anew; ``"read"``: all; ``"scanned"``: what a statement
needs, and nobody knows what that is; else the rows with a column among some keys, in
ascending order.
"""


@dataclass(frozen=True, slots=True)
class RowSetState:
    """The commits of a row set that count, and the questions they can answer.

    Every ``held_*`` method looks at the files that it names, and
    raises `StoreChangedError` if one is gone (ask through `RowSet.read` to have that
    retried) or `CorruptStoreError` if one is not what its commit says.

    Attributes
    ----------
    commits : tuple of Commit
        Oldest first, without those that another one supersedes.
    """

    commits: tuple[Commit, ...]
    _folders: Mapping[str, Path] = field(repr=False, hash=False)
    _check: Callable[[Path, DataFile, Extent], None] = field(repr=False, compare=False)

    def folder_of(self, commit: Commit) -> Path:
        """Return where the files of one of the commits lie: its layer's folder."""
        return self._folders[commit.id]

    @property
    def exists(self) -> bool:
        """Whether anything at all is held."""
        return bool(self.commits)

    @property
    def shape(self) -> TableShape | None:
        """Columns and types as the newest commit has them; None if none has all."""
        return next(
            (
                one.shape
                for one in reversed(self.commits)
                if not isinstance(one.coverage, Columns)
            ),
            None,
        )

    @property
    def partial(self) -> tuple[TableShape, frozenset[str]] | None:
        """The columns held of all rows, and those known to be missing.

        None if all columns of all rows are held, or not all rows of any.
        """
        if self.is_whole:
            return None
        return next(
            (
                (one.shape, one.coverage.lacking)
                for one in self._preferred()
                if isinstance(one.coverage, Columns)
            ),
            None,
        )

    def for_columns(self, needed: frozenset[str] | None) -> "RowSetState":
        """Return what is held for a question that needs no more than some columns.

        Parameters
        ----------
        needed : frozenset of str or None
            Model names; None: every column.

        Returns
        -------
        RowSetState
            In which all rows are held if all of them are, in those columns. The shape
            of such rows has no others.
        """
        if needed is None or self.partial is None:
            return self
        return replace(
            self,
            commits=tuple(
                replace(one, coverage=Whole())
                if isinstance(one.coverage, Columns)
                and needed.isdisjoint(one.coverage.lacking)
                else one
                for one in self.commits
            ),
        )

    @property
    def is_whole(self) -> bool:
        """Whether all rows are held."""
        return self._whole() is not None

    @property
    def rows(self) -> int:
        """Rows held; where parts overlap a row counts once for each part it is in."""
        whole = self._whole()
        if whole is not None:
            return whole.rows
        return sum(commit.rows for commit in self.commits)

    @property
    def nbytes(self) -> int:
        """Size of all files that count, every sorted copy."""
        return sum(commit.nbytes for commit in self.commits)

    def covered(self, column: str, keys: Iterable[int]) -> frozenset[int]:
        """Return those of `keys` for which all rows with ``column = key`` are held."""
        wanted = frozenset(keys)
        if self.is_whole:
            return wanted
        return wanted.difference(self._assign(column, wanted)[1])

    @property
    def is_one_file(self) -> bool:
        """Whether all rows are held in one file, which every question reads anyway."""
        whole = self._whole()
        return whole is not None and len(whole.copy()) == 1

    def held_whole(
        self, sought: Sequence[str] = (), *, extent: Extent = "read"
    ) -> HeldRows | None:
        """Return all rows, each once, ready to be asked; None if not all are held.

        A table without rows is one piece: a file of no rows that has its columns.

        Parameters
        ----------
        sought : sequence of str
            Columns that rows will be looked up by: the copy is read that is sorted by
            the first of them by which there is one.
        extent : Extent
            What will be read of them.
        """
        whole = self._whole()
        if whole is None:
            return None
        files = self._paths(whole, whole.copy(*sought), extent)
        return HeldRows(whole.shape, (Piece(files),), whole.exact)

    def whole_files(self) -> tuple[str, ...]:
        """Return the files of every copy of all rows, unlooked at; none if not held."""
        whole = self._whole()
        if whole is None:
            return ()
        folder = self.folder_of(whole)
        return tuple(str(folder / file.name) for file in whole.files)

    def held_for(self, column: str, keys: Iterable[int]) -> HeldRows | None:
        """Return the rows with ``column`` among `keys`; None unless all are covered.

        Each key is answered by exactly one commit, and a file is named only if its
        commit's key ranges do not exclude every key. So no pieces at all mean that
        all keys are covered and no row can have any of them. The rows are exact only
        if every commit they come from is.
        """
        wanted = frozenset(keys)
        whole = self._whole()
        if whole is not None:
            parts = [(whole, wanted)]
        else:
            parts, missing = self._assign(column, wanted)
            if missing or self.shape is None:
                return None
            if not parts:  # nothing was asked of a row set that holds something
                return HeldRows(self.shape, ())
        pieces: list[Piece] = []
        for commit, answered in parts:
            sought = sorted(answered)
            files = _holding(commit.copy(column), column, sought)
            if files:
                paths = self._paths(commit, files, (column, sought))
                pieces.append(Piece(paths, column, answered))
        newest = max((commit for commit, _ in parts), key=lambda one: one.id)
        exact = all(commit.exact for commit, _ in parts)
        return HeldRows(newest.shape, tuple(pieces), exact)

    def held_in_part(self, extent: Extent = "read") -> HeldRows | None:
        """Return the rows of each commit that has all columns; None if there is none.

        They overlap, and that a row is missing from them means nothing. `extent` is
        what will be read of them.
        """
        if self.shape is None:
            return None
        pieces = tuple(
            Piece(self._paths(one, one.copy(), extent))
            for one in self._preferred()
            if not isinstance(one.coverage, Columns)
        )
        return HeldRows(self.shape, pieces)

    def held_by_keys(self, column: str) -> HeldRows | None:
        """Return the rows of all keys of a column that are held, each row once.

        Of a whole that is all of them. None if nothing is held.
        """
        keys = {
            key
            for one in self.commits
            if isinstance(one.coverage, Keys) and one.coverage.column == column
            for key in one.coverage.values
        }
        return self.held_whole() or self.held_for(column, keys)

    @property
    def key_columns(self) -> frozenset[str]:
        """Columns of which rows of some keys are held."""
        return frozenset(
            one.coverage.column
            for one in self.commits
            if isinstance(one.coverage, Keys) and one.coverage.values
        )

    def held_request(self, digest: str) -> HeldRows | None:
        """Return the newest kept reply to that exact request; None if there is none."""
        for commit in reversed(self.commits):
            if commit.coverage == Request(digest):
                files = self._paths(commit, commit.copy(), "read")
                return HeldRows(commit.shape, (Piece(files),), commit.exact)
        return None

    def files(self, commit: Commit) -> tuple[str, ...]:
        """Return the files of one copy of a commit, for whoever reads them whole.

        Their checksums are compared, however large they are.
        """
        return self._paths(commit, commit.copy(), "copied")

    def spans(self, column: str) -> tuple[Span, ...]:
        """Return the held pages of a mirror in the making, ascending, disjoint."""
        found = (commit.coverage for commit in self._span_commits(column))
        return tuple(span for span in found if isinstance(span, Span))

    def span_rows(self, column: str) -> int:
        """Return the rows of those pages. Each row is in one page only."""
        return sum(commit.rows for commit in self._span_commits(column))

    def span_files(self, column: str) -> tuple[str, ...]:
        """Return the files of those pages, in ascending order of the column."""
        commits = self._span_commits(column)
        return tuple(path for commit in commits for path in self.files(commit))

    def _span_commits(self, column: str) -> list[Commit]:
        """Return commits of disjoint spans, ascending.

        Two processes may have fetched the same, and cut it elsewhere: of spans that
        overlap the one that begins first counts.
        """
        pages = [
            (commit.coverage, commit)
            for commit in self.commits
            if isinstance(commit.coverage, Span) and commit.coverage.column == column
        ]
        found: list[Commit] = []
        end: int | None = None
        for span, commit in sorted(pages, key=lambda one: (one[0].low, -one[0].high)):
            if end is None or span.low >= end:
                found.append(commit)
                end = span.high
        return found

    def _whole(self) -> Commit | None:
        return next(
            (one for one in self._preferred() if isinstance(one.coverage, Whole)), None
        )

    def _preferred(self) -> Sequence[Commit]:
        """Return the commits, exact ones first, then newest first."""
        return sorted(
            self.commits, key=lambda commit: (commit.exact, commit.id), reverse=True
        )

    def _assign(
        self, column: str, wanted: frozenset[int]
    ) -> tuple[list[tuple[Commit, frozenset[int]]], frozenset[int]]:
        """Give each key to one commit; return who answers what, and the keys left."""
        parts: list[tuple[Commit, frozenset[int]]] = []
        for commit in self._preferred():
            match commit.coverage:
                case Keys(name, values) if name == column:
                    answered = wanted & values
                    wanted -= answered
                    if answered:
                        parts.append((commit, answered))
                case _:
                    pass
        return parts, wanted

    def _paths(
        self, commit: Commit, files: Sequence[DataFile], extent: Extent
    ) -> tuple[str, ...]:
        folder = self.folder_of(commit)
        for file in files:
            self._check(folder / file.name, file, extent)
        return tuple(str(folder / file.name) for file in files)


def _holding(
    files: Sequence[DataFile], column: str, keys: Sequence[int]
) -> tuple[DataFile, ...]:
    return tuple(file for file in files if file.may_hold(column, keys))
