"""What the tests of level-2 nodes share."""

import json

import numpy as np
from caveclient import CAVEclient

from cortical_cache.demo import LoggedRequest, LoopbackCave
from cortical_cache.demo.graph import ChunkedGraph


def large_roots(graph: ChunkedGraph, count: int) -> list[int]:
    """Return the roots with the most level-2 nodes."""
    sizes = np.diff(graph.root_children.offset)
    return graph.root_children.parent[np.argsort(-sizes)[:count]].tolist()


def plain(cave: LoopbackCave, name: str = "demo") -> CAVEclient:
    """Return the unmodified caveclient."""
    return CAVEclient(name, server_address=cave.url)


def asked_l2(cave: LoopbackCave) -> list[list[int]]:
    """Return the level-2 ids of each request to the L2 cache so far."""
    return [
        json.loads(one.body)["l2_ids"]
        for one in cave.requests
        if one.path.endswith("/attributes")
    ]


def asked_graph(cave: LoopbackCave) -> list[LoggedRequest]:
    """Return the requests about single nodes so far."""
    return [one for one in cave.requests if "/node/" in one.path]
