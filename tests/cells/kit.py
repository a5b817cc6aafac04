"""What a world says of its cells and roots, found without the code under test."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from cortical_cache.client import Client
from cortical_cache.demo import LoggedRequest, LoopbackCave, World
from cortical_cache.demo.graph import ChunkedGraph
from cortical_cache.demo.world import SplitTable
from cortical_cache.registry import resolve
from cortical_cache.repositories.dataset import open_dataset
from cortical_cache.settings import read_settings

MAIN, VIEW = "nucleus_detection_v0", "nucleus_detection_lookup"
OTHER = "nucleus_alternative_points"
VERSIONS = (2, 3, 4, 5)
MILLISECOND = timedelta(milliseconds=1)


@dataclass
class Clock:
    """A clock that goes when it is told to."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


def client_at(clock: Clock, name: str = "demo", *, offline: bool = False) -> Client:
    """Return a client whose time is that of a clock."""
    settings = read_settings(offline=offline)
    return Client(open_dataset(resolve(name, settings), settings, clock=clock))


def graph_of(world: World, name: str = "demo") -> ChunkedGraph:
    return world.segmentations[world.datastacks[name].segmentation].graph


def stamp(world: World, version: int, name: str = "demo") -> datetime:
    found = world.datastacks[name].version(version)
    return found.time_stamp


def millis(moment: datetime) -> int:
    return int(moment.timestamp() * 1000 + 0.5)


def every_root(graph: ChunkedGraph) -> np.ndarray:
    nodes = graph.nodes.node
    return nodes[nodes >> 56 == graph.layers]


def lives(graph: ChunkedGraph, roots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return when roots began and ended, in ms; NEVER for those that have not."""
    place, known = graph.nodes.find(roots)
    assert known.all()
    return graph.nodes.created[place], graph.nodes.retired[place]


def view_of(world: World, version: int) -> dict[int, tuple[int | None, int | None]]:
    """Return supervoxel and root of every cell of a version's lookup view."""
    rows = world.view_rows["demo", version][VIEW]
    columns = [rows[name] for name in ("id", "pt_supervoxel_id", "pt_root_id")]
    ids, supervoxels, roots = (
        [None if null else int(one) for one, null in zip(c.data, c.null, strict=True)]
        for c in columns
    )
    return dict(zip(ids, zip(supervoxels, roots, strict=True), strict=True))


def points_of(
    world: World, version: int, name: str, datastack: str = "demo"
) -> dict[int, set[int]]:
    """Return the roots that each cell has in a cell table; -1 for NULL."""
    tables = world.frozen[datastack, version]
    if name not in tables:
        return {}
    table = tables[name]
    rows = table.annotation if isinstance(table, SplitTable) else table.flat
    rows = rows.take(np.flatnonzero(rows["valid"].data.astype(bool)))
    bound = table.segmentation if isinstance(table, SplitTable) else rows
    roots = dict(
        zip(
            bound["id"].ints().tolist(),
            np.where(bound["pt_root_id"].null, -1, bound["pt_root_id"].ints()).tolist(),
            strict=True,
        )
    )
    cells = rows["id" if name == MAIN else "target_id"].ints().tolist()
    found: dict[int, set[int]] = {}
    for row, cell in zip(rows["id"].ints().tolist(), cells, strict=True):
        found.setdefault(cell, set()).add(roots.get(row, -1))
    return found


def cells_at(
    world: World,
    version: int,
    datastack: str = "demo",
    names: Sequence[str] = (MAIN, OTHER),
) -> dict[int, set[int]]:
    """Return the cells that each root has in the cell tables of a version."""
    found: dict[int, set[int]] = {}
    for name in names:
        for cell, roots in points_of(world, version, name, datastack).items():
            for root in roots - {0, -1}:
                found.setdefault(root, set()).add(cell)
    return found


def mirror(client: Client, *versions: int, view: bool = True) -> None:
    """Hold the cell tables of some versions whole."""
    for version in versions:
        tables = client.cached.materialize
        names = tables.get_tables(version=version)
        for name in (MAIN, OTHER):
            if name in names:
                tables.query_table(
                    name,
                    materialization_version=version,
                    merge_reference=False,
                )
        if view:
            tables.query_view(VIEW, materialization_version=version)


def asked(cave: LoopbackCave, ending: str) -> list[LoggedRequest]:
    return [one for one in cave.requests if one.path.endswith(ending)]


def node_ids(request: LoggedRequest) -> list[int]:
    return json.loads(request.body)["node_ids"]


def last_moment(graph: ChunkedGraph, root: int, now: datetime) -> int:
    """Return the last millisecond of a root's life so far."""
    _, (retired,) = lives(graph, np.array([root]))
    return min(int(retired) - 1, millis(now))


def nuclei_in(
    world: World, root: int, moment: int, datastack: str = "demo"
) -> list[int]:
    """Return the cell of every point, live at a moment in ms, that a root held then."""
    graph = graph_of(world, datastack)
    tables = world.aligned_volumes[world.datastacks[datastack].aligned_volume].tables
    when = np.datetime64(moment, "ms")
    found: list[int] = []
    for name in (MAIN, OTHER):
        rows, bound = tables[name].annotation, tables[name].segmentation
        deleted = rows["deleted"]
        alive = rows["created"].data <= when
        alive &= np.where(deleted.null, rows["valid"].data, deleted.data > when)
        cells = rows["id" if name == MAIN else "target_id"].ints()
        cell_of = dict(
            zip(rows["id"].ints()[alive].tolist(), cells[alive].tolist(), strict=True)
        )
        roots = graph.parents(bound["pt_supervoxel_id"].ints(), moment)
        ids = bound["id"].ints()[roots == root].tolist()
        found += [cell_of[one] for one in ids if one in cell_of]
    return found


def some_roots(world: World) -> list[int]:
    """Return roots of all times, with a cell, without, and with several."""
    graph = graph_of(world)
    roots = every_root(graph)
    _, retired = lives(graph, roots)
    current, ended = roots[retired > 2**62], roots[retired < 2**62]
    several = [
        root
        for version in VERSIONS
        for root, cells in cells_at(world, version).items()
        if len(cells) > 1
    ]
    return sorted({*current[::25].tolist(), *ended[::12].tolist(), *several[:10]})
