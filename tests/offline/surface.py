"""Every public name of a client, with what to ask of it that nothing held answers."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cortical_cache import Client
from cortical_cache.client.cached import Cached
from cortical_cache.client.cached.chunkedgraph import CachedChunkedGraph
from cortical_cache.client.cached.info import CachedInfo
from cortical_cache.client.cached.l2cache import CachedL2Cache
from cortical_cache.client.cached.materialize import CachedMaterialize
from cortical_cache.client.cached.shell import _CachedSchema
from cortical_cache.client.cached.skeleton import CachedSkeleton
from cortical_cache.client.cached.state import CachedState
from cortical_cache.client.exports import Exports
from cortical_cache.client.neurons.mesh import MeshClient
from cortical_cache.client.plot import Plots

PARTS: dict[str, type] = {
    "": Client,
    "exports": Exports,
    "mesh": MeshClient,
    "plot": Plots,
    "cached": Cached,
    "cached.chunkedgraph": CachedChunkedGraph,
    "cached.info": CachedInfo,
    "cached.l2cache": CachedL2Cache,
    "cached.materialize": CachedMaterialize,
    "cached.schema": _CachedSchema,
    "cached.skeleton": CachedSkeleton,
    "cached.state": CachedState,
}

ROOT = 864691135000000007
NODE = (2 << 56) + 7
SUPERVOXEL = (1 << 56) + 7
CELL = 7
BOX = [[0, 1000], [0, 1000], [0, 1000]]
MOMENT = datetime(2020, 1, 1, tzinfo=UTC)
LATER = MOMENT + timedelta(days=1)
ELSEWHERE = "another_datastack"


@dataclass(frozen=True)
class Asked:
    """The arguments of a call; None: the attribute itself is the question."""

    arguments: tuple[object, ...] = ()
    options: tuple[tuple[str, object], ...] = ()
    is_value: bool = False

    def of(self, client: Client, name: str) -> object:
        """Ask a client."""
        found: object = client
        for part in name.split("."):
            found = getattr(found, part)
        if self.is_value:
            return found
        return found(*self.arguments, **dict(self.options))


def of(*arguments: object, **options: object) -> Asked:
    return Asked(arguments, tuple(options.items()))


VALUE = Asked(is_value=True)

MISSES: dict[str, list[Asked]] = {
    "cave": [VALUE],
    "cell_id_to_root_id": [
        of([CELL]),
        of([CELL], timestamp=MOMENT),
        of([CELL], materialization_version=99),
    ],
    "diff": [of("cell_types", 4, 5), of(None, 4, 5), of("nonsense", 98, 99)],
    "duckdb": [of()],
    "export": [of("copy.duckdb"), of("copies", tables=["cell_types"], version=99)],
    "fix_mat_timestamp": [of(), of(5), of(99)],
    "get_datastack_info": [of(), of(use_stored=False), of(image_mirror="mirror")],
    "get_l2_ids": [of(ROOT), of([ROOT, ROOT + 1], bounds=BOX)],
    "get_l2data": [of([NODE]), of([NODE], ["size_nm3"], as_dataframe=False)],
    "get_latest_roots": [of(ROOT), of(ROOT, MOMENT)],
    "get_roots": [
        of([SUPERVOXEL]),
        of([SUPERVOXEL], MOMENT),
        of([SUPERVOXEL], MOMENT, 2),
        of([SUPERVOXEL], MOMENT, 3),
    ],
    "get_skeleton": [of(ROOT), of(ROOT, synapses=False, skeleton_version=2)],
    "get_skeletons": [of([ROOT]), of([ROOT], 2), of([ROOT], -1)],
    "get_state_json": [of(77), of("https://state.invalid/nglstate/api/v1/77")],
    "image_cloudvolume": [of()],
    "image_source": [of(), of(image_mirror="mirror")],
    "is_latest_roots": [of([ROOT]), of([ROOT], MOMENT)],
    "latest_valid_timestamp": [of([ROOT])],
    "map_roots": [of([ROOT]), of([ROOT], 99)],
    "most_recent_materialization_version": [of()],
    "neuroglancer_url": [of(), of(shorten=True), of(target_url="https://ngl.invalid")],
    "neuroglancer_viewer": [of(), of([ROOT], {"inline": {}})],
    "query_synapses": [
        of(ROOT, post=True),
        of(ROOT, pre=True, synapse_table="synapses_demo"),
        of(ROOT, pre=True, synapse_table="synapses_demo", timestamp=MOMENT),
        of(ROOT, pre=True, synapse_table="synapses_demo", live=True),
    ],
    "root_id_to_cell_id": [of([ROOT])],
    "segmentation_cloudvolume": [of()],
    "segmentation_source": [of()],
    "skeletons_exist": [of(root_ids=[ROOT]), of(2, [ROOT])],
    "sql": [of("SELECT * FROM cell_types"), of(name="degrees", params={"roots": [1]})],
    "stage_annotations": [of("cell_types"), of(schema_name="cell_type_local")],
    "suggest_latest_roots": [of(ROOT), of(ROOT, MOMENT)],
    "tables": [VALUE],
    "to_dask": [of("cell_types"), of("exports.cell_types")],
    "upload_staged_annotations": [of(None)],
    "upload_state_json": [of({"layers": []})],
    "version": [VALUE],
    "version_timestamp": [of(), of(5), of(99)],
    "viewer_resolution": [of()],
    "views": [VALUE],
    "exports.get_table": [of("cell_types", 5), of("nonsense", 99)],
    "exports.available_data_df": [of()],
    "exports.available_files": [VALUE],
    "exports.available_tables": [VALUE],
    "exports.available_versions": [of("cell_types")],
    "exports.reset_available_files": [of()],
    "mesh.get_mesh": [of(ROOT), of(ROOT, remove_duplicate_vertices=True)],
    "mesh.get_meshes": [of([ROOT], allow_missing=True)],
    "mesh.compute_vertex_to_l2_mapping": [of(ROOT), of(ROOT, [[0, 0, 0]], [[0, 0, 0]])],
    "plot.connectivity": [of([ROOT])],
    "plot.degrees": [of([CELL])],
    "plot.soma_depth": [of()],
    "plot.versions": [of("cell_types", versions=[98, 99])],
    "cached.local_server": [VALUE],
    "cached.chunkedgraph.segmentation_info": [VALUE],
    "cached.chunkedgraph.get_latest_roots": [of(ROOT), of(ROOT, MOMENT)],
    "cached.chunkedgraph.get_leaves": [
        of(ROOT),
        of(ROOT, stop_layer=2),
        of(ROOT, BOX),
        of(ROOT, BOX, 2),
    ],
    "cached.chunkedgraph.get_leaves_many": [of([ROOT]), of([ROOT], BOX, 2)],
    "cached.chunkedgraph.get_lineage_graph": [
        of(ROOT),
        of([ROOT], MOMENT, LATER, as_nx_graph=True),
    ],
    "cached.chunkedgraph.get_original_roots": [of(ROOT), of(ROOT, MOMENT)],
    "cached.chunkedgraph.get_past_ids": [of([ROOT]), of([ROOT], MOMENT, LATER)],
    "cached.chunkedgraph.get_root_id": [
        of(SUPERVOXEL),
        of(SUPERVOXEL, MOMENT, level2=True),
    ],
    "cached.chunkedgraph.get_root_timestamps": [
        of([ROOT]),
        of([ROOT], latest=True),
        of([ROOT], latest=True, timestamp=MOMENT),
    ],
    "cached.chunkedgraph.get_roots": [of([SUPERVOXEL]), of([SUPERVOXEL], MOMENT)],
    "cached.chunkedgraph.is_latest_roots": [of([ROOT]), of([ROOT], MOMENT)],
    "cached.chunkedgraph.is_valid_nodes": [of([ROOT]), of([NODE], MOMENT, LATER)],
    "cached.chunkedgraph.level2_chunk_graph": [of(ROOT), of(ROOT, BOX)],
    "cached.chunkedgraph.suggest_latest_roots": [of(ROOT), of(ROOT, MOMENT)],
    "cached.info.aligned_volume_id": [VALUE],
    "cached.info.aligned_volume_name": [VALUE],
    "cached.info.get_aligned_volume_info": [
        of(),
        of(ELSEWHERE),
        of(image_mirror="mirror"),
    ],
    "cached.info.get_datastack_info": [of(), of(ELSEWHERE), of(use_stored=False)],
    "cached.info.get_image_mirror_names": [of(), of(ELSEWHERE)],
    "cached.info.get_image_mirrors": [of(), of(ELSEWHERE)],
    "cached.info.image_cloudvolume": [of(), of("mirror")],
    "cached.info.image_source": [of(), of(ELSEWHERE)],
    "cached.info.local_server": [of(), of(ELSEWHERE)],
    "cached.info.segmentation_cloudvolume": [of()],
    "cached.info.segmentation_source": [of(), of(ELSEWHERE)],
    "cached.info.synapse_segmentation_source": [of(), of(ELSEWHERE)],
    "cached.info.viewer_resolution": [of(), of(ELSEWHERE)],
    "cached.info.viewer_site": [of(), of(ELSEWHERE)],
    "cached.l2cache.cache_metadata": [of()],
    "cached.l2cache.get_l2data": [of([NODE])],
    "cached.l2cache.get_l2data_table": [of([NODE], ["size_nm3"])],
    "cached.l2cache.has_cache": [of(), of(ELSEWHERE)],
    "cached.l2cache.table_mapping": [of()],
    "cached.materialize.get_annotation_count": [
        of("cell_types"),
        of("cell_types", ELSEWHERE),
        of("cell_types", version=99),
    ],
    "cached.materialize.get_table_metadata": [
        of("cell_types"),
        of("cell_types", ELSEWHERE),
        of("cell_types", version=99),
    ],
    "cached.materialize.get_tables": [of(), of(ELSEWHERE), of(version=99)],
    "cached.materialize.get_tables_metadata": [of(), of(ELSEWHERE), of(version=99)],
    "cached.materialize.get_timestamp": [of(), of(5, ELSEWHERE), of(99)],
    "cached.materialize.get_unique_string_values": [
        of("cell_types"),
        of("cell_types", ELSEWHERE),
    ],
    "cached.materialize.get_version_metadata": [of(), of(5, ELSEWHERE), of(99)],
    "cached.materialize.get_versions": [of(), of(ELSEWHERE)],
    "cached.materialize.get_versions_metadata": [of(), of(ELSEWHERE)],
    "cached.materialize.get_view_metadata": [
        of("synapse_counts"),
        of("synapse_counts", 99),
        of("synapse_counts", 5, ELSEWHERE),
    ],
    "cached.materialize.get_view_schema": [
        of("synapse_counts"),
        of("synapse_counts", 99),
        of("synapse_counts", 5, ELSEWHERE),
    ],
    "cached.materialize.get_view_schemas": [of(), of(99), of(5, ELSEWHERE)],
    "cached.materialize.get_views": [of(), of(99), of(5, ELSEWHERE)],
    "cached.materialize.join_query": [
        of([["nucleus_scores", "target_id"], ["nucleus_detection_v0", "id"]]),
        of([["a", "id"], ["b", "id"]], datastack_name=ELSEWHERE),
    ],
    "cached.materialize.live_live_query": [
        of("cell_types", MOMENT),
        of("cell_types", MOMENT, datastack_name=ELSEWHERE),
    ],
    "cached.materialize.live_query": [
        of("cell_types", MOMENT),
        of("cell_types", MOMENT, limit=3),
        of("cell_types", MOMENT, datastack_name=ELSEWHERE),
    ],
    "cached.materialize.most_recent_version": [of(), of(ELSEWHERE)],
    "cached.materialize.query_table": [
        of("cell_types"),
        of("nonsense"),
        of("cell_types", filter_equal_dict={"id": 7}),
        of("cell_types", get_counts=True),
        of("cell_types", random_sample=10),
        of("cell_types", limit=3),
        of("cell_types", materialization_version=99),
        of("cell_types", timestamp=MOMENT),
        of("cell_types", datastack_name=ELSEWHERE),
    ],
    "cached.materialize.query_view": [
        of("synapse_counts"),
        of("synapse_counts", materialization_version=0),
        of("synapse_counts", materialization_version=99),
        of("synapse_counts", datastack_name=ELSEWHERE),
    ],
    "cached.materialize.synapse_query": [
        of(ROOT),
        of(post_ids=ROOT, synapse_table="synapses_demo"),
        of(post_ids=ROOT, synapse_table="synapses_demo", timestamp=MOMENT),
        of(post_ids=ROOT, datastack_name=ELSEWHERE),
    ],
    "cached.materialize.synapse_table": [VALUE],
    "cached.materialize.tables": [VALUE],
    "cached.materialize.version": [VALUE],
    "cached.materialize.views": [VALUE],
    "cached.schema.get_schemas": [of()],
    "cached.schema.schema_definition": [of("cell_type_local")],
    "cached.schema.schema_definition_all": [of()],
    "cached.skeleton.fetch_skeletons": [
        of([ROOT]),
        of([ROOT], output_format="swc"),
        of([ROOT], method="gcs"),
        of([ROOT], ELSEWHERE),
    ],
    "cached.skeleton.get_bulk_skeletons": [
        of([ROOT]),
        of([ROOT], output_format="swc"),
        of([ROOT], ELSEWHERE),
    ],
    "cached.skeleton.get_skeleton": [
        of(ROOT),
        of(ROOT, output_format="swc"),
        of(ROOT, skeleton_version=2),
        of(ROOT, ELSEWHERE),
    ],
    "cached.skeleton.get_versions": [of()],
    "cached.skeleton.skeletons_exist": [
        of(root_ids=[ROOT]),
        of(ELSEWHERE, root_ids=[ROOT]),
    ],
    "cached.state.build_neuroglancer_url": [
        of(77),
        of(77, "https://ngl.invalid"),
    ],
    "cached.state.get_property_json": [of(77)],
    "cached.state.get_state_json": [of(77), of("https://state.invalid/77")],
    "cached.state.ngl_url": [VALUE],
    "cached.state.upload_property_json": [of({"inline": {}})],
    "cached.state.upload_state_json": [of({"layers": []})],
}
"""What an empty store does not answer."""

ANSWERS: dict[str, list[Asked]] = {
    "cache_dir": [VALUE],
    "cache_status": [of()],
    "dataset": [VALUE],
    "explain": [of("SELECT * FROM cell_types"), of("SELECT * FROM v99.nonsense")],
    "datastack_name": [VALUE],
    "last_source": [VALUE],
    "now": [of()],
    "offline": [VALUE],
    "queries": [of()],
    "server_address": [VALUE],
    "set_export_cloudpath": [of("gs://no-such-bucket/exports")],
    "unfix_mat_timestamp": [of()],
    "using": [of(widen=False)],
    "exports.locations": [VALUE],
    "mesh.mesh_l2_mappings": [VALUE],
    "cached.datastack_name": [VALUE],
    "cached.server_address": [VALUE],
    "cached.timestamp": [VALUE],
    "cached.version": [VALUE],
    "cached.chunkedgraph.timestamp": [VALUE],
    "cached.info.datastack_name": [VALUE],
    "cached.l2cache.attributes": [VALUE],
    "cached.materialize.datastack_name": [VALUE],
}
"""What it takes no store to answer."""

REFUSED: dict[str, list[Asked]] = {
    "clear_cache": [of("cell_types", version=5)],
    "dataset_transform": [VALUE],
    "invalidate_cache": [of(), of(version=99, yes=True)],
    "refresh_cache": [of(version=5), of(["cell_types"], version=99, yes=True)],
    "space": [VALUE],
}
"""What makes no sense of an empty store, or offline."""


def public() -> Iterator[str]:
    """Yield every public name, parts of the client themselves left out."""
    for part, its in PARTS.items():
        for name in dir(its):
            whole = f"{part}.{name}".removeprefix(".")
            if not name.startswith("_") and whole not in PARTS:
                yield whole
