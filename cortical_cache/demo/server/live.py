"""Live queries: a frozen version brought up to a later or earlier moment."""

from cortical_cache.demo.server.deployment import Deployment
from cortical_cache.demo.server.exchange import Reply, Request, unhandled


def live(deployment: Deployment, request: Request, datastack: str) -> Reply:
    raise unhandled("not yet")
