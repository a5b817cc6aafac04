"""The client: one object per dataset, with everything a user asks."""

from cortical_cache.client.client import Client, load_client

__all__ = ["Client", "load_client"]
