"""The L2 cache service: what is computed of level-2 nodes."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import cast

from cortical_cache.demo.server.deployment import Deployment
from cortical_cache.demo.server.exchange import (
    Fault,
    Reply,
    Request,
    html_reply,
    json_reply,
)
from cortical_cache.demo.world import L2Cache

_DTYPES = {
    "area_nm2": "uint32",
    "chunk_intersect_count": "uint16",
    "max_dt_nm": "uint16",
    "mean_dt_nm": "float16",
    "pca": "float16",
    "pca_val": "float32",
    "rep_coord_nm": "uint64",
    "size_nm3": "uint32",
}


def attribute_metadata(_deployment: Deployment, _request: Request) -> Reply:
    """List the attributes and their types."""
    return json_reply(_DTYPES)


def table_mapping(deployment: Deployment, _request: Request) -> Reply:
    """List the chunked graphs that have a cache."""
    world = deployment.world
    return json_reply(
        {
            name: {"l2cache_id": cache.cache_id, "cv_path": f"gs://{name}"}
            for name, table in world.segmentations.items()
            if (cache := world.l2_caches.get(table.graph.name)) is not None
        }
    )


def attributes(deployment: Deployment, request: Request, table: str) -> Reply:
    """Answer with what is computed; have the rest computed."""
    cache = _cache(deployment, table)
    body = cast("Mapping[str, Sequence[int]]", request.json())
    ids = sorted({int(one) for one in body["l2_ids"]})
    if len(ids) > deployment.settings.l2_limit:
        raise Fault(html_reply(413))
    text = request.query.get("attribute_names")
    names = set(_DTYPES if text is None else text.split(","))
    unknown = names - set(_DTYPES)
    if unknown:
        raise KeyError(min(unknown))
    update = request.flag("update_cache", default=True)
    found: dict[str, object] = {}
    for one in ids:
        record: Mapping[str, object] = {}
        if _is_computed(deployment, one, update=update):
            record = cache.records.get(one, record)
        found[str(one)] = {key: record[key] for key in record if key in names}
    return json_reply(found)


def _cache(deployment: Deployment, table: str) -> L2Cache:
    segmentation = deployment.world.segmentations.get(table)
    cache = segmentation and deployment.world.l2_caches.get(segmentation.graph.name)
    if cache is None:
        raise KeyError(table)
    for datastack in deployment.world.datastacks.values():
        if datastack.segmentation == table:
            deployment.permit(datastack)
    return cache


def _is_computed(deployment: Deployment, node: int, *, update: bool) -> bool:
    settings, now = deployment.settings, deployment.settings.clock()
    if node not in settings.l2_uncomputed:
        return True
    asked = deployment.l2_asked.get(node)
    if asked is None and update:
        deployment.l2_asked[node] = now
    return asked is not None and now >= asked + timedelta(seconds=settings.l2_delay)
