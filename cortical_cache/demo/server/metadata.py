"""Versions, tables and views of the materialization service."""

from collections.abc import Mapping
from datetime import UTC, datetime

from cortical_cache.demo.rows import Kind
from cortical_cache.demo.server.deployment import Deployment, database_missing
from cortical_cache.demo.server.exchange import (
    Reply,
    Request,
    json_reply,
    not_found,
    unhandled,
)
from cortical_cache.demo.server.query import notice_warning, view_source
from cortical_cache.demo.world import Datastack, Table, Version, View

_VIEW_TYPES: Mapping[Kind, Mapping[str, str]] = {
    "bigint": {"type": "integer"},
    "integer": {"type": "integer"},
    "smallint": {"type": "integer"},
    "double precision": {"type": "float"},
    "real": {"type": "float"},
    "numeric": {"type": "number"},
    "character varying": {"type": "string"},
    "boolean": {"type": "boolean"},
    "timestamp without time zone": {"type": "string", "format": "date-time"},
    "geometry": {"type": "SpatialPoint"},
}


def api_versions(_deployment: Deployment, _request: Request) -> Reply:
    """List the API versions."""
    return json_reply([2, 3])


def service_version(_deployment: Deployment, _request: Request) -> Reply:
    """Answer with the service's version."""
    return json_reply("5.26.4")


def versions(deployment: Deployment, request: Request, name: str) -> Reply:
    """List version numbers in no order, invalid ones only on demand."""
    listed = _listed(deployment, request, deployment.datastack(name))
    return json_reply([version.number for version in listed])


def versions_metadata(deployment: Deployment, request: Request, name: str) -> Reply:
    """Describe the versions."""
    datastack = deployment.datastack(name)
    listed = _listed(deployment, request, datastack)
    if not listed:
        raise not_found("No valid versions found")
    return json_reply([_version(datastack, version) for version in listed])


def _listed(
    deployment: Deployment, request: Request, datastack: Datastack
) -> list[Version]:
    expired = request.flag("expired")
    listed = [v for v in datastack.versions if v.valid or expired]
    order: list[int] = deployment.dice().permutation(len(listed)).tolist()
    return [listed[place] for place in order]


def version_metadata(
    deployment: Deployment, _request: Request, name: str, number: str
) -> Reply:
    """Describe one version, whatever its state."""
    datastack = deployment.datastack(name)
    version = datastack.version(int(number))
    if version is None:
        raise not_found("No version found")
    return json_reply(_version(datastack, version))


def _version(datastack: Datastack, version: Version) -> dict[str, object]:
    expires = version.expires_on
    return {
        "status": version.status,
        "id": version.row_id,
        "is_merged": version.is_merged,
        "version": version.number,
        "expires_on": None if expires is None else iso(expires),
        "valid": version.valid,
        "datastack": datastack.name,
        "time_stamp": iso(version.time_stamp),
    }


def iso(time: datetime) -> str:
    """Print a time as the server does: UTC, without saying so."""
    return time.astimezone(UTC).replace(tzinfo=None).isoformat()


def tables(deployment: Deployment, request: Request, name: str, number: str) -> Reply:
    """List the tables of a version; the two API versions miss it differently."""
    version = deployment.datastack(name).version(int(number))
    if request.path.startswith("/materialize/api/v3"):
        if version is None or not version.tables:
            raise not_found(None)
    elif version is None:
        raise unhandled(f"404 Not Found: version {number} does not exist for {name} ")
    return json_reply(list(version.tables))


def count(
    deployment: Deployment, _request: Request, name: str, number: str, table: str
) -> Reply:
    """Answer with the rows that were valid at the time stamp."""
    snapshot = deployment.snapshot(name, int(number))
    deployment.table(snapshot, table)
    key = snapshot.source.name, snapshot.source_version.number
    if key not in deployment.world.frozen:
        raise database_missing(*key)
    return json_reply(deployment.world.frozen[key][table].row_count)


def table_metadata(
    deployment: Deployment, request: Request, name: str, number: str, table: str
) -> Reply:
    """Describe a table of a version from the live database."""
    datastack, version = _asked(deployment, name, number)
    if table not in version.tables:
        raise not_found(
            f"No table named '{table}' found for version '{number}' "
            f"in datastack '{name}'"
        )
    found = deployment.volume(datastack).tables[table]
    record = _table(deployment, datastack, version, found)
    headers: tuple[tuple[str, str], ...] = ()
    if request.path.startswith("/materialize/api/v2"):
        if found.segmentation is not None:
            record["table_name"] = f"{table}__{record['pcg_table_name']}"
        notice = deployment.notice(table, found.notice_text)
        if notice is not None:
            warning = notice_warning(table, notice).replace("\n", " ")
            headers = (("Warning", warning),)
    return json_reply(record, headers=headers)


def tables_metadata(
    deployment: Deployment, _request: Request, name: str, number: str
) -> Reply:
    """Describe all tables of a version."""
    datastack, version = _asked(deployment, name, number)
    live = deployment.volume(datastack).tables
    return json_reply(
        [_table(deployment, datastack, version, live[t]) for t in version.tables]
    )


def _asked(deployment: Deployment, name: str, number: str) -> tuple[Datastack, Version]:
    datastack = deployment.datastack(name)
    version = datastack.version(int(number))
    if version is None:
        raise unhandled(f"404 Not Found: version {number} not found in {name}")
    return datastack, version


def _table(
    deployment: Deployment, datastack: Datastack, version: Version, table: Table
) -> dict[str, object]:
    x, y, z = table.voxel_resolution
    record: dict[str, object] = {
        "table_name": table.name,
        "aligned_volume": datastack.aligned_volume,
        "id": version.tables[table.name],
        "valid": True,
        "schema": table.schema,
        "created": iso(table.created),
        "schema_type": table.schema,
        "user_id": table.user_id,
        "description": table.description,
        "notice_text": deployment.notice(table.name, table.notice_text),
        "reference_table": table.reference_table,
        "flat_segmentation_source": table.flat_segmentation_source,
        "voxel_resolution_x": x,
        "voxel_resolution_y": y,
        "voxel_resolution_z": z,
        "write_permission": table.write_permission,
        "read_permission": table.read_permission,
        "last_modified": iso(table.last_modified),
    }
    if table.segmentation is not None:
        updated = table.last_updated
        private = datastack if datastack.parent is None else None
        source = private or deployment.world.datastacks[str(datastack.parent)]
        record["segmentation_source"] = None
        record["pcg_table_name"] = source.segmentation
        record["last_updated"] = None if updated is None else iso(updated)
    return record


def views(deployment: Deployment, _request: Request, name: str, number: str) -> Reply:
    """Describe all views, as they are today."""
    source, found = _views(deployment, name, number)
    if not found:
        raise not_found({})
    return json_reply({n: _view(deployment, source, view) for n, view in found.items()})


def view_metadata(
    deployment: Deployment, _request: Request, name: str, number: str, view: str
) -> Reply:
    """Describe one view."""
    source, found = _views(deployment, name, number)
    if view not in found:
        raise unhandled("No row was found for one()")
    record = _view(deployment, source, found[view])
    return json_reply({"table_name": view, **record})


def view_schema(
    deployment: Deployment, _request: Request, name: str, number: str, view: str
) -> Reply:
    """Describe the columns of a view in the version's database."""
    source, found = _views(deployment, name, number)
    _require_database(deployment, source, name, number)
    if view not in found:
        raise unhandled("No row was found for one()")
    return json_reply(_schema(found[view]))


def view_schemas(
    deployment: Deployment, _request: Request, name: str, number: str
) -> Reply:
    """Describe the columns of all views."""
    source, found = _views(deployment, name, number)
    _require_database(deployment, source, name, number)
    return json_reply({n: _schema(view) for n, view in found.items()})


def _views(
    deployment: Deployment, name: str, number: str
) -> tuple[str, Mapping[str, View]]:
    source, _ = view_source(deployment, name, int(number))
    return source, deployment.volume(deployment.world.datastacks[source]).views


def _require_database(
    deployment: Deployment, source: str, name: str, number: str
) -> None:
    key = source, view_source(deployment, name, int(number))[1]
    if key not in deployment.world.view_rows:
        raise database_missing(*key)


def _view(deployment: Deployment, source: str, view: View) -> dict[str, object]:
    x, y, z = view.voxel_resolution
    return {
        "id": view.view_id,
        "notice_text": deployment.notice(view.name, view.notice_text),
        "live_compatible": view.live_compatible,
        "datastack_name": source,
        "description": view.description,
        "voxel_resolution_x": x,
        "voxel_resolution_y": y,
        "voxel_resolution_z": z,
    }


def _schema(view: View) -> dict[str, Mapping[str, str]]:
    return {column: _VIEW_TYPES[kind] for column, kind in view.columns.items()}


def unique_strings(
    deployment: Deployment, _request: Request, name: str, table: str
) -> Reply:
    """List the different strings of each text column of the live table."""
    found = deployment.volume(deployment.datastack(name)).tables.get(table)
    if found is None:
        raise unhandled(f"404 Not Found: table {table} not found in {name}")
    deployment.readable(found)
    dice = deployment.dice()
    answer: dict[str, list[str | None]] = {}
    for column, vector in found.annotation.columns.items():
        if vector.kind == "character varying":
            strings = sorted(set(vector.data[~vector.null].tolist()))
            values: list[str | None] = [
                *strings,
                *([None] if vector.null.any() else []),
            ]
            order = dice.permutation(len(values)).tolist()
            answer[column] = [values[place] for place in order]
    return json_reply(answer)
