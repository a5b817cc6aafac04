"""The segmentation volume: its metadata, and its files, of which there are none."""

from cortical_cache.demo.server.deployment import Deployment
from cortical_cache.demo.server.exchange import (
    Reply,
    Request,
    html_reply,
    json_reply,
)
from cortical_cache.demo.server.graphcall import Call


def table_info(deployment: Deployment, request: Request, table: str) -> Reply:
    """Answer with the info of the segmentation volume."""
    call = Call(deployment, request, table)
    graph = call.graph
    scale = {
        "key": "_".join(f"{part:g}" for part in graph.resolution),
        "encoding": "compressed_segmentation",
        "compressed_segmentation_block_size": [8, 8, 8],
        "resolution": list(graph.resolution),
        "size": list(graph.volume_voxels),
        "voxel_offset": list(graph.voxel_offset),
        "chunk_sizes": [list(graph.chunk_size)],
        "locked": True,
    }
    return json_reply(
        {
            "app": {"supported_api_versions": [0, 1]},
            "chunks_start_at_voxel_offset": True,
            "data_dir": f"{deployment.url}/volumes/{graph.name}",
            "data_type": "uint64",
            "graph": {
                "bounding_box": list(graph.volume_voxels),
                "chunk_size": list(graph.chunk_size),
                "cv_mip": 0,
                "n_bits_for_layer_id": 8,
                "n_layers": graph.layers,
                "spatial_bit_masks": {
                    str(n): max(10 - max(n - 2, 0), 1)
                    for n in range(1, graph.layers + 1)
                },
            },
            "mesh": "graphene_meshes",
            "num_channels": 1,
            "scales": [scale],
            "sharded_mesh": True,
            "skeletons": "skeleton",
            "type": "segmentation",
            "verify_mesh": False,
        }
    )


def no_volume(_deployment: Deployment, _request: Request, _path: str) -> Reply:
    """Answer for the files of the segmentation volume, of which there are none."""
    return html_reply(404)
