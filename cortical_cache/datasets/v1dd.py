"""A ready client of the dataset ``v1dd``. Opens no socket."""

from cortical_cache.client import load_client

client = load_client("v1dd")
