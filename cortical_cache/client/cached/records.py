"""What a dataset has, under the names of caveclient's ``MaterializationClient``.

Versions, tables, views and their records; the queries are in ``materialize``.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from cortical_cache.client.cached.passthrough import PassThrough
from cortical_cache.model.json import JsonObject
from cortical_cache.model.version import VersionRecord, parse_time
from cortical_cache.repositories.catalog import folded
from cortical_cache.repositories.dataset import Repositories

if TYPE_CHECKING:
    from cortical_cache.client.cached.managers import TableManager, ViewManager

__all__ = ["Records"]

# caveclient's stand-in for "never", naive as it comes (CC convert_timestamp)
_NEVER = datetime(2262, 4, 11, 23, 47, 16, 854775)  # noqa: DTZ001  caveclient's are naive, too


class Records(PassThrough):
    """Versions, tables and views, from the store where they can be.

    Parameters
    ----------
    repositories : Repositories
    shell : object
        The ``client.cached`` it is part of; table managers call back through it.
    """

    _service = "materialize"

    def __init__(self, repositories: Repositories, shell: object) -> None:
        super().__init__(repositories)
        self._shell = shell
        self._managers: dict[tuple[str, int], tuple[tuple[Any, ...], Any]] = {}

    @property
    def datastack_name(self) -> str:
        """CAVE's name of the dataset."""
        return self._of.dataset.datastack

    @property
    def version(self) -> int:
        """The version that is asked where none is given."""
        return self._of.versions.resolve()

    @version.setter
    def version(self, version: int | None) -> None:
        self._of.versions.chosen = version

    @property
    def synapse_table(self) -> str | None:
        """The synapse table that the info service names. Freshness: a day."""
        named = self._of.catalog.info().get("synapse_table")
        return None if named is None else str(named)

    @property
    def tables(self) -> "TableManager":
        """The tables of the version, as ``tables.NAME(column=value).query()``.

        Freshness: the list for a day.
        """
        from cortical_cache.client.cached.managers import TableManager

        version = self._known_version(None)
        catalog = self._of.catalog

        def make(listed: Mapping[str, JsonObject], *rest: Any) -> TableManager:  # noqa: ANN401  as it takes them
            records = {
                name: {**folded(record), "schema": record.get("schema_type")}
                for name, record in listed.items()
            }
            return TableManager(self._shell, records, *rest)

        made_of = catalog.tables(version), catalog.where(version), catalog.schemas()
        return self._manager(("tables", version), made_of, make)

    @property
    def views(self) -> "ViewManager":
        """The views of the version, as ``views.NAME(column=value).query()``.

        Freshness: the list for a day.
        """
        from cortical_cache.client.cached.managers import ViewManager

        version = self._known_version(None)
        catalog = self._of.catalog
        made_of = (
            catalog.views(version),
            catalog.where(version),
            catalog.view_schemas(version),
        )
        return self._manager(
            ("views", version), made_of, partial(ViewManager, self._shell)
        )

    def _manager(
        self, key: tuple[str, int], made_of: tuple[Any, ...], make: Callable[..., Any]
    ) -> Any:  # noqa: ANN401  caveclient has no types
        """Return a manager, made anew where what it is made of has changed."""
        before, manager = self._managers.get(key, (None, None))
        if before != made_of:
            manager = make(*made_of)
            self._managers[key] = made_of, manager
        return manager

    def most_recent_version(self, datastack_name: str | None = None) -> int:
        """Return the newest version. Freshness: asked once a session."""
        if self._is_other(datastack_name):
            return int(self._plain().most_recent_version(datastack_name))
        return self._of.versions.newest()

    def get_versions(
        self, datastack_name: str | None = None, expired: bool = False
    ) -> list[int]:
        """Return the versions, expired ones on request. Freshness: once a session."""
        if self._is_other(datastack_name):
            return list(self._plain().get_versions(datastack_name, expired))
        records = map(VersionRecord.parse, self._of.versions.records())
        return [one.version for one in records if one.valid or expired]

    def get_version_metadata(
        self, version: int | None = None, datastack_name: str | None = None
    ) -> dict[str, object]:
        """Return a version's record. Freshness: times for ever, status as last known.

        Whole-second timestamps, which caveclient cannot read, are read.
        """
        if self._is_other(datastack_name):
            return self._plain().get_version_metadata(version, datastack_name)
        return _timed(self._of.versions.raw(self._known_version(version)))

    def get_versions_metadata(
        self, datastack_name: str | None = None, expired: bool = False
    ) -> list[dict[str, object]]:
        """Return the records of the versions. Freshness: asked once a session."""
        if self._is_other(datastack_name):
            return self._plain().get_versions_metadata(datastack_name, expired)
        records = self._of.versions.records()
        return [_timed(one) for one in records if one.get("valid") or expired]

    def get_timestamp(
        self, version: int | None = None, datastack_name: str | None = None
    ) -> datetime:
        """Return when a version was frozen, UTC. Freshness: for ever."""
        if self._is_other(datastack_name):
            return self._plain().get_timestamp(version, datastack_name)
        return self._of.versions.record(self._known_version(version)).timestamp

    def get_tables(
        self, datastack_name: str | None = None, version: int | None = None
    ) -> list[str]:
        """Return the names of a version's tables. Freshness: a day."""
        if self._is_other(datastack_name):
            return list(self._plain().get_tables(datastack_name, version))
        return list(self._of.catalog.tables(self._known_version(version)))

    def get_annotation_count(
        self,
        table_name: str,
        datastack_name: str | None = None,
        version: int | None = None,
    ) -> int:
        """Return the rows that a table had when the version froze. For ever."""
        if self._is_other(datastack_name):
            plain = self._plain()
            return int(plain.get_annotation_count(table_name, datastack_name, version))
        asked = self._known_version(version)
        return self._of.catalog.annotation_count(table_name, asked)

    def get_table_metadata(
        self,
        table_name: str,
        datastack_name: str | None = None,
        version: int | None = None,
        log_warning: bool = True,
    ) -> JsonObject:
        """Return a table's record. Freshness: a day."""
        if self._is_other(datastack_name):
            return self._plain().get_table_metadata(
                table_name, datastack_name, version, log_warning
            )
        return self._of.catalog.table(table_name, self._known_version(version))

    def get_tables_metadata(
        self,
        datastack_name: str | None = None,
        version: int | None = None,
        log_warning: bool = True,
    ) -> list[JsonObject]:
        """Return the record of every table of a version. Freshness: a day."""
        if self._is_other(datastack_name):
            return self._plain().get_tables_metadata(
                datastack_name=datastack_name, version=version, log_warning=log_warning
            )
        records = self._of.catalog.tables(self._known_version(version))
        return [folded(record) for record in records.values()]

    def get_views(
        self, version: int | None = None, datastack_name: str | None = None
    ) -> dict[str, JsonObject]:
        """Return the record of every view of a version, by name. Freshness: a day."""
        if self._is_other(datastack_name):
            return self._plain().get_views(version, datastack_name)
        return self._of.catalog.views(self._known_version(version))

    def get_view_metadata(
        self,
        view_name: str,
        materialization_version: int | None = None,
        datastack_name: str | None = None,
        log_warning: bool = True,
    ) -> JsonObject:
        """Return a view's record. Freshness: a day."""
        if self._is_other(datastack_name):
            return self._plain().get_view_metadata(
                view_name, materialization_version, datastack_name, log_warning
            )
        asked = self._known_version(materialization_version)
        return self._of.catalog.view(view_name, asked)

    def get_view_schema(
        self,
        view_name: str,
        materialization_version: int | None = None,
        datastack_name: str | None = None,
        log_warning: bool = True,
    ) -> JsonObject:
        """Return a view's column types. Freshness: for ever."""
        if self._is_other(datastack_name):
            return self._plain().get_view_schema(
                view_name, materialization_version, datastack_name, log_warning
            )
        asked = self._known_version(materialization_version)
        self._of.catalog.view(view_name, asked)
        return self._of.catalog.view_schemas(asked)[view_name]

    def get_view_schemas(
        self,
        materialization_version: int | None = None,
        datastack_name: str | None = None,
        log_warning: bool = True,
    ) -> dict[str, JsonObject]:
        """Return the column types of every view. Freshness: for ever."""
        if self._is_other(datastack_name):
            return self._plain().get_view_schemas(
                materialization_version, datastack_name, log_warning
            )
        asked = self._known_version(materialization_version)
        return self._of.catalog.view_schemas(asked)

    def get_unique_string_values(
        self, table: str, datastack_name: str | None = None
    ) -> JsonObject:
        """Return the unique strings of the live table, by column. Freshness: a day."""
        if self._is_other(datastack_name):
            return self._plain().get_unique_string_values(table, datastack_name)
        return self._of.catalog.unique_strings(table, self._known_version(None))

    def _known_version(self, version: int | None) -> int:
        """Resolve a version and make sure that it exists."""
        resolved = self._of.versions.resolve(version)
        self._of.versions.ensure(resolved)
        return resolved

    def _connected(self) -> Any:  # noqa: ANN401  caveclient has no types
        return self._of.origin.session.materialize


def _timed(record: JsonObject) -> dict[str, object]:
    """Parse a record's times as caveclient does."""
    expires = record.get("expires_on")
    return {
        **record,
        "time_stamp": parse_time(str(record["time_stamp"])).astimezone(UTC),
        "expires_on": _NEVER if expires is None else parse_time(str(expires)),
    }
