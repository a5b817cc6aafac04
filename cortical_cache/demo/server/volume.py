"""The segmentation volume: its metadata, the meshes of its nodes, and manifests.

Meshes of the nodes that were there from the beginning lie in shards, one for each
chunk; those of nodes that edits made are files of their own, some time after the edit.
"""

import numpy as np

from cortical_cache.demo.generate.mesh import MESH_STEP
from cortical_cache.demo.graph import ChunkedGraph, chunk_coordinates
from cortical_cache.demo.rows import Ints
from cortical_cache.demo.server.deployment import Deployment
from cortical_cache.demo.server.exchange import (
    Fault,
    Reply,
    Request,
    html_reply,
    json_reply,
    part_reply,
)
from cortical_cache.demo.server.graphcall import Call, error, ids_reply, nodes_of
from cortical_cache.demo.world import Fragment

_MESHES = "graphene_meshes"
_NUMBER_BITS = 26  # of a level-2 id, below its chunk
_LEVEL_2 = 2
_SHARDS = {
    "@type": "neuroglancer_uint64_sharded_v1",
    "preshift_bits": 0,
    "hash": "identity",
    "minishard_bits": 0,
    "shard_bits": 0,
    "minishard_index_encoding": "raw",
    "data_encoding": "raw",
}


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
            "mesh": _MESHES,
            "mesh_metadata": {
                "max_meshed_layer": _LEVEL_2,
                "uniform_draco_grid_size": MESH_STEP,
                "unsharded_mesh_dir": "dynamic",
            },
            "num_channels": 1,
            "scales": [scale],
            "sharded_mesh": True,
            "skeletons": "skeleton",
            "type": "segmentation",
            "verify_mesh": False,
        }
    )


def manifest(deployment: Deployment, request: Request, table: str, asked: str) -> Reply:
    """Name the meshes that a node is made of, those that there are by now.

    Those in shards come with their place in the shard.
    """
    call = Call(deployment, request, table)
    node = int(asked.partition(":")[0])
    call.admit(nodes_of(node))
    if not call.graph.exist(nodes_of(node), call.now)[0]:
        raise error(400, f"{node} is not a node")
    meshes = _Meshes(deployment, call.graph)
    below = call.within(call.graph.leaves(node, _LEVEL_2))
    made = [one for one in below.tolist() if meshes.is_made(one)]
    answer = {"fragments": [meshes.name(one) for one in made], "seg_ids": made}
    if not request.flag("return_seg_ids"):
        del answer["seg_ids"]
    return ids_reply(request, answer)


def file(deployment: Deployment, request: Request, path: str) -> Reply:
    """Answer with a file of a volume: all that there is are meshes."""
    name, _, inside = path.partition("/")
    parts = inside.split("/")
    graphs = {
        one.graph.name: one.graph for one in deployment.world.segmentations.values()
    }
    if name not in deployment.world.meshes or parts[0] != _MESHES:
        raise Fault(html_reply(404))
    meshes = _Meshes(deployment, graphs[name])
    headers = (("Content-Type", "application/octet-stream"),)
    match parts[1:]:
        case ["info"]:
            return json_reply(
                {
                    "@type": "neuroglancer_legacy_mesh",
                    "mip": 0,
                    "chunk_size": list(meshes.graph.chunk_size),
                    "sharding": {str(_LEVEL_2): _SHARDS},
                }
            )
        case ["initial", "2", shard] if shard.endswith("-0.shard"):
            chunk = int(shard.removesuffix("-0.shard"))
            return part_reply(request, headers, meshes.shard(chunk)[0])
        case ["dynamic", text] if text.partition(":")[0].isdigit():
            node = int(text.partition(":")[0])
            if meshes.is_made(node) and meshes.name(node) == text:
                return part_reply(request, headers, meshes.draco(node))
        case _:
            pass
    raise Fault(html_reply(404))


class _Meshes:
    """The meshes of one graph as files."""

    def __init__(self, deployment: Deployment, graph: ChunkedGraph) -> None:
        self.graph = graph
        self._fragments = deployment.world.meshes.get(graph.name, {})
        self._drawn = deployment.drawn
        self._now = deployment.settings.clock().timestamp() * 1000
        self._delay = deployment.settings.mesh_delay * 1000

    def is_made(self, node: int) -> bool:
        """Tell whether there is a mesh of a node by now."""
        if node not in self._fragments:
            return False
        return self._is_first(node) or self._born(node) + self._delay <= self._now

    def name(self, node: int) -> str:
        """Return where the mesh of a node lies, as manifests have it."""
        chunk = (node & ((1 << 56) - 1)) >> _NUMBER_BITS
        if self._is_first(node):
            start, size = self.shard(chunk)[1][node]
            return f"~2/{chunk}-0.shard:{start}:{size}"
        low = chunk_coordinates(np.array([node]))[0] * self.graph.chunk_size
        high = low + self.graph.chunk_size
        box = "_".join(f"{a}-{b}" for a, b in zip(low, high, strict=True))
        return f"{node}:0:{box}"

    def draco(self, node: int) -> bytes:
        """Return the mesh of a node, encoded once."""
        if node not in self._drawn:
            self._drawn[node] = encoded(self._fragments[node])
        return self._drawn[node]

    def shard(self, chunk: int) -> tuple[bytes, dict[int, tuple[int, int]]]:
        """Return the shard of a chunk, and where in it each mesh lies.

        A shard has where its only index is, the meshes, and the index: ids, gaps
        between the meshes, and their sizes.
        """
        nodes = self.graph.nodes.node
        low = (_LEVEL_2 << 56) | (chunk << _NUMBER_BITS)
        first, stop = np.searchsorted(nodes, [low, low + (1 << _NUMBER_BITS)])
        inside = [one for one in nodes[first:stop].tolist() if self._is_first(one)]
        data = [self.draco(one) for one in inside]
        sizes = np.array([len(one) for one in data], np.uint64)
        ids = np.array(inside, np.uint64)
        gaps = np.zeros(len(ids), np.uint64)
        steps: Ints = np.diff(ids, prepend=np.uint64(0))
        index = np.stack([steps, gaps, sizes]).astype("<u8").tobytes()
        end = int(sizes.sum())
        head = np.array([end, end + len(index)], "<u8").tobytes()
        starts = len(head) + np.append(0, np.cumsum(sizes)).astype(np.int64)
        places = zip(starts.tolist(), sizes.tolist(), strict=False)
        return b"".join([head, *data, index]), dict(zip(inside, places, strict=True))

    def _is_first(self, node: int) -> bool:
        return self._born(node) == self.graph.oldest

    def _born(self, node: int) -> int:
        place, _ = self.graph.nodes.find(np.array([node]))
        return int(self.graph.nodes.created[place[0]])


def encoded(fragment: Fragment) -> bytes:
    """Write a mesh as draco, on the points of a grid that all meshes share."""
    import DracoPy  # it comes with whatever reads meshes

    low = fragment.vertices.min(axis=0) - MESH_STEP
    reach = float((fragment.vertices.max(axis=0) - low).max())
    bits = int(np.ceil(np.log2(reach / MESH_STEP + 2)))
    encode = getattr(DracoPy, "encode")  # noqa: B009  it has no types
    return encode(
        fragment.vertices,
        fragment.faces.astype(np.uint32),
        quantization_bits=bits,
        quantization_range=((1 << bits) - 1) * MESH_STEP,
        quantization_origin=low,
    )
