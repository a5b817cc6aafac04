"""What CAVE says about a datastack: versions, tables, views, schemas.

Records are returned as the server sends them, before caveclient folds or parses them,
because that is what the store keeps. caveclient's own methods are passed by on
purpose: they remember answers process-wide under keys that do not name the server.
"""

from contextlib import AbstractContextManager
from typing import cast
from urllib.parse import urlencode

from caveclient.endpoints import infoservice_endpoints_v2, schema_endpoints_v2

from cortical_cache.errors import UnknownNameError
from cortical_cache.model.foreign import check_name
from cortical_cache.model.json import Json, JsonObject, as_list, as_object
from cortical_cache.sources.cave.faults import translated, understood
from cortical_cache.sources.cave.session import CaveSession

__all__ = ["CaveMetadata"]


class CaveMetadata:
    """Ask CAVE for its records. Remembers nothing.

    Parameters
    ----------
    session : CaveSession
    """

    def __init__(self, session: CaveSession) -> None:
        self._session = session

    def info(self, mirror: str = "", *, again: bool = False) -> JsonObject:
        """Return the datastack's record of the info service.

        Parameters
        ----------
        mirror : str
            With the images of this mirror, where there are several.
        again : bool
            Ask even if connecting has brought it.
        """
        asked = f"the record of {self._session.datastack}"
        if not mirror and not again:
            client = self._session.client
            with self._read(asked), translated(self._session.server_address, asked):
                return as_object(cast("object", client.info.get_datastack_info()))
        url = self._info_url("datastack_info")
        if mirror:
            asked += f" with the images {mirror!r}"
            url += "?" + urlencode({"image_source_name": mirror})
        told = self._session.get_json(url, asked)
        with self._read(asked):
            return as_object(told)

    def image_mirrors(self) -> list[JsonObject]:
        """Return where the images of the datastack lie: name and source."""
        asked = f"the image mirrors of {self._session.datastack}"
        told = self._session.get_json(self._info_url("image_sources"), asked)
        with self._read(asked):
            return [as_object(record) for record in as_list(told)]

    def _info_url(self, endpoint: str) -> str:
        return infoservice_endpoints_v2[endpoint].format_map(
            {
                "i_server_address": self._session.server_address,
                "datastack_name": self._session.datastack,
            }
        )

    def versions(self) -> list[JsonObject]:
        """Return a record of every version the server knows, expired ones included."""
        asked = f"the versions of {self._session.datastack}"
        url = self._session.url("versions_metadata") + "?expired=True"
        try:
            told = self._session.get_json(url, asked)
        except UnknownNameError:  # "No valid versions found" is a 404
            return []
        with self._read(asked):
            return [as_object(record) for record in as_list(told)]

    def version(self, version: int) -> JsonObject:
        """Return the record of one version.

        Raises
        ------
        UnknownNameError
            If the server has no such version; the error does not name others.
        """
        asked = f"version {version} of {self._session.datastack}"
        told = self._session.get("version_metadata", asked, version=version)
        with self._read(asked):
            return as_object(told)

    def tables(self, version: int) -> list[JsonObject]:
        """Return the metadata record of every table of a version."""
        asked = f"the tables of version {version}"
        told = self._session.get("all_tables_metadata", asked, version=version)
        with self._read(asked):
            records = [as_object(record) for record in as_list(told)]
            for record in records:
                check_name(record["table_name"], "table")
            return records

    def views(self, version: int) -> dict[str, JsonObject]:
        """Return the metadata record of every view of a version, by name."""
        asked = f"the views of version {version}"
        try:
            told = self._session.get("get_views", asked, version=version)
        except UnknownNameError:  # no views at all is a 404
            return {}
        return self._by_name(told, asked)

    def view_schemas(self, version: int) -> dict[str, JsonObject]:
        """Return the column types of every view of a version, by name."""
        asked = f"the view schemas of version {version}"
        told = self._session.get("view_schemas", asked, version=version)
        return self._by_name(told, asked)

    def annotation_count(self, table: str, version: int) -> int:
        """Return the number of rows at freeze time, which queries may exceed."""
        asked = f"the row count of {table}"
        counted = self._session.get(
            "table_count", asked, version=version, table_name=table
        )
        with self._read(asked):
            if type(counted) is not int:
                raise TypeError(f"{counted!r} is no count")
            return counted

    def unique_strings(self, table: str) -> JsonObject:
        """Return the unique values of each string column, of the live table."""
        asked = f"the unique strings of {table}"
        told = self._session.get("unique_string_values", asked, table_name=table)
        with self._read(asked):
            return as_object(told)

    def schemas(self) -> dict[str, Json]:
        """Return the JSON schema of every annotation type."""
        url = schema_endpoints_v2["schema_definition_all"].format_map(
            {"emas_server_address": self._session.server_address}
        )
        asked = "the annotation schemas"
        told = self._session.get_json(url, asked)
        with self._read(asked):
            return as_object(told)

    def _by_name(self, told: object, asked: str) -> dict[str, JsonObject]:
        with self._read(asked):
            return {
                check_name(name, "view"): as_object(one)
                for name, one in as_object(told).items()
            }

    def _read(self, asked: str) -> AbstractContextManager[None]:
        return understood(self._session.server_address, asked)
