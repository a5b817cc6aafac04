"""Remove the litter of crashes, and what was superseded long enough ago.

Nothing here decides what the store holds: a sweep changes no answer, and a store that
is never swept only grows.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cortical_cache.errors import StoreError
from cortical_cache.store.commit import Commit, superseded_first
from cortical_cache.store.commit_file import commit_file, read_commit
from cortical_cache.store.disk import Disk, told
from cortical_cache.store.layout import (
    commit_files,
    commits_folder,
    is_temporary,
    lock_files,
    row_set_folders_of,
    segment_files,
    shared_folders_of,
)

__all__ = ["GRACE", "SweepReport", "sweep"]

GRACE = timedelta(hours=24)
"""How old litter is before it goes."""


@dataclass(frozen=True, slots=True)
class SweepReport:
    """What a sweep did.

    Attributes
    ----------
    removed : tuple of Path
        Files removed.
    nbytes : int
        Their size.
    skipped : tuple of str
        Why row sets were left as they are: with a commit that cannot be read, which
        files are wanted is unknown.
    """

    removed: tuple[Path, ...]
    nbytes: int
    skipped: tuple[str, ...]


def sweep(
    root: Path,
    disk: Disk,
    datasets: Iterable[Path],
    now: datetime | None = None,
    grace: timedelta = GRACE,
) -> SweepReport:
    """Remove litter older than `grace`; see `Store.sweep`.

    Parameters
    ----------
    root : Path
    disk : Disk
    datasets : iterable of Path
        Folders of datasets; only these and the root are looked at.
    now, grace
        As of `Store.sweep`.
    """
    sweeper = _Sweeper(disk, now or datetime.now(UTC), grace)
    with told(root, "read"):
        sweeper.temporaries(root)
    for dataset in datasets:
        for folder in shared_folders_of(dataset):
            with told(folder, "read"):
                sweeper.temporaries(folder)
        for folder in row_set_folders_of(dataset):
            with told(folder, "read"):
                sweeper.row_set(folder)
    return SweepReport(
        tuple(sweeper.removed), sum(sweeper.removed.values()), tuple(sweeper.skipped)
    )


class _Sweeper:
    def __init__(self, disk: Disk, now: datetime, grace: timedelta) -> None:
        self._disk = disk
        self._now = now
        self._grace = grace
        self.removed: dict[Path, int] = {}
        self.skipped: list[str] = []

    def temporaries(self, folder: Path) -> None:
        for path in _files(folder):
            if is_temporary(path):
                self._remove_if_old(path)

    def row_set(self, folder: Path) -> None:
        self.temporaries(folder)
        self.temporaries(commits_folder(folder))
        for path in lock_files(folder):
            self._remove_if_old(path)
        # Listed before the commits are read: a file that is committed in between is
        # then among the wanted.
        data = [path for path in _files(folder) if path.suffix == ".parquet"]
        try:
            commits = {
                commit.id: commit for commit in map(read_commit, commit_files(folder))
            }
        except FileNotFoundError:  # another sweep is at work here
            return
        except StoreError as error:
            self.skipped.append(str(error))
            return
        left = self._remove_superseded(folder, commits)
        wanted = _file_names(left)
        released = _file_names(commits) - wanted
        for path in data:
            if path.name in released:
                self._remove(path)
            elif path.name not in wanted:
                self._remove_if_old(path)
        for path in segment_files(folder):  # of a file that counts: it is of use
            if path.stem not in wanted:
                self._remove_if_old(path)

    def _remove_superseded(
        self, folder: Path, commits: Mapping[str, Commit]
    ) -> Mapping[str, Commit]:
        """Remove commits superseded for long enough; return those left."""
        left = dict(commits)
        due = {
            one
            for commit in commits.values()
            if self._is_old(self._committed(folder, commit))
            for one in commit.supersedes
        }
        for ready in superseded_first(commits, due):
            for commit in ready:
                self._remove(commit_file(folder, commit.id))
                del left[commit.id]
            with told(commits_folder(folder)):
                self._disk.sync_folder(commits_folder(folder))
        return left

    def _committed(self, folder: Path, commit: Commit) -> datetime:
        # The later of two clocks: the writer's, and that of the file system.
        modified = _modified(commit_file(folder, commit.id))
        return commit.created if modified is None else max(commit.created, modified)

    def _is_old(self, moment: datetime) -> bool:
        return self._now - moment >= self._grace

    def _remove_if_old(self, path: Path) -> None:
        # Looked at just before: a writer shows its files' age anew before it commits.
        modified = _modified(path)
        if modified is not None and self._is_old(modified):
            self._remove(path)

    def _remove(self, path: Path) -> None:
        try:
            nbytes = path.stat().st_size
        except FileNotFoundError:
            return
        with told(path):
            self._disk.remove(path)
        self.removed[path] = nbytes


def _file_names(commits: Mapping[str, Commit]) -> set[str]:
    return {file.name for commit in commits.values() for file in commit.files}


def _modified(path: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError:
        return None


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (path for path in folder.iterdir() if path.is_file())
