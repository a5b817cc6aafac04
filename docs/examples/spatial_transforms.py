"""Depth below the pia, of points in nanometres."""

from cortical_cache.datasets.microns_public import client

client.version = 1300
proof_df = client.tables.proofreading_status_and_strategy(status_axon=True).query(
    desired_resolution=[1, 1, 1], split_positions=True
)
soma_depth = client.space.transform_nm.apply_dataframe(
    "pt_position", proof_df, projection="y"
)
assert len(soma_depth) == len(proof_df)
assert client.dataset_transform is client.space
