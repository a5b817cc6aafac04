"""Bulk exports: which there are, which are held, and what they are mirrors of."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from cortical_cache.cache.exports import BringProgress, ExportCache, no_progress
from cortical_cache.cache.facts import Facts
from cortical_cache.cache.rows import RowCache
from cortical_cache.errors import (
    ConfigurationError,
    NotCachedError,
    UnknownNameError,
)
from cortical_cache.model.commands import sync_command
from cortical_cache.model.dataset import Dataset
from cortical_cache.model.export import Export
from cortical_cache.model.json import as_list, as_object
from cortical_cache.model.shape import ColumnType
from cortical_cache.model.subject import Subject
from cortical_cache.policy.freshness import Fact
from cortical_cache.repositories.promotions import Promote, Promotion, Promotions
from cortical_cache.store import Commit, RowSet

__all__ = ["Brought", "Exports"]

_LISTS_NOTHING = ("http://", "https://")


@dataclass(frozen=True, slots=True)
class Brought:
    """What came of bringing an export.

    Attributes
    ----------
    export : Export
    is_new : bool
        False if this generation of it was held already.
    rows, nbytes : int
        Now held.
    promotion : Promotion
        Which table or view it is a mirror of, or why of none.
    """

    export: Export
    is_new: bool
    rows: int
    nbytes: int
    promotion: Promotion


class Exports:
    """The exports of one dataset.

    Freshness: an export is kept for ever under its generation; the listing is asked
    once a day, and whenever `refresh` says so.

    Parameters
    ----------
    dataset, facts, rows, cache, promotions
        Collaborators.
    offline : bool
        Only locations on this machine are looked at.
    """

    def __init__(  # noqa: PLR0913  its collaborators
        self,
        *,
        dataset: Dataset,
        facts: Facts,
        rows: RowCache,
        cache: ExportCache,
        promotions: Promotions,
        offline: bool,
    ) -> None:
        self._dataset = dataset
        self._facts = facts
        self._rows = rows
        self._cache = cache
        self._promotions = promotions
        self._offline = offline

    @property
    def locations(self) -> tuple[str, ...]:
        """Where exports are looked for: as the user set it, else as configured."""
        chosen = self._facts.held(Fact.EXPORT_LOCATION)
        if chosen is not None:
            return (str(chosen.value),)
        return self._dataset.export_locations

    def set_location(self, location: str) -> None:
        """Look for exports there, in this and every later session.

        Raises
        ------
        ConfigurationError
            If it is no location.
        """
        from cortical_cache.sources.buckets.bucket import Bucket

        bucket = Bucket(location)
        kept = bucket.location if bucket.is_local else location
        self._facts.keep(Fact.EXPORT_LOCATION, kept)

    def listed(self, *, refresh: bool = False) -> tuple[Export, ...]:
        """Return the exports at the locations, by name and version.

        Freshness: a day, or asked now with `refresh`. Offline, folders of this machine
        as they are now, if all locations are such; others as last listed.

        Raises
        ------
        ConfigurationError
            If no location is known.
        NotCachedError
            Offline, and they were never listed.
        SourceError
            If a location cannot be read.
        """
        locations = self.locations
        name = self._dataset.name
        if not locations:
            raise ConfigurationError(
                f"no export location of {name} is known; give one with "
                "client.set_export_cloudpath(...), or `export_locations` in the "
                "configuration"
            )
        if self._offline and all(_is_local(one) for one in locations):
            return tuple(_list(locations))
        document = self._facts.get(
            Fact.EXPORTS,
            lambda: [asdict(one) for one in _list(locations)],
            missing=(
                f"the list of exports of {name} is",
                f"cortical-cache sync {name} --exports --dry-run",
            ),
            part=_digest(locations),
            refresh=refresh,
        )
        return _parsed(document.value)

    def known(self) -> tuple[Export, ...]:
        """Return the exports as last listed, however long ago. No network."""
        document = self._facts.held(Fact.EXPORTS, part=_digest(self.locations))
        return () if document is None else _parsed(document.value)

    def find(self, name: str, version: int) -> Export:
        """Return one export.

        A web server may have what it does not list, and is asked for it by name.

        Raises
        ------
        UnknownNameError
            If there is no such export; the error names near ones.
        NotCachedError
            Offline, if only such a server could tell, if they were never listed, or
            if the version is newer than what was last listed.
        """
        try:
            listed = self.listed()
        except NotCachedError as error:
            raise self._not_cached(name, version) from error
        for one in listed:
            if (one.name, one.version) == (name, version):
                return one
        unlisted = [one for one in self.locations if one.startswith(_LISTS_NOTHING)]
        if self._offline and (unlisted or self._may_be_new(version, listed)):
            raise self._not_cached(name, version)
        probed = _probe(unlisted, name, version)
        if probed is not None:
            return probed
        where = f"the exports of {self._dataset.name}"
        versions = [one.version for one in listed if one.name == name]
        if versions:
            raise UnknownNameError(f"version of {name}", version, where, versions)
        known = sorted({one.name for one in listed})
        raise UnknownNameError("export", name, where, known)

    def _may_be_new(self, version: int, listed: Sequence[Export]) -> bool:
        """Tell whether a version may have been exported since the last listing."""
        newest = max((one.version for one in listed), default=0)
        return version > newest and not all(map(_is_local, self.locations))

    def require(self, export: Export) -> None:
        """Make sure that an export may be fetched, if it is not held.

        Raises
        ------
        NotCachedError
            Offline, and it is not on this machine.
        """
        if self._offline and not export.is_local and not self.is_current(export):
            raise self._not_cached(export.name, export.version)

    def _not_cached(self, name: str, version: int) -> NotCachedError:
        command = sync_command(self._dataset.name, version, "export", name)
        return NotCachedError(f"export {name} of v{version} is", command)

    def held(self, name: str, version: int) -> Commit | None:
        """Return the commit that holds an export; None if it is not held."""
        return self._cache.held(name, version)

    def row_set(self, name: str, version: int) -> RowSet:
        """Return what is held of an export."""
        return self._cache.row_set(name, version)

    def is_current(self, export: Export) -> bool:
        """Tell whether this generation of an export is held."""
        return self._cache.is_current(export)

    def bring(
        self,
        export: Export,
        *,
        promote: Promote = "auto",
        progress: BringProgress = no_progress,
    ) -> Brought:
        """Fetch an export unless it is held, and promote it if it can be proved.

        Freshness: for ever under its generation; a second call fetches nothing.

        Parameters
        ----------
        export : Export
        promote : {"auto", "count", "none"}
            See `Promotions.promote`.
        progress : callable

        Raises
        ------
        SourceError, StoreError
            See `ExportCache.bring`. What was held stays as it was.
        NotCachedError
            As `require`.
        """
        self.require(export)
        subject = self._likely(export)
        is_new = self._cache.bring(
            export,
            known=self._known(subject),
            progress=progress,
        )
        row_set = self._cache.row_set(export.name, export.version)
        commit = row_set.state().commits[-1]
        promotion = self._promotions.promote(export, row_set, commit, promote)
        return Brought(export, is_new, commit.rows, commit.nbytes, promotion)

    def at_path(self, path: Path, version: int | None) -> list[Export]:
        """Return the exports in a file or folder on this machine.

        Parameters
        ----------
        path : Path
            A dump (its header beside it), or a folder with folders ``v{version}``.
        version : int or None
            Of a dump that does not lie in a folder ``v{version}``.

        Raises
        ------
        ConfigurationError
            If it is neither, or its version is not known.
        """
        from cortical_cache.sources.dumps.local import local_exports

        return local_exports(path, version)

    def _likely(self, export: Export) -> Subject | None:
        """Return the table or view that an export is named after, if that is known."""
        return next(self._promotions.subjects(export), (None, None))[1]

    def _known(self, subject: Subject | None) -> Mapping[str, ColumnType]:
        if subject is None:
            return {}
        shape = self._rows.row_set(subject).state().shape
        columns = subject.view_columns if shape is None else shape.columns
        return {column.name: column.type for column in columns}


def _list(locations: Sequence[str]) -> list[Export]:
    from cortical_cache.sources.buckets.bucket import Bucket
    from cortical_cache.sources.dumps.listing import list_exports

    found: dict[tuple[str, int], Export] = {}
    for location in locations:
        for one in list_exports(Bucket(location)):
            found.setdefault((one.name, one.version), one)
    return [found[key] for key in sorted(found)]


def _probe(locations: Sequence[str], name: str, version: int) -> Export | None:
    from cortical_cache.sources.buckets.bucket import Bucket
    from cortical_cache.sources.dumps.listing import probe

    found = (probe(Bucket(location), name, version) for location in locations)
    return next((one for one in found if one is not None), None)


def _is_local(location: str) -> bool:
    from cortical_cache.sources.buckets.bucket import Bucket

    return Bucket(location).is_local


def _digest(locations: Sequence[str]) -> str:
    return sha256("\n".join(locations).encode()).hexdigest()[:16]


def _parsed(value: object) -> tuple[Export, ...]:
    records = (as_object(one) for one in as_list(value))
    return tuple(Export(**cast("dict[str, Any]", one)) for one in records)
