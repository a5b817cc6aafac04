"""Queries at a moment instead of a version.

At a version's own timestamp the version answers. At another moment that is past for
good the server's answer is kept under the exact request; "now" is never kept.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from cortical_cache.cache.facts import Clock
from cortical_cache.cache.frames import Frames
from cortical_cache.cache.origin import Origin
from cortical_cache.errors import InvalidQueryError, TruncatedResultError
from cortical_cache.model.arguments import table_query
from cortical_cache.model.attributes import given_filters
from cortical_cache.model.query import Query
from cortical_cache.model.values import as_given
from cortical_cache.model.version import VersionRecord, parse_time
from cortical_cache.policy.answering import key_filters
from cortical_cache.policy.freshness import is_past
from cortical_cache.repositories.answered import Answered
from cortical_cache.repositories.catalog import Catalog
from cortical_cache.repositories.missing import require
from cortical_cache.repositories.tables import Tables
from cortical_cache.repositories.versions import Versions

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Live", "utc"]

_ELSEWHERE = ("joins", "select_columns", "suffixes", "random_sample", "offset", "limit")
_SHOWN = ("split_positions", "metadata", "log_warning")


class Live:
    """Answer live queries.

    Freshness: the answer at a moment that lay over a minute back by the server's
    clock, and on a public datastack not after its newest version, is kept for ever
    under the version it was computed from; any other is asked anew each time.

    Parameters
    ----------
    catalog, versions, tables, frames, origin, clock
        Collaborators.
    """

    def __init__(  # noqa: PLR0913, PLR0917  collaborators
        self,
        catalog: Catalog,
        versions: Versions,
        tables: Tables,
        frames: Frames,
        origin: Origin,
        clock: Clock,
    ) -> None:
        self._clock = clock
        self._catalog = catalog
        self._versions = versions
        self._tables = tables
        self._frames = frames
        self._origin = origin

    def answer(self, method: str, arguments: Mapping[str, object]) -> "pd.DataFrame":
        """Answer a live query of caveclient.

        Parameters
        ----------
        method : {"live_live_query", "live_query", "query_table", "synapse_query"}
        arguments : mapping of str to object
            All of the method's arguments by name, with a ``timestamp``.

        Returns
        -------
        pandas.DataFrame

        Raises
        ------
        InvalidQueryError
            If the timestamp is none.
        NotCachedError
            Offline, and not kept from before.
        TruncatedResultError
            If the server cut the answer and no limit was asked.
        """
        moment = utc(arguments["timestamp"])
        version = self._versions.at(moment)
        if method == "live_live_query" and version is not None:
            found = self._from_version(arguments, version, moment)
            if found is not None:
                return found
        return self._from_server(method, arguments, moment)

    def _from_server(
        self, method: str, arguments: Mapping[str, object], moment: datetime
    ) -> "pd.DataFrame":
        from cortical_cache.sources.cave.calls import pass_call, presented

        base = self.base(moment)
        digest = _digest(method, arguments, base)
        under = self._oldest() if base is None else base
        kept = None if under is None else self._frames.get(digest, under)
        what = f"{method} of {arguments.get('table') or self._origin.dataset.name}"
        if kept is None:
            require(self._origin, f"{what} at {moment.isoformat()} is")
            asked = {**arguments, "split_positions": True, "metadata": True}
            passed = pass_call(self._origin.session, method, asked, what)
            frame = passed.frame
            sampled = arguments.get("random_sample") or arguments.get("limit")
            if passed.limited and not sampled:
                raise TruncatedResultError(
                    f"{what} at {moment.isoformat()}: as many rows came as the server "
                    f"gives, {len(frame):,} of them in the answer, and there may be "
                    "more; filter it, or give a limit",
                    len(frame),
                    -1,
                )
            told = Answered("server", None, self._clock(), "a live answer")
            past = is_past(moment, passed.server_time, self._versions.public_end())
            if past and under is not None and not passed.limited and not sampled:
                self._frames.keep(digest, under, frame)
        else:
            frame = kept.frame
            told = Answered("store", None, kept.fetched_at, "a live answer, kept")
        self._tables.last = told
        frame.attrs["cortical_cache"] = told.note()
        return presented(
            frame,
            split_positions=bool(arguments.get("split_positions")),
            metadata=bool(arguments.get("metadata")),
        )

    def base(self, moment: datetime) -> int | None:
        """Return the version that CAVE starts from: the newest before the moment."""
        records = map(VersionRecord.parse, self._versions.records())
        before = [one for one in records if one.valid and one.timestamp <= moment]
        newest = max(before, key=lambda one: one.timestamp, default=None)
        return None if newest is None else newest.version

    def _oldest(self) -> int | None:
        """Return the version that CAVE starts from at moments before all of them."""
        records = map(VersionRecord.parse, self._versions.records())
        valid = [one for one in records if one.valid]
        oldest = min(valid, key=lambda one: one.timestamp, default=None)
        return None if oldest is None else oldest.version

    def is_settled(self, moment: datetime) -> bool:
        """Tell whether the answer at a moment can no longer change, by our own clock.

        Good enough to choose how to ask; what is kept goes by the server's clock.
        """
        return is_past(moment, self._clock(), self._versions.public_end())

    def _from_version(
        self, arguments: Mapping[str, object], version: int, moment: datetime
    ) -> "pd.DataFrame | None":
        """Answer from the rows of the version frozen at that moment, if they can.

        The server's columns depend on whether the table was edited since
        (``combine_queries``). What these rows cannot show is left to the server: joins
        (invalid rows of the joined table count), rows that wait for their supervoxels
        (an error) or roots, and root ids that may not exist at the moment (an error).
        """
        if any(arguments.get(name) for name in _ELSEWHERE):
            return None
        table = str(arguments["table"])
        query = self._query(arguments, table, version)
        if query is None:
            return None
        frame = cast("pd.DataFrame", self._tables.answer(query))
        if not len(frame) or not _roots_are_found(query, frame):
            return None
        if _lacks_ids(frame):
            return None
        from cortical_cache.sources.cave.calls import presented

        record = self._catalog.table(table, version)
        edited = parse_time(str(record["last_modified"])) > moment
        attrs = self._tables.attributes(query)
        note = frame.attrs.get("cortical_cache")
        frame = _live_columns(frame, edited=edited)
        frame.attrs = {
            **{key: one for key, one in attrs.items() if key != "column_names"},
            "cortical_cache": note,
            "filters": given_filters(arguments),
            "live_query": True,
            "timestamp": moment.strftime("%Y-%m-%dT%H:%M:%S.%f"),
            "materialization_version": None,
        }
        return presented(
            frame,
            split_positions=bool(arguments.get("split_positions")),
            metadata=bool(arguments.get("metadata")),
        )

    def _query(
        self, arguments: Mapping[str, object], table: str, version: int
    ) -> Query | None:
        filters: dict[str, object] = {}
        for name, value in arguments.items():
            if name.startswith("filter_") and value:
                by_table = cast("Mapping[str, object]", value)
                if set(by_table) - {table} or name == "filter_out_dict":
                    return None
                filters[name] = by_table.get(table)
        return table_query(
            table,
            datastack=self._origin.dataset.datastack,
            version=version,
            desired_resolution=arguments.get("desired_resolution"),
            split_positions=True,
            merge_reference=False,
            **filters,  # pyright: ignore[reportArgumentType]  filters only
        )


def utc(timestamp: object) -> datetime:
    """Return a timestamp as aware UTC; naive ones are UTC, as caveclient takes them.

    Raises
    ------
    InvalidQueryError
        If it is no datetime.
    """
    if timestamp == "now":
        return datetime.now(UTC)
    if not isinstance(timestamp, datetime):
        raise InvalidQueryError(f"timestamp must be a datetime, not {timestamp!r}")
    if timestamp.tzinfo is None:
        return timestamp.replace(tzinfo=UTC)
    return timestamp.astimezone(UTC)


def _digest(method: str, arguments: Mapping[str, object], base: int | None) -> str:
    asked = {
        name: utc(value).isoformat() if name == "timestamp" else as_given(value)
        for name, value in sorted(arguments.items())
        if name not in _SHOWN
    }
    text = json.dumps([method, base, asked], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _roots_are_found(query: Query, frame: "pd.DataFrame") -> bool:
    """Tell whether every root id that is asked for turns up in the answer."""
    for column, keys in key_filters(query, query.tables[0]).items():
        is_root = column.endswith("root_id") and column in frame.columns
        if is_root and keys - {int(one) for one in frame[column].unique()}:
            return False
    return all(
        one.kind in {"in", "equal"}
        for one in query.filters
        if one.column.endswith("root_id")
    )


def _lacks_ids(frame: "pd.DataFrame") -> bool:
    """Tell whether a row has a NULL root or supervoxel, 1 in a split version."""
    return any(
        frame[column].isna().any() or (frame[column] == 1).any()
        for column in frame.columns
        if column.endswith(("_supervoxel_id", "_root_id"))
    )


def _live_columns(frame: "pd.DataFrame", *, edited: bool) -> "pd.DataFrame":
    """Choose and order columns as the server does for a live answer with rows."""
    import pandas as pd

    names = list(frame.columns)
    if "created" not in names:  # a merged version
        return frame[[*_apart(names), "valid"]] if edited else frame
    kept = [name for name in names if name not in {"superceded_id", "valid"}]
    dtype = frame["created"].dtype
    deleted = pd.Series(pd.NaT, index=frame.index, dtype=dtype)
    frame = frame[kept].copy()
    frame.insert(len(kept) if edited else 2, "deleted", deleted)
    return frame


def _apart(names: list[str]) -> list[str]:
    """Order columns as a split version does: annotation, then segmentation."""
    points = [
        name.removesuffix("_position_x")
        for name in names
        if name.endswith("_position_x")
    ]
    segmentation = [
        f"{point}_{what}_id"
        for point in points
        for what in ("supervoxel", "root")
        if f"{point}_{what}_id" in names
    ]
    rest = [name for name in names if name not in {"valid", *segmentation}]
    return [*rest, *segmentation]
