"""What the server says of itself, its versions, its tables and its views."""

from datetime import datetime
from typing import cast

from cortical_cache.model.json import as_list, as_object
from cortical_cache.selfcheck.probe import Probe, Verdict, judged, probe
from cortical_cache.selfcheck.server import Server, UntestableError

__all__ = ["PROBES"]

_NEEDED = (5, 13)
_RECORD = {
    "version": int,
    "time_stamp": str,
    "is_merged": bool,
    "valid": bool,
    "status": str,
    "datastack": str,
}
_VIEW_TYPES = {"integer", "float", "number", "string", "boolean", "SpatialPoint"}


@probe(
    "server-version",
    assumes="services: MaterializationEngine is 5.13 or later and speaks API 3",
    otherwise="queries go to addresses that the server may not have: look at "
    "`CaveSession.url` and caveclient's version gates",
)
def _server_version(server: Server) -> Verdict:
    base = f"{server.address}/materialize"
    version = str(server.session.get_json(f"{base}/version", "the server's version"))
    spoken = as_list(
        server.session.get_json(f"{base}/api/versions", "the API versions")
    )
    parts = tuple(int(part) for part in version.split(".")[:2])
    holds = parts >= _NEEDED and 3 in spoken  # noqa: PLR2004  the API that we speak
    return judged(holds, f"{version}, API {spoken}")


@probe(
    "version-record",
    assumes="versions: a record has number, time, `is_merged`, `valid`, `status`, "
    "`expires_on`",
    otherwise="`VersionRecord.parse` fails, and with it every client: adapt it",
)
def _version_record(server: Server) -> Verdict:
    record = server.record
    odd = [
        name for name, kind in _RECORD.items() if not isinstance(record.get(name), kind)
    ]
    if not isinstance(record.get("expires_on", 0), str | None):
        odd.append("expires_on")
    return judged(not odd, f"odd or missing: {odd}" if odd else "all fields there")


@probe(
    "fractional-seconds",
    assumes="versions: times are naive UTC with fractions of a second",
    otherwise="caveclient cannot read the record, so what is passed through to it "
    "fails; times with a zone would be shifted: look at `parse_time`",
)
def _fractional_seconds(server: Server) -> Verdict:
    text = str(server.record["time_stamp"])
    moment = datetime.fromisoformat(text)
    return judged("." in text and moment.tzinfo is None, text)


@probe(
    "versions-list",
    assumes="versions: the list without expired ones names the records that are valid",
    otherwise="the newest version would be mistaken: look at `Versions.available`",
)
def _versions_list(server: Server) -> Verdict:
    url = server.session.url("versions") + "?expired=False"
    answer = as_list(server.session.get_json(url, "the list of versions"))
    listed = {int(cast("int", one)) for one in answer}
    valid = {
        int(cast("int", one["version"]))
        for one in server.metadata.versions()
        if one["valid"]
    }
    return judged(listed == valid, f"listed {sorted(listed)}, valid {sorted(valid)}")


@probe(
    "split-or-merged",
    assumes="storage: a split version shows `created` and `superceded_id`, a merged "
    "one neither, and nobody shows `deleted`",
    otherwise="NULL root ids would be told wrongly from 1, for `shape_of` reads the "
    "layout off `created`: adapt it",
)
def _split_or_merged(server: Server) -> Verdict:
    columns = set(server.sample(server.main).table.column_names)
    shown = sorted(columns & {"created", "superceded_id", "deleted"})
    holds = shown in ([], ["created", "superceded_id"])
    # A public datastack's rows come from another version's database, so only a private
    # one's record must agree.
    if "public" not in server.dataset.datastack:
        holds = holds and bool(shown) != server.record["is_merged"]
    return judged(holds, f"shows {shown}, is_merged is {server.record['is_merged']}")


@probe(
    "table-metadata",
    assumes="metadata: the list of all tables has the same records as one table alone",
    otherwise="`attrs` would differ from caveclient's, for sync keeps the list: keep "
    "the single records instead",
)
def _table_metadata(server: Server) -> Verdict:
    name = server.main
    single = as_object(
        server.session.get(
            "metadata", f"table {name}", version=server.version, table_name=name
        )
    )
    listed = server.tables[name]
    differing = sorted(
        key
        for key in {*listed, *single}
        if key not in single or key not in listed or listed[key] != single[key]
    )
    return judged(not differing, f"{name}: differing fields {differing}")


@probe(
    "view-schema",
    assumes="views: the schema names every column, with one of six types",
    otherwise="rows of views would be stored under wrong types or refused: look at "
    "the catalog's view columns and `shape_of`",
)
def _view_schema(server: Server) -> Verdict:
    if not server.views:
        raise UntestableError("this version has no view")
    types = {
        str(cast("dict[str, object]", column).get("type"))
        for schema in server.schemas.values()
        for column in schema.values()
    }
    missing = sorted(set(server.views) - set(server.schemas))
    return judged(
        types <= _VIEW_TYPES and not missing,
        f"types {sorted(types)}" + (f", no schema for {missing}" if missing else ""),
    )


PROBES: tuple[Probe, ...] = (
    _server_version,
    _version_record,
    _fractional_seconds,
    _versions_list,
    _split_or_merged,
    _table_metadata,
    _view_schema,
)
