"""Which function answers which URL."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from cortical_cache.demo.server import (
    annotations,
    auth,
    changes,
    info,
    level2,
    live,
    metadata,
    query,
    schema,
    segmentation,
    skeleton,
    states,
    volume,
)
from cortical_cache.demo.server.bucket import Storage
from cortical_cache.demo.server.deployment import Deployment
from cortical_cache.demo.server.exchange import Reply

Answer = Callable[..., Reply]
"""Takes the deployment, the request and the variable parts of the path, in order."""


@dataclass(frozen=True, slots=True)
class Route:
    """A method, a path and the function for them."""

    method: str
    pattern: re.Pattern[str]
    answer: Answer


def _route(method: str, template: str, answer: Answer) -> Route:
    """Read a template: ``{}`` is one part of a path, ``{*}`` all that follows."""
    escaped = re.escape(template).replace(r"\{\*\}", "(.+)").replace(r"\{\}", "([^/]+)")
    return Route(method, re.compile(escaped), answer)


def routes(deployment: Deployment) -> tuple[Route, ...]:
    """Return all routes; the first whose path and method match answers."""
    storage = Storage(deployment)
    return (
        *_global_routes(),
        *(route for api in ("v2", "v3") for route in _materialize_routes(api)),
        _route("GET", "/materialize/version", metadata.service_version),
        _route("GET", "/materialize/api/versions", metadata.api_versions),
        *_segmentation_routes(),
        *_level2_routes(),
        *_skeleton_routes(),
        *_state_routes(),
        *_annotation_routes(),
        _route("GET", "/storage/v1/b/{}/o", storage.listing),
        _route("GET", "/storage/v1/b/{}/o/{*}", storage.item),
        _route("GET", "/download/storage/v1/b/{}/o/{*}", storage.item),
        _route("GET", "/bucket/{}/{*}", storage.file),
        _route("HEAD", "/bucket/{}/{*}", storage.file),
        _route("GET", "/volumes/{*}", volume.file),
        _route("HEAD", "/volumes/{*}", volume.file),
        _route("GET", "/meshing/api/v1/table/{}/manifest/{}", volume.manifest),
    )


def _global_routes() -> tuple[Route, ...]:
    volume = "/info/api/v2/aligned_volume"
    return (
        _route("GET", "/info/version", info.version),
        _route("GET", "/info/api/v2/datastacks", info.datastacks),
        _route("GET", "/info/api/v2/datastack/full/{}", info.datastack),
        _route("GET", "/info/api/v2/datastack/{}/image_sources", info.image_sources),
        _route("GET", volume, info.volumes),
        _route("GET", f"{volume}/id/{{}}", info.volume_by_id),
        _route("GET", f"{volume}/{{}}/datastacks", info.volume_datastacks),
        _route("GET", f"{volume}/{{}}", info.volume),
        _route("GET", "/schema/versions", schema.versions),
        _route("GET", "/schema/api/v2/type", schema.names),
        _route("GET", "/schema/api/v2/type/{}", schema.definition),
        _route("POST", "/schema/api/v2/types", schema.some_definitions),
        _route("GET", "/schema/api/v2/types_all", schema.all_definitions),
        _route("GET", "/sticky_auth/api/v1/authorize", auth.login_page),
        _route("GET", "/auth/api/v1/user/token", auth.tokens),
        _route("POST", "/auth/api/v1/create_token", auth.create_token),
        _route("GET", "/auth/api/v1/user", auth.users),
        _route("GET", "/auth/api/v1/user/cache", auth.own_record),
        _route("GET", "/auth/api/v1/group/{}/user", auth.group_users),
    )


def _materialize_routes(api: str) -> tuple[Route, ...]:
    base = f"/materialize/api/{api}/datastack/{{}}"
    version = f"{base}/version/{{}}"
    table = f"{version}/table/{{}}"
    view = f"{version}/views"
    return (
        _route("GET", f"{base}/versions", metadata.versions),
        _route("GET", f"{base}/metadata", metadata.versions_metadata),
        _route("GET", version, metadata.version_metadata),
        _route("GET", f"{version}/tables", metadata.tables),
        _route("GET", f"{version}/tables/metadata", metadata.tables_metadata),
        _route("GET", f"{table}/count", metadata.count),
        _route("GET", f"{table}/metadata", metadata.table_metadata),
        _route("POST", f"{table}/query", query.simple),
        _route("POST", f"{version}/query", query.join),
        _route(
            "GET", f"{base}/table/{{}}/unique_string_values", metadata.unique_strings
        ),
        _route("GET", view, metadata.views),
        _route("GET", f"{view}/schemas", metadata.view_schemas),
        _route("GET", f"{view}/{{}}/metadata", metadata.view_metadata),
        _route("GET", f"{view}/{{}}/schema", metadata.view_schema),
        _route("POST", f"{view}/{{}}/query", query.view),
        _route("POST", f"{base}/query", live.live),
    )


def _level2_routes() -> tuple[Route, ...]:
    base = "/l2cache/api/v1"
    return (
        _route("GET", f"{base}/attribute_metadata", level2.attribute_metadata),
        _route("GET", f"{base}/table_mapping", level2.table_mapping),
        _route("POST", f"{base}/table/{{}}/attributes", level2.attributes),
    )


def _skeleton_routes() -> tuple[Route, ...]:
    base = "/skeletoncache/api"
    one, many = f"{base}/v1/{{}}/precomputed/skeleton", f"{base}/v1/{{}}/bulk"
    return (
        _route("GET", f"{base}/version", skeleton.service_version),
        _route("GET", f"{base}/versions", skeleton.versions),
        _route("GET", f"{one}/get_refusal_list", skeleton.refusal_list),
        _route("GET", f"{one}/{{}}/info", skeleton.info),
        _route("POST", f"{one}/exists", skeleton.exist),
        _route(
            "GET", f"{base}/v1/{{}}/async/get_skeleton/{{}}/{{}}/{{}}", skeleton.get
        ),
        _route("GET", f"{many}/get_skeletons/{{}}/{{}}/{{}}/{{}}", skeleton.bulk),
        _route("POST", f"{many}/get_cached_skeletons/{{}}/{{}}", skeleton.cached),
        _route("POST", f"{many}/gen_skeletons", skeleton.generate),
    )


def _state_routes() -> tuple[Route, ...]:
    base = "/nglstate/api/v1"
    return (
        _route("GET", f"{base}/version", states.service_version),
        _route("POST", f"{base}/post", states.post),
        _route("POST", f"{base}/post/{{}}", states.post_numbered),
        _route("POST", f"{base}/property/post", states.post_properties),
        _route("GET", f"{base}/property/{{}}/info", states.properties),
        _route("GET", f"{base}/{{}}", states.get),
        _route("GET", "/viewer/version.json", states.viewer_version),
    )


def _annotation_routes() -> tuple[Route, ...]:
    base = "/annotation/api/v2/aligned_volume/{}/table"
    rows = f"{base}/{{}}/annotations"
    return (
        _route("GET", base, annotations.tables),
        _route("GET", f"{base}/{{}}", annotations.metadata),
        _route("GET", rows, annotations.get),
        _route("POST", rows, annotations.post),
        _route("PUT", rows, annotations.put),
    )


def _segmentation_routes() -> tuple[Route, ...]:
    table = "/segmentation/api/v1/table/{}"
    return (
        _route("GET", "/segmentation/api/versions", segmentation.api_versions),
        _route("GET", "/segmentation/api/version", segmentation.service_version),
        _route("GET", "/segmentation/table/{}/info", volume.table_info),
        _route("POST", f"{table}/roots_binary", segmentation.roots_binary),
        _route("GET", f"{table}/node/{{}}/root", segmentation.root),
        _route("GET", f"{table}/node/{{}}/leaves", segmentation.leaves),
        _route("POST", f"{table}/node/leaves_many", segmentation.leaves_many),
        _route("GET", f"{table}/node/{{}}/children", segmentation.children),
        _route("GET", f"{table}/node/{{}}/lvl2_graph", segmentation.level2_graph),
        _route("POST", f"{table}/is_latest_roots", segmentation.is_latest),
        _route("POST", f"{table}/root_timestamps", segmentation.root_timestamps),
        _route("POST", f"{table}/lineage_graph_multiple", changes.lineage),
        _route("GET", f"{table}/past_id_mapping", segmentation.past_ids),
        _route("GET", f"{table}/valid_nodes", segmentation.valid_nodes),
        _route("POST", f"{table}/minimal_covering_nodes", segmentation.covering_nodes),
        _route("GET", f"{table}/delta_roots", segmentation.delta_roots),
        _route("GET", f"{table}/oldest_timestamp", segmentation.oldest_timestamp),
        _route("GET", f"{table}/root/{{}}/change_log", changes.change_log),
        _route("GET", f"{table}/tabular_change_log_many", changes.tabular_change_log),
        _route("GET", f"{table}/operation_details", changes.operation_details),
    )
