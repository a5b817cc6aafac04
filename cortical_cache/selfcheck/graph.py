"""What the chunked graph says of supervoxels, roots and level-2 ids."""

from collections.abc import Sequence
from typing import Any

from cortical_cache.model.version import parse_time
from cortical_cache.selfcheck.probe import Probe, Verdict, judged, probe
from cortical_cache.selfcheck.server import Server, UntestableError
from cortical_cache.sources.cave.faults import translated

__all__ = ["PROBES"]

_UNUSED = 2**45  # far above any segment number that was ever given out
_NODES = 20


@probe(
    "root-of-nothing",
    assumes="graph: the root of supervoxel 0 is 0, at its place among others",
    otherwise="roots would be given to the wrong supervoxels: never send zeros",
)
def _root_of_nothing(server: Server) -> Verdict:
    supervoxel = _nodes(server)[0][0]
    asked = [supervoxel, 0, supervoxel]
    roots = _ask(server, "get_roots", asked, timestamp=_moment(server))
    holds = len(roots) == len(asked) and roots[1] == 0 and roots[0] == roots[2] > 0
    return judged(holds, f"roots of {asked}: {roots}")


@probe(
    "roots-of-version",
    assumes="graph: at a version's time, supervoxels have the roots of its rows",
    otherwise="roots kept for a moment do not fit the rows of its version: look at "
    "which moment the version was frozen",
)
def _roots_of_version(server: Server) -> Verdict:
    nodes = _nodes(server)
    supervoxels = [supervoxel for supervoxel, _ in nodes]
    roots = _ask(server, "get_roots", supervoxels, timestamp=_moment(server))
    same = sum(one == root for one, (_, root) in zip(roots, nodes, strict=True))
    return judged(same == len(nodes), f"{same} of {len(nodes)} roots are the same")


@probe(
    "latest-of-unknown",
    assumes="graph: an id that does not exist is not a latest root",
    otherwise="ids that do not exist would be kept as current roots",
)
def _latest_of_unknown(server: Server) -> Verdict:
    root = _nodes(server)[0][1]
    asked = [root, root + _UNUSED]
    latest = _ask(server, "is_latest_roots", asked, timestamp=_moment(server))
    return judged(
        [bool(one) for one in latest] == [True, False],
        f"a root of the version: {bool(latest[0])}, an unused id: {bool(latest[1])}",
    )


@probe(
    "level-2",
    assumes="graph: leaves with `stop_layer=2` are ids of layer 2",
    otherwise="level-2 ids kept per root would be something else",
)
def _level_2(server: Server) -> Verdict:
    root = _nodes(server)[0][1]
    leaves = _ask(server, "get_leaves", root, stop_layer=2)
    graph: Any = server.session.chunkedgraph  # caveclient has no types
    with translated(server.address, "the segmentation's description"):
        bits = int(graph.segmentation_info["graph"]["n_bits_for_layer_id"])
    layers = sorted({one >> (64 - bits) for one in leaves})
    return judged(layers == [2], f"{len(leaves)} leaves of layers {layers}")


def _ask(server: Server, method: str, *asked: object, **more: object) -> list[int]:
    graph: Any = server.session.chunkedgraph  # caveclient has no types
    with translated(server.address, method):
        return [int(one) for one in getattr(graph, method)(*asked, **more)]


def _moment(server: Server) -> object:
    return parse_time(str(server.record["time_stamp"]))


def _nodes(server: Server) -> Sequence[tuple[int, int]]:
    """Return supervoxels and their roots, of rows that have both."""
    name, column = server.root_column()
    sample = server.sample(name)
    supervoxels = sample.column(column.replace("_root_id", "_supervoxel_id"))
    pairs = zip(supervoxels, sample.column(column), strict=True)
    found = [
        (supervoxel, root)
        for supervoxel, root in pairs
        if isinstance(supervoxel, int) and isinstance(root, int) and root > 1
    ]
    if not found:
        raise UntestableError(f"the rows of {name} looked at have no root id")
    return found[:_NODES]


PROBES: tuple[Probe, ...] = (
    _root_of_nothing,
    _roots_of_version,
    _latest_of_unknown,
    _level_2,
)
