"""``client.cached``: the services of a CAVEclient, by caveclient's own signatures."""

from cortical_cache.client.cached.shell import Cached

__all__ = ["Cached"]
