"""Level-2 ids of a neuron, and what the L2 cache computed of them."""

from cortical_cache.datasets.microns_public import client

client.version = 1300
nuclei = client.tables.nucleus_detection_v0().query()
root_id = int(nuclei["pt_root_id"][nuclei["pt_root_id"].fillna(0) > 0].iloc[0])

l2_ids = client.get_l2_ids(root_id)
df = client.get_l2data(l2_ids)
assert df.index.name == "l2_id"
assert len(df) == len(l2_ids)
data = client.get_l2data(l2_ids, as_dataframe=False)
assert {int(one) for one in data} <= set(l2_ids.tolist())
