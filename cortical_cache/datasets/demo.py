"""A ready client of the dataset ``demo``. Opens no socket."""

from cortical_cache.client import load_client

client = load_client("demo")
