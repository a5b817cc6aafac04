"""A ready client of the dataset ``minnie_public``. Opens no socket."""

from cortical_cache.client import load_client

client = load_client("minnie_public")
