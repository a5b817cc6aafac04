"""Which roots have a skeleton already."""

from cortical_cache.datasets.microns_public import client

client.version = 1300
nuclei = client.tables.nucleus_detection_v0().query()
roots = [one for one in nuclei["pt_root_id"].dropna().unique().tolist() if one > 0]
result = client.skeletons_exist(root_ids=roots[:20])
assert set(result) == set(roots[:20])
assert all(isinstance(one, bool) for one in result.values())
