"""The annotation service: the live tables, and what is written to them.

What is written is kept beside the world and answered for here alone; versions that
are frozen do not change by it.
"""

from collections.abc import Iterator
from typing import cast

from cortical_cache.demo.server.deployment import Deployment
from cortical_cache.demo.server.exchange import (
    Fault,
    Reply,
    Request,
    json_reply,
    not_found,
)
from cortical_cache.demo.world import Table

_Record = dict[str, object]

_CREATED = 201  # so says the service, also of what is only looked up


def tables(deployment: Deployment, _request: Request, volume: str) -> Reply:
    """List the tables of an aligned volume."""
    return json_reply(list(_tables(deployment, volume)))


def metadata(
    deployment: Deployment, _request: Request, volume: str, name: str
) -> Reply:
    """Describe a table."""
    table = _table(deployment, volume, name)
    x, y, z = table.voxel_resolution
    notice = deployment.notice(name, table.notice_text)
    headers = (("Warning", f"Table Owner Notice: {notice}"),) if notice else ()
    record = {
        "table_name": table.name,
        "schema_type": table.schema,
        "description": table.description,
        "user_id": table.user_id,
        "valid": True,
        "reference_table": table.reference_table,
        "flat_segmentation_source": table.flat_segmentation_source,
        "write_permission": table.write_permission,
        "read_permission": table.read_permission,
        "notice_text": table.notice_text,
        "voxel_resolution_x": x,
        "voxel_resolution_y": y,
        "voxel_resolution_z": z,
    }
    return json_reply(record, _CREATED, headers)


def post(deployment: Deployment, request: Request, volume: str, name: str) -> Reply:
    """Add annotations and answer with their ids, in order."""
    table = _table(deployment, volume, name)
    written = deployment.written.setdefault((volume, name), {})
    fresh = _fresh_ids(table, written)
    ids: list[int] = []
    for record in _given(request):
        given = record.get("id")
        number = next(fresh) if given is None else int(str(given))
        written[number] = {**record, "id": number}
        ids.append(number)
    return json_reply(ids)


def put(deployment: Deployment, request: Request, volume: str, name: str) -> Reply:
    """Replace annotations and answer with the new id of each."""
    table = _table(deployment, volume, name)
    written = deployment.written.setdefault((volume, name), {})
    fresh = _fresh_ids(table, written)
    moved: dict[int, int] = {}
    for record in _given(request):
        old = int(str(record["id"]))
        if old not in written and old not in table.annotation["id"].ints():
            raise not_found({"message": f"annotation {old} not in {name}"})
        new = next(fresh)
        written[new] = {**record, "id": new, "superceded": old}
        moved[old] = new
    return json_reply(moved)


def get(deployment: Deployment, request: Request, volume: str, name: str) -> Reply:
    """Answer with annotations that were written, by id."""
    _table(deployment, volume, name)
    written = deployment.written.get((volume, name), {})
    text = request.query.get("annotation_ids", "")
    asked = [int(one) for one in text.split(",") if one]
    return json_reply([written[one] for one in asked if one in written])


def _given(request: Request) -> list[_Record]:
    body = cast("dict[str, list[_Record]]", request.json())
    if "annotations" not in body:
        raise Fault(json_reply({"message": "annotations are missing"}, 422))
    return body["annotations"]


def _fresh_ids(table: Table, written: dict[int, _Record]) -> Iterator[int]:
    used = [*table.annotation["id"].ints().tolist(), *written]
    number = max(used, default=0)
    while True:
        number += 1
        yield number


def _tables(deployment: Deployment, volume: str) -> dict[str, Table]:
    found = deployment.world.aligned_volumes.get(volume)
    if found is None:
        raise not_found({"message": f"aligned volume {volume} not found"})
    return dict(found.tables)


def _table(deployment: Deployment, volume: str, name: str) -> Table:
    found = _tables(deployment, volume).get(name)
    if found is None:
        raise not_found({"message": f"table {name} not found"})
    return found
