"""Segmentation errors and the edits that correct them, played through time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from cortical_cache.demo.generate.anatomy import (
    CHUNK_SIZE,
    VOLUME_CHUNKS,
    Anatomy,
    sibling_id,
)
from cortical_cache.demo.graph import (
    LAYER_SHIFT,
    NEVER,
    ChunkedGraph,
    Edit,
    Family,
    History,
    Nodes,
)
from cortical_cache.demo.rows import Ints
from cortical_cache.demo.world import Resolution

LAYERS = 12
_ROOT_SEGMENTS = (4_000_000_000, 9_000_000_000)


@dataclass(frozen=True, slots=True)
class _Event:
    """Join or cut the segmentation between two nodes (places in the anatomy)."""

    time: int
    kind: Literal["merge", "split"]
    a: int
    b: int


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is wrong at first: missing tree edges, false links; and the events."""

    missing: set[tuple[int, int]]
    links: list[tuple[int, int]]
    events: list[_Event]


@dataclass(slots=True)
class _Log:
    """Everything that the edits add to the initial graph."""

    level2_since: list[tuple[int, int, int]] = field(
        default_factory=list[tuple[int, int, int]]
    )
    root_since: list[tuple[int, int, int]] = field(
        default_factory=list[tuple[int, int, int]]
    )
    created: dict[int, int] = field(default_factory=dict[int, int])
    retired: dict[int, int] = field(default_factory=dict[int, int])
    edges: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    edits: list[Edit] = field(default_factory=list[Edit])


def play(  # noqa: PLR0913 - one argument for each fact
    rng: np.random.Generator,
    anatomy: Anatomy,
    *,
    name: str,
    resolution: Resolution,
    oldest: int,
    newest: int,
    certain: Sequence[int],
) -> ChunkedGraph:
    """Segment the anatomy with errors, then correct most of them one by one.

    Edits come evenly from `oldest` to `newest`, and one at each `certain` time.
    """
    plan = _plan(rng, anatomy, oldest, newest, certain)
    object_of = np.repeat(np.arange(anatomy.objects), np.diff(anatomy.node_first))
    group = _initial_groups(anatomy, object_of, plan)
    roots = _root_ids(rng, int(group.max()) + 1 + 2 * len(plan.events))
    spare = iter(roots[int(group.max()) + 1 :].tolist())
    log = _play_events(rng, anatomy, plan, group, roots, spare)

    node_ids, first_root = anatomy.node_ids, roots[group]
    holder = node_ids[anatomy.supervoxel_node]
    tree = _initial_edges(anatomy, plan)
    level2 = _columns(log.level2_since, anatomy.supervoxel_ids, oldest, holder)
    root = _columns(log.root_since, node_ids, oldest, first_root)
    order = np.argsort(anatomy.supervoxel_ids)
    created = dict.fromkeys([*node_ids.tolist(), *first_root.tolist()], oldest)
    created.update(log.created)
    nodes = np.array(sorted(created), dtype=np.int64)
    return ChunkedGraph(
        name=name,
        layers=LAYERS,
        resolution=resolution,
        chunk_size=CHUNK_SIZE,
        volume_voxels=(
            VOLUME_CHUNKS[0] * CHUNK_SIZE[0],
            VOLUME_CHUNKS[1] * CHUNK_SIZE[1],
            VOLUME_CHUNKS[2] * CHUNK_SIZE[2],
        ),
        oldest=oldest,
        supervoxels=anatomy.supervoxel_ids[order],
        supervoxel_nm=anatomy.supervoxel_nm[order],
        level2_of=History.of(*level2),
        root_of=History.of(*root),
        level2_children=_family(level2[2], level2[0]),
        root_children=_family(root[2], root[0]),
        nodes=Nodes(
            nodes,
            np.array([created[n] for n in nodes.tolist()], dtype=np.int64),
            np.array([log.retired.get(n, NEVER) for n in nodes.tolist()], np.int64),
        ),
        edges=np.concatenate([tree, np.array(log.edges, np.int64).reshape(-1, 2)]),
        edits=tuple(log.edits),
    )


def _plan(
    rng: np.random.Generator,
    anatomy: Anatomy,
    oldest: int,
    newest: int,
    certain: Sequence[int],
) -> _Plan:
    """Choose the errors; spread the events evenly so that every period has some."""
    cells = rng.permutation(anatomy.cells)
    broken, fused, passing = np.split(
        cells[: anatomy.cells // 2], [anatomy.cells // 4, anatomy.cells * 2 // 5]
    )
    fused, passing = fused[: len(fused) // 2 * 2], passing[: len(passing) // 2 * 2]
    kinds: list[tuple[Literal["merge", "split"], int, int]] = []
    missing: set[tuple[int, int]] = set()
    links: list[tuple[int, int]] = []
    for cell in broken:
        first, stop = anatomy.node_first[cell], anatomy.node_first[cell + 1]
        node = int(rng.integers(first + 1, stop))
        missing.add((int(anatomy.node_parent[node]), node))
        kinds.append(("merge", int(anatomy.node_parent[node]), node))
    for number, (a, b) in enumerate(fused.reshape(-1, 2)):
        pair = _some_node(rng, anatomy, int(a)), _some_node(rng, anatomy, int(b))
        links.append(pair)
        if number % 5:  # the others are never noticed
            kinds.append(("split", *pair))
    passing_pairs = [
        (_some_node(rng, anatomy, int(a)), _some_node(rng, anatomy, int(b)))
        for a, b in passing.reshape(-1, 2)
    ]
    count = len(kinds) + 2 * len(passing_pairs)
    span = (newest - oldest) * 0.98 / count
    slots = oldest + (np.arange(count) + 0.1 + 0.8 * rng.random(count)) * span
    for time in certain:
        slots[np.argmin(np.abs(slots - time))] = time
    times = rng.permutation(slots.astype(np.int64)).tolist()
    events = [_Event(times.pop(), kind, a, b) for kind, a, b in kinds]
    for a, b in passing_pairs:
        joined, cut = sorted((times.pop(), times.pop()))
        events += [_Event(joined, "merge", a, b), _Event(cut, "split", a, b)]
    return _Plan(missing, links, sorted(events, key=lambda event: event.time))


def _some_node(rng: np.random.Generator, anatomy: Anatomy, cell: int) -> int:
    first, stop = anatomy.node_first[cell : cell + 2].tolist()
    return int(rng.integers(int(first), int(stop)))


def _initial_groups(anatomy: Anatomy, object_of: Ints, plan: _Plan) -> Ints:
    """Give each node the number of its connected piece of the initial segmentation."""
    group = object_of.copy()
    following = anatomy.objects
    for parent, node in plan.missing:
        inside = {node}
        for other in range(node + 1, int(anatomy.node_first[object_of[parent] + 1])):
            if int(anatomy.node_parent[other]) in inside:
                inside.add(other)
        group[list(inside)] = following
        following += 1
    for a, b in plan.links:
        group[group == group[b]] = group[a]
    return np.unique(group, return_inverse=True)[1]


def _root_ids(rng: np.random.Generator, count: int) -> Ints:
    ids = np.unique(rng.integers(*_ROOT_SEGMENTS, count + count // 10 + 10))
    return (LAYERS << LAYER_SHIFT) | rng.permutation(ids)[:count]


def _initial_edges(anatomy: Anatomy, plan: _Plan) -> Ints:
    child = np.flatnonzero(anatomy.node_parent >= 0)
    kept = np.array(
        [
            c
            for c in child.tolist()
            if (int(anatomy.node_parent[c]), c) not in plan.missing
        ]
    )
    pairs = np.stack([anatomy.node_parent[kept], kept], axis=1)
    false = np.array(plan.links, dtype=np.int64).reshape(-1, 2)
    return anatomy.node_ids[np.concatenate([pairs, false])]


def _columns(
    later: list[tuple[int, int, int]], child: Ints, since: int, parent: Ints
) -> tuple[Ints, Ints, Ints]:
    extra = np.array(later, dtype=np.int64).reshape(-1, 3)
    return (
        np.concatenate([child, extra[:, 0]]),
        np.concatenate([np.full(len(child), since, dtype=np.int64), extra[:, 1]]),
        np.concatenate([parent, extra[:, 2]]),
    )


def _family(parent: Ints, child: Ints) -> Family:
    return Family.of(parent, child)


class _Editor:
    """The state of the edited parts: who touches whom, who lies in which root."""

    def __init__(self, rng: np.random.Generator, taken: Iterable[int]) -> None:
        self.rng = rng
        self.taken = set(taken)
        self.log = _Log()
        self.neighbours: dict[int, set[int]] = {}
        self.supervoxels: dict[int, list[int]] = {}
        self.root: dict[int, int] = {}
        self.members: dict[int, set[int]] = {}

    def renew(self, node: int, time: int, supervoxels: list[int]) -> int:
        """Replace a level-2 node by a new one with the given supervoxels."""
        new = sibling_id(self.rng, node, self.taken)
        self.log.created[new] = time
        self.log.retired[node] = time
        self.supervoxels[new] = supervoxels
        self.neighbours[new] = set()
        self.log.level2_since += [(sv, time, new) for sv in supervoxels]
        return new

    def connect(self, a: int, b: int) -> None:
        """Record that two level-2 nodes touch."""
        self.neighbours[a].add(b)
        self.neighbours[b].add(a)
        self.log.edges.append((a, b))

    def inherit(self, old: int, new: int, *, but: int | None = None) -> None:
        """Let `new` touch what `old` touched."""
        for other in sorted(self.neighbours.pop(old)):
            self.neighbours[other].discard(old)
            if other != but:
                self.connect(new, other)

    def reach(self, start: int) -> set[int]:
        """Return all nodes connected to `start`."""
        seen, todo = {start}, [start]
        while todo:
            fresh = self.neighbours[todo.pop()] - seen
            seen |= fresh
            todo.extend(fresh)
        return seen

    def enroot(self, root: int, members: set[int], time: int) -> None:
        """Give nodes a new root."""
        self.log.created[root] = time
        self.members[root] = members
        for node in sorted(members):
            self.root[node] = root
            self.log.root_since.append((node, time, root))


def _play_events(  # noqa: PLR0913, PLR0917 - one argument for each fact
    rng: np.random.Generator,
    anatomy: Anatomy,
    plan: _Plan,
    group: Ints,
    roots: Ints,
    spare: Iterable[int],
) -> _Log:
    editor = _Editor(rng, anatomy.node_ids.tolist())
    _load(editor, anatomy, plan, group, roots)
    fresh = iter(spare)
    now: dict[int, int] = {}
    for number, event in enumerate(plan.events, start=1):
        a = now.get(event.a, int(anatomy.node_ids[event.a]))
        b = now.get(event.b, int(anatomy.node_ids[event.b]))
        before = tuple(dict.fromkeys((editor.root[a], editor.root[b])))
        new_a = editor.renew(a, event.time, editor.supervoxels[a])
        rest = editor.supervoxels[b]
        astray: list[int] = []
        if event.kind == "split" and len(rest) > 1:
            # The false link ran through this supervoxel, which goes to the other side.
            rest, astray = rest[:-1], rest[-1:]
        new_b = editor.renew(b, event.time, rest)
        editor.inherit(a, new_a, but=b if event.kind == "split" else None)
        editor.inherit(b, new_b, but=a if event.kind == "split" else None)
        if event.kind == "merge":
            editor.connect(new_a, new_b)
        if astray:
            editor.connect(editor.renew(b, event.time, astray), new_a)
        parts = [editor.reach(new_a)]
        if event.kind == "split":
            parts.append(editor.reach(new_b))
        after = tuple(next(fresh) for _ in parts)
        for old in before:
            editor.log.retired[old] = event.time
        for root, part in zip(after, parts, strict=True):
            editor.enroot(root, part, event.time)
        now[event.a], now[event.b] = new_a, new_b
        user = 1 + number % 5
        editor.log.edits.append(
            Edit(number, event.time, event.kind, before, after, user)
        )
    return editor.log


def _load(
    editor: _Editor, anatomy: Anatomy, plan: _Plan, group: Ints, roots: Ints
) -> None:
    """Copy the objects that will be edited into the editor."""
    edited = np.isin(group, group[[n for e in plan.events for n in (e.a, e.b)]])
    places = np.flatnonzero(edited)
    for place in places.tolist():
        node, root = int(anatomy.node_ids[place]), int(roots[group[place]])
        editor.neighbours[node] = set()
        editor.supervoxels[node] = []
        editor.root[node] = root
        editor.members.setdefault(root, set()).add(node)
    held = np.flatnonzero(edited[anatomy.supervoxel_node])
    for place in held.tolist():
        node = int(anatomy.node_ids[anatomy.supervoxel_node[place]])
        editor.supervoxels[node].append(int(anatomy.supervoxel_ids[place]))
    for a, b in _initial_edges(anatomy, plan).tolist():
        if a in editor.neighbours:
            editor.neighbours[a].add(b)
            editor.neighbours[b].add(a)
