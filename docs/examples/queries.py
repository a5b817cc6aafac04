"""Query tables and views; Tab completes their names and filters."""

from cortical_cache.datasets.microns_public import client

client.version = 1300
assert "proofreading_status_and_strategy" in client.tables
everything = client.tables.proofreading_status_and_strategy().query()

proof_df = client.tables.proofreading_status_and_strategy(status_axon=True).query(
    desired_resolution=[1, 1, 1], split_positions=True
)
assert 0 < len(proof_df) <= len(everything)
assert "pt_position_x" in proof_df

counts = client.views.nucleus_detection_lookup_v1().query()
assert "pt_root_id" in counts

synapses = client.query_synapses(proof_df["pt_root_id"].tolist()[:3], post=True)
assert synapses["id"].is_unique
