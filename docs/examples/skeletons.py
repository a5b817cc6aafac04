"""A neuron's skeleton with its synapses, as it lies or straightened."""

from cortical_cache.datasets.microns_public import client

client.version = 1300
nuclei = client.tables.nucleus_detection_v0().query()
roots = nuclei["pt_root_id"].dropna().unique()[:40].tolist()
made = client.skeletons_exist(root_ids=[root for root in roots if root > 0])
root_id = next(root for root, is_there in made.items() if is_there)

nrn = client.get_skeleton(root_id, synapses=True)
assert len(nrn.skeleton.vertices) > 0
assert len(nrn.mesh.vertices) == len(client.get_l2_ids(root_id))
assert len(nrn.anno.pre_syn) + len(nrn.anno.post_syn) > 0

for transform in ("rigid", "streamline"):
    moved = client.get_skeleton(root_id, transform=transform)
    assert moved.skeleton.vertices.shape == nrn.skeleton.vertices.shape
