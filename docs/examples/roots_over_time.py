"""Root ids change with every edit: which are current, and what others became."""

from cortical_cache.datasets.microns_public import client

client.version = 1300
then = client.version_timestamp()
nuclei = client.tables.nucleus_detection_v0().query()
found = nuclei[nuclei["pt_root_id"].fillna(0) > 0].head(5)
supervoxel_ids = found["pt_supervoxel_id"].tolist()
root_id = int(found["pt_root_id"].iloc[0])

assert client.get_roots(supervoxel_ids, timestamp=then)[0] == root_id
assert client.is_latest_roots([root_id], timestamp=then).tolist() == [True]

is_current = client.is_latest_roots([root_id])[0]
latest = client.get_latest_roots(root_id)
assert (root_id in latest) == is_current
assert client.suggest_latest_roots(root_id, timestamp=then) == root_id
assert client.latest_valid_timestamp([root_id])[0] <= client.now()
assert client.most_recent_materialization_version() >= client.version
