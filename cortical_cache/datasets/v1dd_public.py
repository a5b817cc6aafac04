"""A ready client of the dataset ``v1dd_public``. Opens no socket."""

from cortical_cache.client import load_client

client = load_client("v1dd_public")
