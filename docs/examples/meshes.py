"""Meshes of neurons."""

from cortical_cache.datasets.microns_public import client

client.version = 1300
nuclei = client.tables.nucleus_detection_v0().query()
roots = nuclei["pt_root_id"].dropna().unique()
root_ids = [int(root) for root in roots if root > 0][:3]

mesh = client.mesh.get_mesh(root_ids[0])
x, y, z = mesh.vertices.T  # in nm
assert len(x) == len(y) == len(z)
assert mesh.faces.max() < len(mesh.vertices)

meshes = client.mesh.get_meshes(root_ids, progress=False)
assert list(meshes) == root_ids
assert (meshes[root_ids[0]].vertices == mesh.vertices).all()
