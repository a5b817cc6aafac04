"""Ask again what is held: now, or when it is next needed. Planned, then carried out."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from cortical_cache.cache.facts import Clock, Facts
from cortical_cache.cache.rows import Progress, RowCache, no_progress
from cortical_cache.errors import InvalidQueryError
from cortical_cache.model.quantities import age, counted, size
from cortical_cache.model.subject import Subject
from cortical_cache.policy.freshness import Fact
from cortical_cache.repositories.catalog import Catalog
from cortical_cache.repositories.expiry import may_be_gone
from cortical_cache.repositories.versions import Versions
from cortical_cache.store import DatasetStore

__all__ = ["ForgetPlan", "Forgettable", "RefreshPlan", "Refreshes", "Refreshing"]

# What changes on the server. Lineage is kept per moment and final for past ones.
_VOLATILE = frozenset(
    one.value for one in Fact if one.rule.kept is not None and one is not Fact.LINEAGE
)


@dataclass(frozen=True, slots=True)
class Forgettable:
    """A fact that may have changed on the server.

    Attributes
    ----------
    name : str
        ``tables``, ``unique_strings.cell_types``, ...
    version : int or None
    captured_at : datetime
    """

    name: str
    version: int | None
    captured_at: datetime


@dataclass(frozen=True, slots=True, repr=False)
class ForgetPlan:
    """What would be forgotten and asked again when it is next needed.

    Attributes
    ----------
    facts : tuple of Forgettable
    staying : tuple of int
        Versions that the server has dropped, or may have, whose facts stay.
    now : datetime
    """

    facts: tuple[Forgettable, ...]
    staying: tuple[int, ...]
    now: datetime

    def __repr__(self) -> str:
        """Say it, a line for each."""
        lines = [
            f"{one.name}{_of(one.version)}, {age(self.now - one.captured_at)} old"
            for one in self.facts
        ]
        lines += [
            f"stays: what is known of v{one}, which the server may have dropped"
            for one in self.staying
        ]
        return "\n".join([*lines, f"{len(self.facts)} facts would be asked again"])


@dataclass(frozen=True, slots=True)
class Refreshing:
    """A table or view that would be fetched anew.

    Attributes
    ----------
    subject : Subject
    rows, nbytes : int
        Held now.
    """

    subject: Subject
    rows: int
    nbytes: int


@dataclass(frozen=True, slots=True, repr=False)
class RefreshPlan:
    """What would be asked again now.

    Attributes
    ----------
    version : int
        Whose lists are asked.
    lists : tuple of str
    tables : tuple of Refreshing
        Named tables and views, whose rows would be fetched anew; the old ones answer
        until all of the new ones are there.
    """

    version: int
    lists: tuple[str, ...]
    tables: tuple[Refreshing, ...]

    def __repr__(self) -> str:
        """Say it, a line for each."""
        lines = [f"list of {one}" for one in self.lists]
        lines += [
            f"{one.subject.kind} {one.subject.name} v{one.subject.version}: "
            f"{counted(one.rows, 'row')}, {size(one.nbytes)}"
            for one in self.tables
        ]
        return "\n".join([*lines, f"{len(lines)} things would be asked again now"])


class Refreshes:
    """Asks again what is held of one dataset.

    Parameters
    ----------
    store, facts, catalog, versions, rows, clock
        Collaborators.
    offline : bool
    """

    def __init__(  # noqa: PLR0913, PLR0917  collaborators
        self,
        store: DatasetStore,
        facts: Facts,
        catalog: Catalog,
        versions: Versions,
        rows: RowCache,
        clock: Clock,
        *,
        offline: bool,
    ) -> None:
        self._store = store
        self._facts = facts
        self._catalog = catalog
        self._versions = versions
        self._rows = rows
        self._clock = clock
        self._offline = offline

    def to_forget(
        self, version: int | None = None, *, expired: bool = False
    ) -> ForgetPlan:
        """Plan to forget what may have changed: lists, metadata, records.

        Rows of a version, counts and schemas never change and are not among it.

        Parameters
        ----------
        version : int, optional
            Only what is known of this version; otherwise of all, and the dataset.
        expired : bool
            Also of versions that the server has dropped.

        Raises
        ------
        InvalidQueryError
            Offline, where nothing could be asked again.
        """
        self._require_online()
        now = self._clock()
        found: list[Forgettable] = []
        staying: list[int] = []
        held = self._store.versions()
        wanted = [None, *held] if version is None else [version]
        for one in wanted:
            if one is not None and not expired and may_be_gone(self._store, one, now):
                staying.append(one)
                continue
            for name in self._store.fact_names(one):
                document = self._store.read_fact(name, one)
                if name.partition(".")[0] in _VOLATILE and document is not None:
                    found.append(Forgettable(name, one, document.captured_at))
        return ForgetPlan(tuple(found), tuple(staying), now)

    def forget(self, plan: ForgetPlan) -> None:
        """Forget what was planned. What is asked meanwhile is only asked once more."""
        for version in {one.version for one in plan.facts}:
            names = [one.name for one in plan.facts if one.version == version]
            self._facts.forget(names, version)
        self._versions.ask_again()

    def to_refresh(self, version: int, names: Collection[str] = ()) -> RefreshPlan:
        """Plan to ask again now: the lists, and the rows of the tables named.

        Raises
        ------
        UnknownNameError
            No such table or view.
        InvalidQueryError
            Offline; or a table is held from an export, which has generations.
        """
        self._require_online()
        tables: list[Refreshing] = []
        for name in names:
            subject = self._catalog.subject(name, version)
            state = self._rows.row_set(subject).state()
            if any(one.exact for one in state.commits):
                raise InvalidQueryError(
                    f"{name} v{version} is held from an export; `cortical-cache sync "
                    f"DATASET {version} --exports {name}` brings a newer one if there "
                    "is one"
                )
            tables.append(Refreshing(subject, state.rows, state.nbytes))
        lists = ("versions", "info", "schemas", "tables", "views")
        return RefreshPlan(version, lists, tuple(tables))

    def refresh(self, plan: RefreshPlan, progress: Progress = no_progress) -> None:
        """Ask what was planned; what is held stays until its successor is there.

        Raises
        ------
        VersionExpiredError
            The server has dropped the version: its rows stay as they are.
        SourceError
            The server fails.
        """
        self._versions.ask_again()
        if plan.tables:
            self._versions.require_stable(plan.version)
        self._versions.records()
        self._catalog.info(refresh=True)
        self._catalog.schemas(refresh=True)
        self._catalog.tables(plan.version, refresh=True)
        self._catalog.views(plan.version, refresh=True)
        for one in plan.tables:
            self._rows.mirror(one.subject, progress, anew=True)

    def _require_online(self) -> None:
        if self._offline:
            raise InvalidQueryError(
                "offline, so nothing can be asked again; unset CORTICAL_CACHE_OFFLINE, "
                "or load_client(..., offline=False)"
            )


def _of(version: int | None) -> str:
    return "" if version is None else f" of v{version}"
