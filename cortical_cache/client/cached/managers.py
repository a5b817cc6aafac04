"""``client.tables`` and ``client.views``: caveclient's own managers over cached facts.

Autocompletion, ``find``, reprs and filter syntax are caveclient's, because its code
makes them. Two things differ: a table's class is made when it is first touched, since
making sixty takes longer than reading a table; and caveclient's process-wide caches,
which are keyed by table name alone, are emptied around every use, so that two versions
or datasets in one process never mix.
"""

import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from functools import wraps
from html import escape
from typing import Any

from caveclient.tools import table_manager
from caveclient.tools.table_manager import BaseManager, InvalidInequalityException

from cortical_cache.errors import (
    InvalidQueryError,
    UnknownAttributeError,
    UnknownNameError,
)
from cortical_cache.model.json import Json, JsonObject

__all__ = ["TableManager", "ViewManager"]

_caches = threading.RLock()

_theirs: Any = table_manager  # it has no types


class _Manager(BaseManager):
    """What tables and views have in common.

    Parameters
    ----------
    client : object
        Has the shape of a CAVEclient.
    metadata : mapping of str to dict
        Record of each table or view, as caveclient shows it.
    where : str
        Dataset and version, for messages.
    """

    _what = "table"

    def __init__(
        self, client: object, metadata: Mapping[str, JsonObject], where: str
    ) -> None:
        self._client = client
        self._table_metadata = dict(metadata)
        self._tables = sorted(metadata)
        self._where = where

    def __dir__(self) -> list[str]:
        """Name the tables first, for completion."""
        return [*self._tables, *super().__dir__()]

    def __iter__(self) -> Generator[str]:
        """Go through the names, as ``in`` and ``len`` do."""
        yield from self._tables

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401  a class made at run time
        """Return the class of a table: ``tables["name"]`` is ``tables.name``."""
        return getattr(self, name)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  a class made at run time
        """Make the class of a table when it is first touched."""
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in self._tables:
            raise UnknownAttributeError(self._what, name, self._where, self._tables)
        with _caches_apart():
            made = _explaining(self._make(name), self._where)
        setattr(self, name, made)
        return made

    def __repr__(self) -> str:
        """List the names, as caveclient does."""
        return str(self._tables)

    def _repr_html_(self) -> str:
        """List names and descriptions, which are their owners' words: escaped."""
        entries = (
            f"<details><summary>{escape(name)}</summary>"
            f"<p>{escape(str(self._table_metadata[name].get('description') or ''))}</p>"
            "</details>"
            for name in self._tables
        )
        heading = f"{len(self._tables)} {self._what}s of {self._where}"
        return f"<b>{escape(heading)}</b>{''.join(entries)}"

    def _make(self, name: str) -> Any:  # noqa: ANN401  a class made at run time
        raise AttributeError(name)


class TableManager(_Manager):
    """The tables of one version.

    Parameters
    ----------
    client, metadata, where
        As for every manager.
    schemas : mapping of str to JSON
        JSON schema of every annotation type.
    """

    def __init__(
        self,
        client: object,
        metadata: Mapping[str, JsonObject],
        where: str,
        schemas: Mapping[str, Json],
    ) -> None:
        super().__init__(client, metadata, where)
        self._schemas = schemas

    def _make(self, name: str) -> Any:  # noqa: ANN401  a class made at run time
        record = self._table_metadata[name]
        names = {name, str(record.get("reference_table") or name)}
        records = {one: self._table_metadata[one] for one in names}
        types = {str(one.get("schema_type")) for one in records.values()}
        _theirs.populate_schema_cache(
            self._client,
            schema_definitions={one: self._schemas[one] for one in types},
        )
        _theirs.populate_table_cache(self._client, metadata=records)
        return _theirs.make_query_filter(name, records[name], self._client)


class ViewManager(_Manager):
    """The views of one version.

    Parameters
    ----------
    client, metadata, where
        As for every manager.
    schemas : mapping of str to dict
        Column types of every view.
    """

    _what = "view"

    def __init__(
        self,
        client: object,
        metadata: Mapping[str, JsonObject],
        where: str,
        schemas: Mapping[str, JsonObject],
    ) -> None:
        super().__init__(client, metadata, where)
        self._schemas = schemas

    def _make(self, name: str) -> Any:  # noqa: ANN401  a class made at run time
        record, schema = self._table_metadata[name], self._schemas[name]
        return _theirs.make_query_filter_view(name, record, schema, self._client)


@contextmanager
def _caches_apart() -> Generator[None]:
    def empty() -> None:
        for cache in ("_schema_cache", "_table_cache", "_metadata_cache"):
            getattr(_theirs, cache).clear()

    with _caches:
        empty()
        try:
            yield
        finally:
            empty()


def _explaining(made: Any, where: str) -> Any:  # noqa: ANN401  made at run time
    """Make a wrong filter say which ones there are."""
    plain: Callable[..., None] = made.__init__

    @wraps(plain)
    def explained(self: object, *args: object, **filters: object) -> None:
        for name in filters:
            if name not in made.fields:
                place = f"{made.__name__} of {where}"
                raise UnknownNameError("filter column", name, place, made.fields)
        try:
            plain(self, *args, **filters)
        except InvalidInequalityException as error:
            raise InvalidQueryError(str(error)) from error

    made.__init__ = explained
    return made
