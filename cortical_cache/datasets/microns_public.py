"""Another name of ``minnie_public``, as cortical_tools spells it. The same client."""

from cortical_cache.datasets.minnie_public import client

__all__ = ["client"]
