"""``client.cached.materialize``: caveclient's reading methods, answered by the store.

Names and signatures are those of caveclient's ``MaterializationClient`` (a test holds
them against it). Whatever is not here, and every question about another datastack,
goes to the plain caveclient.
"""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from cortical_cache.client.plain import plain_materialize
from cortical_cache.errors import InvalidQueryError
from cortical_cache.model.arguments import (
    join_query,
    synapse_query,
    table_query,
    view_query,
)
from cortical_cache.model.json import JsonObject
from cortical_cache.model.query import Query
from cortical_cache.model.version import VersionRecord, parse_time
from cortical_cache.repositories.catalog import folded
from cortical_cache.repositories.dataset import Repositories
from cortical_cache.repositories.live import utc

if TYPE_CHECKING:
    import pandas as pd

    from cortical_cache.client.managers import TableManager, ViewManager

__all__ = ["CachedMaterialize"]

log = logging.getLogger(__name__)

# caveclient's stand-in for "never", naive as it comes (CC convert_timestamp)
_NEVER = datetime(2262, 4, 11, 23, 47, 16, 854775)  # noqa: DTZ001

_TABLE_ONLY = ("datastack_name", "materialization_version", "timestamp", "log_warning")


class CachedMaterialize:
    """The materialization service, answered from the store where it can be.

    Parameters
    ----------
    repositories : Repositories
    shell : object
        The ``client.cached`` it is part of; table managers call back through it.
    explaining : bool
        Queries return how they would be answered instead of answers.
    """

    def __init__(
        self, repositories: Repositories, shell: object, *, explaining: bool = False
    ) -> None:
        self._explaining = explaining
        self._of = repositories
        self._shell = shell
        self._managers: dict[tuple[str, int], Any] = {}
        self.desired_resolution: object = None

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  caveclient's own
        """Pass everything else on to caveclient."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(plain_materialize(self._of.origin), name)

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
        """The tables of the version, as ``tables.NAME(column=value).query()``."""
        from cortical_cache.client.managers import TableManager

        version = self._known_version(None)
        key = ("tables", version)
        if key not in self._managers:
            catalog = self._of.catalog
            records = {
                name: {**folded(record), "schema": record.get("schema_type")}
                for name, record in catalog.tables(version).items()
            }
            self._managers[key] = TableManager(
                self._shell, records, catalog.where(version), catalog.schemas()
            )
        return self._managers[key]

    @property
    def views(self) -> "ViewManager":
        """The views of the version, as ``views.NAME(column=value).query()``."""
        from cortical_cache.client.managers import ViewManager

        version = self._known_version(None)
        key = ("views", version)
        if key not in self._managers:
            catalog = self._of.catalog
            self._managers[key] = ViewManager(
                self._shell,
                catalog.views(version),
                catalog.where(version),
                catalog.view_schemas(version),
            )
        return self._managers[key]

    def most_recent_version(self, datastack_name: str | None = None) -> int:
        """Return the newest version. Freshness: asked once a session."""
        if self._elsewhere(datastack_name):
            return int(self._plain().most_recent_version(datastack_name))
        return self._of.versions.newest()

    def get_versions(
        self, datastack_name: str | None = None, expired: bool = False
    ) -> list[int]:
        """Return the versions, expired ones on request. Freshness: once a session."""
        if self._elsewhere(datastack_name):
            return list(self._plain().get_versions(datastack_name, expired))
        records = map(VersionRecord.parse, self._of.versions.records())
        return [one.version for one in records if one.valid or expired]

    def get_version_metadata(
        self, version: int | None = None, datastack_name: str | None = None
    ) -> dict[str, object]:
        """Return a version's record. Freshness: times for ever, status as last known.

        Whole-second timestamps, which caveclient cannot read, are read.
        """
        if self._elsewhere(datastack_name):
            return self._plain().get_version_metadata(version, datastack_name)
        return _timed(self._of.versions.raw(self._known_version(version)))

    def get_versions_metadata(
        self, datastack_name: str | None = None, expired: bool = False
    ) -> list[dict[str, object]]:
        """Return the records of the versions. Freshness: asked once a session."""
        if self._elsewhere(datastack_name):
            return self._plain().get_versions_metadata(datastack_name, expired)
        records = self._of.versions.records()
        return [_timed(one) for one in records if one.get("valid") or expired]

    def get_timestamp(
        self, version: int | None = None, datastack_name: str | None = None
    ) -> datetime:
        """Return when a version was frozen, UTC. Freshness: for ever."""
        if self._elsewhere(datastack_name):
            return self._plain().get_timestamp(version, datastack_name)
        return self._of.versions.record(self._known_version(version)).timestamp

    def get_tables(
        self, datastack_name: str | None = None, version: int | None = None
    ) -> list[str]:
        """Return the names of a version's tables. Freshness: a day."""
        if self._elsewhere(datastack_name):
            return list(self._plain().get_tables(datastack_name, version))
        return list(self._of.catalog.tables(self._known_version(version)))

    def get_annotation_count(
        self,
        table_name: str,
        datastack_name: str | None = None,
        version: int | None = None,
    ) -> int:
        """Return the rows that a table had when the version froze. For ever."""
        if self._elsewhere(datastack_name):
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
        if self._elsewhere(datastack_name):
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
        if self._elsewhere(datastack_name):
            return self._plain().get_tables_metadata(
                datastack_name=datastack_name, version=version, log_warning=log_warning
            )
        records = self._of.catalog.tables(self._known_version(version))
        return [folded(record) for record in records.values()]

    def get_views(
        self, version: int | None = None, datastack_name: str | None = None
    ) -> dict[str, JsonObject]:
        """Return the record of every view of a version, by name. Freshness: a day."""
        if self._elsewhere(datastack_name):
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
        if self._elsewhere(datastack_name):
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
        if self._elsewhere(datastack_name):
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
        if self._elsewhere(datastack_name):
            return self._plain().get_view_schemas(
                materialization_version, datastack_name, log_warning
            )
        asked = self._known_version(materialization_version)
        return self._of.catalog.view_schemas(asked)

    def get_unique_string_values(
        self, table: str, datastack_name: str | None = None
    ) -> JsonObject:
        """Return the unique strings of the live table, by column. Freshness: a day."""
        if self._elsewhere(datastack_name):
            return self._plain().get_unique_string_values(table, datastack_name)
        return self._of.catalog.unique_strings(table, self._known_version(None))

    def query_table(  # noqa: PLR0913, PLR0917  caveclient's own signature
        self,
        table: str,
        filter_in_dict: Mapping[str, object] | None = None,
        filter_out_dict: Mapping[str, object] | None = None,
        filter_equal_dict: Mapping[str, object] | None = None,
        filter_greater_dict: Mapping[str, object] | None = None,
        filter_less_dict: Mapping[str, object] | None = None,
        filter_greater_equal_dict: Mapping[str, object] | None = None,
        filter_less_equal_dict: Mapping[str, object] | None = None,
        filter_spatial_dict: Mapping[str, object] | None = None,
        filter_regex_dict: Mapping[str, object] | None = None,
        select_columns: object = None,
        offset: int | None = None,
        limit: int | None = None,
        datastack_name: str | None = None,
        return_df: bool = True,
        split_positions: bool = False,
        materialization_version: int | None = None,
        timestamp: datetime | None = None,
        metadata: bool = True,
        merge_reference: bool = True,
        desired_resolution: object = None,
        get_counts: bool = False,
        random_sample: int | None = None,
        log_warning: bool = True,
    ) -> "pd.DataFrame":
        """Query a table, as caveclient's ``query_table``.

        Freshness: rows of a version are kept for ever. With `timestamp` the answer is
        that version's whose timestamp it is; at any other time it is asked anew.
        """
        asked = {name: one for name, one in locals().items() if name != "self"}
        del asked["table"]
        if self._elsewhere(datastack_name):
            return self._plain().query_table(table, **asked)
        if timestamp is not None:
            if materialization_version is not None:
                message = "give a timestamp or a materialization version, not both"
                raise InvalidQueryError(message)
            version = self._version_at(timestamp)
            if version is None:
                for name in ("materialization_version", "get_counts", "return_df"):
                    del asked[name]
                return self.live_query(table, **asked)
        else:
            version = self._known_version(materialization_version)
        for name in _TABLE_ONLY:
            del asked[name]
        asked["desired_resolution"] = self._units(desired_resolution)
        if merge_reference:
            record = self._of.catalog.table(table, version)
            asked["reference_table"] = record.get("reference_table") or None
        query = table_query(
            table, datastack=self.datastack_name, version=version, **asked
        )
        return self._answer(query, log_warning=log_warning)

    def join_query(  # noqa: PLR0913, PLR0917  caveclient's own signature
        self,
        tables: object,
        filter_in_dict: Mapping[str, object] | None = None,
        filter_out_dict: Mapping[str, object] | None = None,
        filter_equal_dict: Mapping[str, object] | None = None,
        filter_greater_dict: Mapping[str, object] | None = None,
        filter_less_dict: Mapping[str, object] | None = None,
        filter_greater_equal_dict: Mapping[str, object] | None = None,
        filter_less_equal_dict: Mapping[str, object] | None = None,
        filter_spatial_dict: Mapping[str, object] | None = None,
        filter_regex_dict: Mapping[str, object] | None = None,
        select_columns: object = None,
        offset: int | None = None,
        limit: int | None = None,
        suffixes: object = None,
        datastack_name: str | None = None,
        return_df: bool = True,
        split_positions: bool = False,
        materialization_version: int | None = None,
        metadata: bool = True,
        desired_resolution: object = None,
        random_sample: int | None = None,
        log_warning: bool = True,
    ) -> "pd.DataFrame":
        """Join two tables, as caveclient's ``join_query``.

        Freshness: rows of a version are kept for ever.
        """
        asked = {name: one for name, one in locals().items() if name != "self"}
        del asked["tables"]
        if self._elsewhere(datastack_name):
            return self._plain().join_query(tables, **asked)
        for name in ("datastack_name", "materialization_version", "log_warning"):
            del asked[name]
        asked["desired_resolution"] = self._units(desired_resolution)
        version = self._known_version(materialization_version)
        query = join_query(
            tables, datastack=self.datastack_name, version=version, **asked
        )
        return self._answer(query, log_warning=log_warning)

    def query_view(  # noqa: PLR0913, PLR0917  caveclient's own signature
        self,
        view_name: str,
        filter_in_dict: Mapping[str, object] | None = None,
        filter_out_dict: Mapping[str, object] | None = None,
        filter_equal_dict: Mapping[str, object] | None = None,
        filter_greater_dict: Mapping[str, object] | None = None,
        filter_less_dict: Mapping[str, object] | None = None,
        filter_greater_equal_dict: Mapping[str, object] | None = None,
        filter_less_equal_dict: Mapping[str, object] | None = None,
        filter_spatial_dict: Mapping[str, object] | None = None,
        filter_regex_dict: Mapping[str, object] | None = None,
        select_columns: object = None,
        offset: int | None = None,
        limit: int | None = None,
        datastack_name: str | None = None,
        return_df: bool = True,
        split_positions: bool = False,
        materialization_version: int | None = None,
        metadata: bool = True,
        desired_resolution: object = None,
        get_counts: bool = False,
        random_sample: int | None = None,
    ) -> "pd.DataFrame":
        """Query a view, as caveclient's ``query_view``.

        Freshness: rows of a version are kept for ever. Version 0, the live database,
        is asked anew each time.
        """
        asked = {name: one for name, one in locals().items() if name != "self"}
        del asked["view_name"]
        if self._elsewhere(datastack_name) or materialization_version == 0:
            return self._plain().query_view(view_name, **asked)
        for name in ("datastack_name", "materialization_version"):
            del asked[name]
        asked["desired_resolution"] = self._units(desired_resolution)
        version = self._known_version(materialization_version)
        query = view_query(
            view_name, datastack=self.datastack_name, version=version, **asked
        )
        return self._answer(query, log_warning=True)

    def synapse_query(  # noqa: PLR0913, PLR0917  caveclient's own signature
        self,
        pre_ids: object = None,
        post_ids: object = None,
        bounding_box: object = None,
        bounding_box_column: str = "post_pt_position",
        timestamp: datetime | None = None,
        remove_autapses: bool = True,
        include_zeros: bool = True,
        limit: int | None = None,
        offset: int | None = None,
        split_positions: bool = False,
        desired_resolution: object = None,
        materialization_version: int | None = None,
        synapse_table: str | None = None,
        datastack_name: str | None = None,
        metadata: bool = True,
    ) -> "pd.DataFrame":
        """Query the synapses of roots, as caveclient's ``synapse_query``.

        Freshness: rows of a version are kept for ever, under the roots they are of.
        """
        asked = {name: one for name, one in locals().items() if name != "self"}
        version = None if timestamp is None else self._version_at(timestamp)
        live = timestamp is not None and version is None
        if self._elsewhere(datastack_name):
            return self._plain().synapse_query(**asked)
        if live:
            return self._of.live.answer("synapse_query", asked)
        table = synapse_table or self.synapse_table
        if table is None:
            raise InvalidQueryError(
                f"{self.datastack_name} names no synapse table; give synapse_table="
            )
        for name in (
            "datastack_name",
            "materialization_version",
            "timestamp",
            "synapse_table",
            "remove_autapses",
        ):
            del asked[name]
        asked["desired_resolution"] = self._units(desired_resolution)
        query = synapse_query(
            table,
            datastack=self.datastack_name,
            version=version or self._known_version(materialization_version),
            **asked,
        )
        frame = self._answer(query, log_warning=True)
        if metadata:
            frame.attrs["remove_autapses"] = remove_autapses
        if not remove_autapses:
            return frame
        from cortical_cache.engine import without_autapses

        return without_autapses(frame)

    def live_query(  # noqa: PLR0913, PLR0917  caveclient's own signature
        self,
        table: str,
        timestamp: datetime,
        filter_in_dict: Mapping[str, object] | None = None,
        filter_out_dict: Mapping[str, object] | None = None,
        filter_equal_dict: Mapping[str, object] | None = None,
        filter_greater_dict: Mapping[str, object] | None = None,
        filter_less_dict: Mapping[str, object] | None = None,
        filter_greater_equal_dict: Mapping[str, object] | None = None,
        filter_less_equal_dict: Mapping[str, object] | None = None,
        filter_spatial_dict: Mapping[str, object] | None = None,
        filter_regex_dict: Mapping[str, object] | None = None,
        select_columns: object = None,
        offset: int | None = None,
        limit: int | None = None,
        datastack_name: str | None = None,
        split_positions: bool = False,
        post_filter: bool = True,
        metadata: bool = True,
        merge_reference: bool = True,
        desired_resolution: object = None,
        random_sample: int | None = None,
        log_warning: bool = True,
    ) -> "pd.DataFrame":
        """Query a table at a moment, as caveclient's ``live_query``.

        Freshness: at a version's timestamp that version's rows; at a moment that is
        past for good kept for ever; otherwise asked anew.
        """
        asked = {name: one for name, one in locals().items() if name != "self"}
        if self._elsewhere(datastack_name):
            return self._plain().live_query(**asked)
        if self._version_at(timestamp) is not None:
            del asked["post_filter"]
            return self.query_table(**asked)
        asked["timestamp"] = utc(timestamp)
        found = self._computed(asked)
        return self._of.live.answer("live_query", asked) if found is None else found

    def _computed(self, asked: dict[str, Any]) -> "pd.DataFrame | None":
        """Compute a live answer from a version; None where only the server can."""
        from cortical_cache.client.livequery import PLAIN_ONLY, computed

        live = self._of.live
        base = live.base(asked["timestamp"])
        if base is None or not live.is_settled(asked["timestamp"]):
            return None
        if any(asked[name] for name in PLAIN_ONLY):
            return None
        graph = cast("Any", self._shell).chunkedgraph
        try:
            return computed(self._of, self, graph, asked, base)
        except ValueError:  # ids that are none then, NULL roots: the server's to say
            return None

    def live_live_query(  # noqa: PLR0913, PLR0917  caveclient's own signature
        self,
        table: str,
        timestamp: datetime,
        joins: object = None,
        filter_in_dict: Mapping[str, object] | None = None,
        filter_out_dict: Mapping[str, object] | None = None,
        filter_equal_dict: Mapping[str, object] | None = None,
        filter_greater_dict: Mapping[str, object] | None = None,
        filter_less_dict: Mapping[str, object] | None = None,
        filter_greater_equal_dict: Mapping[str, object] | None = None,
        filter_less_equal_dict: Mapping[str, object] | None = None,
        filter_spatial_dict: Mapping[str, object] | None = None,
        filter_regex_dict: Mapping[str, object] | None = None,
        select_columns: object = None,
        offset: int | None = None,
        limit: int | None = None,
        datastack_name: str | None = None,
        split_positions: bool = False,
        metadata: bool = True,
        suffixes: Mapping[str, str] | None = None,
        desired_resolution: object = None,
        allow_missing_lookups: bool = False,
        allow_invalid_root_ids: bool = False,
        random_sample: int | None = None,
        log_warning: bool = True,
    ) -> "pd.DataFrame":
        """Query tables at a moment, as caveclient's ``live_live_query``.

        Freshness: as `live_query`.
        """
        asked = {name: one for name, one in locals().items() if name != "self"}
        if self._elsewhere(datastack_name):
            return self._plain().live_live_query(**asked)
        asked["desired_resolution"] = self._units(desired_resolution)
        return self._of.live.answer("live_live_query", asked)

    def _answer(self, query: Query, *, log_warning: bool) -> "pd.DataFrame":
        if self._explaining:
            return cast("Any", self._of.tables.explain(query))
        answer = cast("pd.DataFrame", self._of.tables.answer(query))
        if log_warning:
            for name, notice in self._of.catalog.notices(query).items():
                log.warning("Table Owner Notice on %s: %s", name, notice)
        return answer

    def _known_version(self, version: int | None) -> int:
        """Resolve a version and make sure that it exists."""
        resolved = self._of.versions.resolve(version)
        self._of.versions.ensure(resolved)
        return resolved

    def _units(self, desired_resolution: object) -> object:
        """Return the resolution that is asked for, else the client's own, if any."""
        if desired_resolution is None:
            return self.desired_resolution
        return desired_resolution

    def _version_at(self, timestamp: datetime) -> int | None:
        """Return the held or listed version frozen at exactly that time."""
        return self._of.versions.at(utc(timestamp))

    def _elsewhere(self, datastack_name: str | None) -> bool:
        return datastack_name not in {None, self.datastack_name}

    def _plain(self) -> Any:  # noqa: ANN401  caveclient has no types
        return plain_materialize(self._of.origin)


def _timed(record: JsonObject) -> dict[str, object]:
    """Parse a record's times as caveclient does."""
    expires = record.get("expires_on")
    return {
        **record,
        "time_stamp": parse_time(str(record["time_stamp"])).astimezone(UTC),
        "expires_on": _NEVER if expires is None else parse_time(str(expires)),
    }
