"""What CAVE says about a datastack: versions, tables, views, schemas.

Records are returned as the server sends them, before caveclient folds or parses them,
because that is what the store keeps. caveclient's own methods are passed by on
purpose: they remember answers process-wide under keys that do not name the server.
"""

from typing import cast
from urllib.parse import urlencode

from caveclient.endpoints import infoservice_endpoints_v2, schema_endpoints_v2

from cortical_cache.errors import UnknownNameError
from cortical_cache.model.json import Json, JsonObject, as_list, as_object
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
        if not mirror and not again:
            info = self._session.client.info
            return as_object(cast("object", info.get_datastack_info()))
        asked = f"the record of {self._session.datastack}"
        url = self._info_url("datastack_info")
        if mirror:
            asked += f" with the images {mirror!r}"
            url += "?" + urlencode({"image_source_name": mirror})
        return as_object(self._session.get_json(url, asked))

    def image_mirrors(self) -> list[JsonObject]:
        """Return where the images of the datastack lie: name and source."""
        asked = f"the image mirrors of {self._session.datastack}"
        records = self._session.get_json(self._info_url("image_sources"), asked)
        return [as_object(record) for record in as_list(records)]

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
            records = self._session.get_json(url, asked)
        except UnknownNameError:  # "No valid versions found" is a 404
            return []
        return [as_object(record) for record in as_list(records)]

    def version(self, version: int) -> JsonObject:
        """Return the record of one version.

        Raises
        ------
        UnknownNameError
            If the server has no such version; the error does not name others.
        """
        asked = f"version {version} of {self._session.datastack}"
        return as_object(self._session.get("version_metadata", asked, version=version))

    def tables(self, version: int) -> list[JsonObject]:
        """Return the metadata record of every table of a version."""
        records = self._session.get(
            "all_tables_metadata", f"the tables of version {version}", version=version
        )
        return [as_object(record) for record in as_list(records)]

    def views(self, version: int) -> dict[str, JsonObject]:
        """Return the metadata record of every view of a version, by name."""
        try:
            records = self._session.get(
                "get_views", f"the views of version {version}", version=version
            )
        except UnknownNameError:  # no views at all is a 404
            return {}
        return {name: as_object(one) for name, one in as_object(records).items()}

    def view_schemas(self, version: int) -> dict[str, JsonObject]:
        """Return the column types of every view of a version, by name."""
        records = self._session.get(
            "view_schemas", f"the view schemas of version {version}", version=version
        )
        return {name: as_object(one) for name, one in as_object(records).items()}

    def annotation_count(self, table: str, version: int) -> int:
        """Return the number of rows at freeze time, which queries may exceed."""
        counted = self._session.get(
            "table_count",
            f"the row count of {table}",
            version=version,
            table_name=table,
        )
        return int(cast("int", counted))

    def unique_strings(self, table: str) -> JsonObject:
        """Return the unique values of each string column, of the live table."""
        asked = f"the unique strings of {table}"
        return as_object(
            self._session.get("unique_string_values", asked, table_name=table)
        )

    def schemas(self) -> dict[str, Json]:
        """Return the JSON schema of every annotation type."""
        url = schema_endpoints_v2["schema_definition_all"].format_map(
            {"emas_server_address": self._session.server_address}
        )
        return as_object(self._session.get_json(url, "the annotation schemas"))
