"""The plain caveclient, for what the store cannot answer and for who wants it."""

from typing import TYPE_CHECKING

from cortical_cache.cache.origin import Origin

if TYPE_CHECKING:
    from caveclient.frameworkclient import CAVEclientFull
    from caveclient.materializationengine import MaterializationClient

__all__ = ["plain_client", "plain_materialize"]


def plain_client(origin: Origin) -> "CAVEclientFull":
    """Return caveclient's own client, connected on first use.

    Raises
    ------
    NotCachedError
        If offline.
    """
    return origin.session.client


def plain_materialize(origin: Origin) -> "MaterializationClient":
    """Return caveclient's own materialization client, with time-outs."""
    return origin.session.materialize
