"""Another name of ``minnie_prod``, as cortical_tools spells it. The same client."""

from cortical_cache.datasets.minnie_prod import client

__all__ = ["client"]
