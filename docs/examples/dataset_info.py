"""Where the dataset's images and segmentation lie, and the voxels of its viewer."""

from cortical_cache.datasets.microns_public import client

info = client.get_datastack_info()
assert "aligned_volume" in info
img = client.image_source()
seg = client.segmentation_source()
assert img.startswith("precomputed://")
assert seg.startswith("graphene://")
res = client.viewer_resolution()
assert res.shape == (3,)
