"""A client of a CAVE on this machine, and some roots of its world."""

import pytest

from cortical_cache import load_client
from cortical_cache.client import Client
from cortical_cache.demo import LoopbackCave, World
from cortical_cache.demo.graph import ChunkedGraph
from tests.cells.kit import graph_of
from tests.level2.kit import large_roots


@pytest.fixture
def graph(cave_world: World) -> ChunkedGraph:
    return graph_of(cave_world)


@pytest.fixture
def client(server: LoopbackCave) -> Client:
    """Return a client that holds nothing yet."""
    return load_client("demo")


@pytest.fixture
def roots(graph: ChunkedGraph) -> list[int]:
    """Return five roots with many level-2 nodes."""
    return large_roots(graph, 5)
