"""The info service: datastacks and aligned volumes."""

from dataclasses import replace

from cortical_cache.demo.server.deployment import Deployment
from cortical_cache.demo.server.exchange import Reply, Request, json_reply, not_found
from cortical_cache.demo.world import AlignedVolume, Datastack

_MIRROR = "mirror"


def version(_deployment: Deployment, _request: Request) -> Reply:
    """Answer with the service's version."""
    return json_reply("4.3.3")


def datastacks(deployment: Deployment, _request: Request) -> Reply:
    """List the datastacks."""
    return json_reply(list(deployment.world.datastacks))


def datastack(deployment: Deployment, request: Request, name: str) -> Reply:
    """Describe one datastack; its local server is this one."""
    found = _datastack(deployment, name)
    volume = deployment.volume(found)
    mirror = request.query.get("image_source_name", "default")
    if mirror not in {"default", _MIRROR}:
        raise not_found({"message": f"image source {mirror} not found"})
    if mirror == _MIRROR:
        volume = replace(volume, image_source=_mirrored(volume.image_source))
    x, y, z = found.viewer_resolution
    url = deployment.url
    return json_reply(
        {
            "viewer_site": "https://spelunker.cave-explorer.org/",
            "aligned_volume": _volume(volume),
            "synapse_table": found.synapse_table,
            "description": found.description,
            "local_server": url,
            "segmentation_source": (
                f"graphene://{url}/segmentation/table/{found.segmentation}"
            ),
            "skeleton_source": (
                f"precomputed://{url}/skeletoncache/api/v1/{name}/precomputed/skeleton"
            ),
            "soma_table": found.soma_table,
            "analysis_database": None,
            "viewer_resolution_x": x,
            "viewer_resolution_y": y,
            "viewer_resolution_z": z,
            "proofreading_status_table": found.proofreading_status_table,
            "cell_identification_table": found.cell_identification_table,
            "proofreading_review_table": None,
        }
    )


def image_sources(deployment: Deployment, _request: Request, name: str) -> Reply:
    """List the image mirrors of a datastack."""
    source = deployment.volume(_datastack(deployment, name)).image_source
    return json_reply(
        [
            {"name": "default", "image_source": source},
            {"name": _MIRROR, "image_source": _mirrored(source)},
        ]
    )


def _mirrored(source: str) -> str:
    return source.replace("example.org", "mirror.example.org")


def volumes(deployment: Deployment, _request: Request) -> Reply:
    """List the aligned volumes."""
    return json_reply(list(deployment.world.aligned_volumes))


def volume(deployment: Deployment, _request: Request, name: str) -> Reply:
    """Describe one aligned volume."""
    found = deployment.world.aligned_volumes.get(name)
    if found is None:
        raise not_found({"message": f"aligned volume {name} not found"})
    return json_reply(_volume(found))


def volume_by_id(deployment: Deployment, _request: Request, volume_id: str) -> Reply:
    """Describe one aligned volume by its number."""
    for found in deployment.world.aligned_volumes.values():
        if str(found.volume_id) == volume_id:
            return json_reply(_volume(found))
    raise not_found({"message": f"aligned volume {volume_id} not found"})


def volume_datastacks(deployment: Deployment, _request: Request, name: str) -> Reply:
    """List the datastacks of an aligned volume."""
    found = deployment.world.datastacks.values()
    return json_reply([d.name for d in found if d.aligned_volume == name])


def _datastack(deployment: Deployment, name: str) -> Datastack:
    found = deployment.world.datastacks.get(name)
    if found is None:
        raise not_found({"message": f"datastack {name} not found"})
    return found


def _volume(volume: AlignedVolume) -> dict[str, object]:
    return {
        "id": volume.volume_id,
        "name": volume.name,
        "display_name": volume.display_name,
        "description": volume.description,
        "image_source": volume.image_source,
    }
