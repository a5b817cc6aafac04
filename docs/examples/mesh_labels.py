"""Which level-2 id each vertex of a neuron's mesh belongs to."""

import numpy as np

from cortical_cache.datasets.microns_public import client

client.version = 1300
nuclei = client.tables.nucleus_detection_v0().query()
root_id = int(nuclei["pt_root_id"][nuclei["pt_root_id"].fillna(0) > 0].iloc[0])

l2_mapping, assigner = client.mesh.compute_vertex_to_l2_mapping(
    root_id, return_assigner=True
)
assert len(l2_mapping) == len(assigner.vertices)
is_known = l2_mapping != 0  # 0: none
assert set(np.unique(l2_mapping[is_known])) <= set(client.get_l2_ids(root_id))
assert (client.mesh.mesh_l2_mappings[root_id] == l2_mapping).all()

# What the L2 cache knows of the id, at each vertex.
size = client.get_l2data(np.unique(l2_mapping[is_known]))["size_nm3"]
at_vertices = size.reindex(l2_mapping)
assert len(at_vertices) == len(assigner.vertices)
