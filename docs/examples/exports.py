"""Whole tables from a bucket; ask your dataset's people where it is."""

from cortical_cache.datasets.microns_public import client

client.set_export_cloudpath("exports")  # gs://, s3://, https:// or a folder
available = client.exports.available_data_df()
assert {"name", "version", "size"} <= set(available)
versions = client.exports.available_versions("connections_with_nuclei")
df = client.exports.get_table("connections_with_nuclei", versions[-1])
assert len(df) > 0
