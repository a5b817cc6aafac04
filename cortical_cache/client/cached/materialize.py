"""``client.cached.materialize``: caveclient's reading methods, answered by the store.

Names and signatures are those of caveclient's ``MaterializationClient`` (a test holds
them against it). Whatever is not here or in ``records``, and every question about
another datastack, goes to the plain caveclient.
"""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from cortical_cache.client.cached.records import Records
from cortical_cache.errors import InvalidQueryError
from cortical_cache.model.arguments import (
    join_query,
    synapse_query,
    table_query,
    view_query,
)
from cortical_cache.model.query import Query
from cortical_cache.policy.answering import Options
from cortical_cache.repositories.dataset import Repositories
from cortical_cache.repositories.live import utc

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CachedMaterialize"]

log = logging.getLogger(__name__)

_TABLE_ONLY = ("datastack_name", "materialization_version", "timestamp", "log_warning")


class CachedMaterialize(Records):
    """The materialization service, answered from the store where it can be.

    Parameters
    ----------
    repositories : Repositories
    shell : object
        The ``client.cached`` it is part of; table managers call back through it.
    options : Options
        What its queries allow.
    explaining : bool
        Queries return how they would be answered instead of answers.
    """

    def __init__(
        self,
        repositories: Repositories,
        shell: object,
        options: Options,
        *,
        explaining: bool = False,
    ) -> None:
        super().__init__(repositories, shell)
        self._options = options
        self._explaining = explaining
        self.desired_resolution: object = None

    def query_table(
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
        if self._is_other(datastack_name):
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

    def join_query(
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
        if self._is_other(datastack_name):
            return self._plain().join_query(tables, **asked)
        for name in ("datastack_name", "materialization_version", "log_warning"):
            del asked[name]
        asked["desired_resolution"] = self._units(desired_resolution)
        version = self._known_version(materialization_version)
        query = join_query(
            tables, datastack=self.datastack_name, version=version, **asked
        )
        return self._answer(query, log_warning=log_warning)

    def query_view(
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
        if self._is_other(datastack_name) or materialization_version == 0:
            return self._plain().query_view(view_name, **asked)
        for name in ("datastack_name", "materialization_version"):
            del asked[name]
        asked["desired_resolution"] = self._units(desired_resolution)
        version = self._known_version(materialization_version)
        query = view_query(
            view_name, datastack=self.datastack_name, version=version, **asked
        )
        return self._answer(query, log_warning=True)

    def synapse_query(
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
        if self._is_other(datastack_name):
            return self._plain().synapse_query(**asked)
        version = None if timestamp is None else self._version_at(timestamp)
        if timestamp is not None and version is None:
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

    def live_query(
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
        if self._is_other(datastack_name):
            return self._plain().live_query(**asked)
        if self._version_at(timestamp) is not None:
            del asked["post_filter"]
            return self.query_table(**asked)
        asked["timestamp"] = utc(timestamp)
        found = self._computed(asked)
        return self._of.live.answer("live_query", asked) if found is None else found

    def _computed(self, asked: dict[str, Any]) -> "pd.DataFrame | None":
        """Compute a live answer from a version; None where only the server can."""
        from cortical_cache.client.cached.livequery import PLAIN_ONLY, computed

        live = self._of.live
        base = live.base(asked["timestamp"])
        if base is None or not live.is_settled(asked["timestamp"]):
            return None
        if any(asked[name] for name in PLAIN_ONLY):
            return None
        graph = cast("Any", self._shell).chunkedgraph
        return computed(self._of, self.query_table, graph, asked, base)

    def live_live_query(
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
        if self._is_other(datastack_name):
            return self._plain().live_live_query(**asked)
        asked["desired_resolution"] = self._units(desired_resolution)
        return self._of.live.answer("live_live_query", asked)

    def _answer(self, query: Query, *, log_warning: bool) -> "pd.DataFrame":
        if self._explaining:
            return cast("Any", self._of.tables.explain(query, self._options))
        answer = cast("pd.DataFrame", self._of.tables.answer(query, self._options))
        if log_warning:
            for name, notice in self._of.catalog.notices(query).items():
                log.warning("Table Owner Notice on %s: %s", name, notice)
        return answer

    def _units(self, desired_resolution: object) -> object:
        """Return the resolution that is asked for, else the client's own, if any."""
        if desired_resolution is None:
            return self.desired_resolution
        return desired_resolution

    def _version_at(self, timestamp: datetime) -> int | None:
        """Return the held or listed version frozen at exactly that time."""
        return self._of.versions.at(utc(timestamp))
