"""Which tables and views a version has, and what CAVE says of them.

Freshness: lists, metadata, notices and unique strings come from the live database
even where their address carries a version; they are served as captured for a day,
then asked again; offline, or when the server fails, as last captured.
"""

from collections.abc import Mapping

from cortical_cache.cache.facts import Facts
from cortical_cache.cache.origin import Origin
from cortical_cache.errors import (
    NotCachedError,
    UnknownNameError,
    VersionExpiredError,
)
from cortical_cache.model.commands import sync_command
from cortical_cache.model.dataset import Dataset
from cortical_cache.model.json import Json, JsonObject, as_list, as_object
from cortical_cache.model.query import Query
from cortical_cache.model.shape import Column, ColumnType, Kind
from cortical_cache.model.subject import Subject
from cortical_cache.policy.freshness import Fact
from cortical_cache.repositories.expiry import with_copies
from cortical_cache.repositories.missing import by_asking

__all__ = ["Catalog", "folded"]

_VIEW_TYPES: Mapping[object, ColumnType] = {
    "integer": ColumnType.BIGINT,
    "float": ColumnType.DOUBLE,
    "number": ColumnType.DOUBLE,
    "boolean": ColumnType.BOOLEAN,
    "string": ColumnType.VARCHAR,
    "SpatialPoint": ColumnType.POINT,
}


class Catalog:
    """Tables, views, schemas and notices of one dataset.

    Parameters
    ----------
    dataset : Dataset
    facts : Facts
    origin : Origin
    """

    def __init__(self, dataset: Dataset, facts: Facts, origin: Origin) -> None:
        self._dataset = dataset
        self._facts = facts
        self._origin = origin

    @property
    def dataset_name(self) -> str:
        """Our name of the dataset."""
        return self._dataset.name

    def tables(self, version: int, *, refresh: bool = False) -> dict[str, JsonObject]:
        """Return the metadata record of every table, by name, as the server sends it.

        Freshness: a day.
        """
        document = self._facts.get(
            Fact.TABLES,
            lambda: [*self._origin.metadata.tables(version)],
            missing=self._missing("the table list", version),
            version=version,
            refresh=refresh,
        )
        records = map(as_object, as_list(document.value))
        return {str(record["table_name"]): record for record in records}

    def table(self, name: str, version: int) -> JsonObject:
        """Return a table's metadata as caveclient shows it. Freshness: a day.

        Raises
        ------
        UnknownNameError
            If the version has no such table; the error names near ones.
        """
        try:
            tables = self.tables(version)
        except NotCachedError as error:
            raise self._not_cached("table", name, version) from error
        if name not in tables:
            raise UnknownNameError("table", name, self.where(version), tuple(tables))
        return folded(tables[name])

    def views(self, version: int, *, refresh: bool = False) -> dict[str, JsonObject]:
        """Return the metadata record of every view, by name. Freshness: a day."""
        document = self._facts.get(
            Fact.VIEWS,
            lambda: {**self._origin.metadata.views(version)},
            missing=self._missing("the view list", version),
            version=version,
            refresh=refresh,
        )
        return {name: as_object(v) for name, v in as_object(document.value).items()}

    def view(self, name: str, version: int) -> JsonObject:
        """Return a view's metadata as caveclient shows it. Freshness: a day.

        Raises
        ------
        UnknownNameError
            If the version has no such view; the error names near ones.
        """
        try:
            views = self.views(version)
        except NotCachedError as error:
            raise self._not_cached("view", name, version) from error
        if name not in views:
            raise UnknownNameError("view", name, self.where(version), tuple(views))
        return {**views[name], "table_name": name}

    def view_schemas(self, version: int) -> dict[str, JsonObject]:
        """Return the column types of every view. Freshness: for ever."""
        document = self._facts.get(
            Fact.VIEW_SCHEMAS,
            lambda: self._ask_view_schemas(version),
            missing=self._missing("the view schemas", version, verb="are"),
            version=version,
        )
        return {name: as_object(v) for name, v in as_object(document.value).items()}

    def _ask_view_schemas(self, version: int) -> Json:
        """Ask for what only the version's own database tells."""
        try:
            return {**self._origin.metadata.view_schemas(version)}
        except VersionExpiredError as error:
            raise with_copies(str(error), self._dataset) from error

    def schemas(self, *, refresh: bool = False) -> dict[str, Json]:
        """Return the JSON schema of every annotation type. Freshness: a day."""
        document = self._facts.get(
            Fact.SCHEMAS,
            lambda: {**self._origin.metadata.schemas()},
            missing=self._missing("the annotation schemas", None, verb="are"),
            refresh=refresh,
        )
        return as_object(document.value)

    def info(self, *, mirror: str = "", refresh: bool = False) -> JsonObject:
        """Return the datastack's record of the info service. Freshness: a day.

        Parameters
        ----------
        mirror : str
            With the images of this mirror, where there are several.
        refresh : bool
            Ask now.
        """
        # What caveclient remembers since it connected is as old as what is held.
        again = refresh or self._facts.held(Fact.INFO) is not None
        document = self._facts.get(
            Fact.INFO,
            lambda: self._origin.metadata.info(mirror, again=again),
            missing=(
                by_asking(self._origin, f"the record with images of {mirror}")
                if mirror
                else self._missing("the datastack's record", None)
            ),
            part=mirror,
            refresh=refresh,
        )
        return as_object(document.value)

    def image_mirrors(self) -> list[JsonObject]:
        """Return where else the images lie: name and source. Freshness: a day."""
        document = self._facts.get(
            Fact.IMAGE_MIRRORS,
            lambda: [*self._origin.metadata.image_mirrors()],
            missing=by_asking(self._origin, "the list of image mirrors"),
        )
        return [as_object(one) for one in as_list(document.value)]

    def unique_strings(self, table: str, version: int) -> JsonObject:
        """Return the unique values of a table's string columns. Freshness: a day.

        They are those of the live table, whatever the version.
        """
        self.table(table, version)
        document = self._facts.get(
            Fact.UNIQUE_STRINGS,
            lambda: self._origin.metadata.unique_strings(table),
            missing=self._missing(
                f"the unique strings of {table}", version, table, verb="are"
            ),
            version=version,
            part=table,
        )
        return as_object(document.value)

    def annotation_count(self, table: str, version: int) -> int:
        """Return the row count that the server stored at freeze time. For ever.

        A query of a split version may return more rows than that.
        """
        self.table(table, version)
        document = self._facts.get(
            Fact.ANNOTATION_COUNTS,
            lambda: self._origin.metadata.annotation_count(table, version),
            missing=self._missing(f"the row count of {table}", version, table),
            version=version,
            part=table,
        )
        return int(str(document.value))

    def kind(self, name: str, version: int) -> Kind:
        """Tell whether a name is a table or a view of a version.

        Raises
        ------
        UnknownNameError
            If it is neither.
        """
        tables = self.tables(version)
        if name in tables:
            return "table"
        views = self.views(version)
        if name in views:
            return "view"
        known = (*tables, *views)
        raise UnknownNameError("table or view", name, self.where(version), known)

    def subject(self, name: str, version: int, kind: Kind | None = None) -> Subject:
        """Describe a table or view to whoever fetches its rows.

        Parameters
        ----------
        name : str
        version : int
        kind : {"table", "view"}, optional
            Looked up when not given.

        Raises
        ------
        UnknownNameError
            If the version has neither.
        """
        kind = kind or self.kind(name, version)
        if kind == "table":
            record = self.table(name, version)
            resolution = as_list(record["voxel_resolution"])
            reference = record.get("reference_table") or None
            columns: tuple[Column, ...] = ()
        else:
            record = self.view(name, version)
            axes = ("voxel_resolution_x", "voxel_resolution_y", "voxel_resolution_z")
            resolution = [record.get(axis) for axis in axes]
            reference = None
            schema = self.view_schemas(version).get(name, {})
            columns = tuple(
                Column(column, _view_type(as_object(described)))
                for column, described in schema.items()
            )
        x, y, z = (float(str(one)) for one in resolution)
        named = None if reference is None else str(reference)
        return Subject(kind, name, version, (x, y, z), named, columns)

    def notices(self, query: Query) -> dict[str, str]:
        """Return the owners' notices on the tables of a query. Freshness: a day."""
        view = query.kind == "view"
        records = (self.views if view else self.tables)(query.version)
        return {
            name: str(notice)
            for name in query.tables
            if (notice := records.get(name, {}).get("notice_text"))
        }

    def not_cached(self, subject: Subject) -> NotCachedError:
        """Name a table or view that is not held, and the command that fetches it."""
        return self._not_cached(subject.kind, subject.name, subject.version)

    def _not_cached(self, kind: Kind, name: str, version: int) -> NotCachedError:
        return NotCachedError(
            f"{kind} {name} of {self.where(version)} is",
            sync_command(self._dataset.name, version, kind, name),
        )

    def where(self, version: int) -> str:
        """Name dataset and version for a message."""
        return f"{self._dataset.name} v{version}"

    def _missing(
        self, what: str, version: int | None, table: str = "", *, verb: str = "is"
    ) -> tuple[str, str]:
        name = self._dataset.name
        target = "latest" if version is None else version
        where = name if version is None else self.where(version)
        command = f"cortical-cache sync {name} {target}"
        if table:
            command = sync_command(name, target, "table", table)
        return f"{what} of {where} {verb}", command


def folded(record: JsonObject) -> JsonObject:
    """Fold the three voxel resolutions into one list, as caveclient does.

    CC ``materializationengine.get_table_metadata``.
    """
    axes = ("voxel_resolution_x", "voxel_resolution_y", "voxel_resolution_z")
    rest = {key: value for key, value in record.items() if key not in axes}
    return {**rest, "voxel_resolution": [record.get(axis) for axis in axes]}


def _view_type(described: JsonObject) -> ColumnType:
    if described.get("format") == "date-time":
        return ColumnType.TIMESTAMP
    return _VIEW_TYPES.get(described.get("type"), ColumnType.VARCHAR)
