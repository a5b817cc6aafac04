"""``client.map_roots`` against the history that the loopback CAVE was made from."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from cortical_cache import load_client
from cortical_cache.client.moves import AMBIGUOUS, CELL, LINEAGE, NOWHERE, OVERLAP, SAME
from cortical_cache.errors import NotCachedError

VERSIONS = [2, 4, 5]


class Oracle:
    """The graph, asked one root at a time, in plain Python."""

    def __init__(self, world, version) -> None:
        self.graph = world.segmentations[world.datastacks["demo"].segmentation].graph
        stamp = world.datastacks["demo"].version(version).time_stamp
        self.when = int(stamp.timestamp() * 1000)
        self.into = {r: e for e in self.graph.edits for r in e.before}
        self.out_of = {r: e for e in self.graph.edits for r in e.after}

    def alive(self, root):
        return bool(self.graph.current(np.array([root]), self.when)[0])

    def relatives(self, root):
        """Return the roots of that moment that it became, or was made of."""
        later = self.made(root) > self.when
        edits = self.out_of if later else self.into
        todo, found = [root], set()
        while todo:
            one = todo.pop()
            edit = edits.get(one)
            if edit is None or (edit.time <= self.when) == later:
                found.add(one)
            else:
                todo += edit.before if later else edit.after
        return found

    def made(self, root):
        place, _ = self.graph.nodes.find(np.array([root]))
        return int(self.graph.nodes.created[place[0]])

    def shares(self, root):
        """Return how much of it each root of that moment holds."""
        parts = self.graph.leaves(root, 2)
        homes = self.graph.parents(parts, self.when)
        return {
            home: n / len(parts) for home, n in Counter(homes.tolist()).items() if home
        }

    def all_roots(self):
        nodes = self.graph.nodes.node
        return nodes[(nodes >> 56) == self.graph.layers]


@pytest.mark.parametrize("version", VERSIONS)
def test_each_root_goes_where_its_history_says(version, client, cave_world):
    oracle = Oracle(cave_world, version)
    some = np.random.default_rng(version).choice(oracle.all_roots(), 120, replace=False)

    found = client.map_roots(some, to_version=version)

    cells = client.root_id_to_cell_id(some)["cell_id"]
    of_cells = client.cell_id_to_root_id(
        cells.tolist(), materialization_version=version
    )["root_id"].to_numpy()
    for (root, row), cell, of_cell in zip(
        found.iterrows(), cells, of_cells, strict=True
    ):
        relatives = oracle.relatives(root)
        if oracle.alive(root):
            assert (row.root_id, row.rule) == (root, SAME)
        elif cell > 0 and of_cell > 0:
            assert (row.root_id, row.rule) == (of_cell, CELL)
        elif len(relatives) == 1:
            assert (row.root_id, row.rule) == (relatives.pop(), LINEAGE)
        else:
            shares = oracle.shares(root)
            best = max(shares, key=shares.get, default=-1)
            if shares.get(best, 0) > 0.5:
                assert (row.root_id, row.rule) == (best, OVERLAP)
            else:
                assert (row.root_id, row.rule) == (-1, AMBIGUOUS)
    assert {SAME, CELL, LINEAGE, OVERLAP} <= set(found["rule"])


def halved(oracle):
    """Return roots of which no root of that moment holds more than half."""
    return [
        root
        for root in oracle.all_roots().tolist()
        if not oracle.alive(root)
        and len(oracle.relatives(root)) > 1
        and max(oracle.shares(root).values(), default=0) <= 0.5
    ]


def test_a_root_in_several_none_with_more_than_half_is_ambiguous(client, cave_world):
    version = next(one for one in (2, 3, 4, 5) if halved(Oracle(cave_world, one)))
    roots = halved(Oracle(cave_world, version))

    found = client.map_roots(roots, to_version=version)

    cells = client.root_id_to_cell_id(roots)["cell_id"].to_numpy()
    without = found[cells < 0]
    assert len(without)
    assert set(without["root_id"]) == {-1}
    assert set(without["rule"]) == {AMBIGUOUS}


def test_order_repeats_and_ids_that_are_no_roots(client):
    (root, other) = client.cell_id_to_root_id([112236, 108080])["root_id"]
    unreal = 864691135999999999

    found = client.map_roots([root, 0, unreal, -1, other, root], to_version=5)

    assert found.index.tolist() == [root, 0, unreal, -1, other, root]
    assert found["root_id"].dtype == np.int64
    assert found["root_id"].tolist() == [root, -1, -1, -1, other, root]
    assert found["rule"].tolist() == [SAME, NOWHERE, NOWHERE, NOWHERE, SAME, SAME]
    empty = client.map_roots([], to_version=5)
    assert (len(empty), empty["root_id"].dtype) == (0, np.int64)


def test_the_clients_version_where_none_is_given(server):
    client = load_client("demo", version=2)
    roots = load_client("demo", version=5).diff(None, 2, 5).cells
    frame = roots.to_frame().query("change == 'changed' and root_id_old > 0")

    found = client.map_roots(frame["root_id_old"])

    assert found["root_id"].tolist() == frame["root_id_old"].tolist()


def test_mirrored_cells_answer_offline(client, offline, server):
    changed = client.diff(None, 2, 5).cells.to_frame()
    one = changed.query("root_id_old > 0 and root_id_new > 0 and not merged")
    one = one[~one["root_id_old"].duplicated(keep=False)]
    for table in ("nucleus_alternative_points", "nucleus_detection_v0"):
        client.diff(table, 2, 5)
    online = client.map_roots(one["root_id_old"], to_version=5)
    server.clear_log()

    found = offline.map_roots(one["root_id_old"], to_version=5)

    assert not server.requests
    assert found.equals(online)
    # all but a few, that hold a second nucleus or lost theirs to an alternative point
    assert found["rule"].isin([SAME, CELL]).mean() > 0.9
    mine = offline.root_id_to_cell_id(one["root_id_old"])["cell_id"].to_numpy()
    by_cell = (found["rule"] == CELL).to_numpy() & (mine == one.index)
    assert by_cell.sum() > 15
    new = one["root_id_new"].to_numpy()
    assert found["root_id"].to_numpy()[by_cell].tolist() == new[by_cell].tolist()


def test_what_was_asked_once_is_answered_offline(client, offline, server, cave_world):
    oracle = Oracle(cave_world, 4)
    some = np.random.default_rng(0).choice(oracle.all_roots(), 120, replace=False)
    online = client.map_roots(some, to_version=4)
    server.clear_log()

    found = offline.map_roots(some, to_version=4)

    assert not server.requests
    assert found.equals(online)
    assert {LINEAGE, OVERLAP} <= set(found["rule"])


def off_the_segmentation(world, cell):
    """Return the world with a cell's root 0 in the lookup view of version 2."""
    views = world.view_rows["demo", 2]
    rows = views["nucleus_detection_lookup"]
    roots = rows["pt_root_id"].data.copy()
    roots[rows["id"].ints() == cell] = 0
    changed = rows.with_columns({"pt_root_id": replace(rows["pt_root_id"], data=roots)})
    views = {**views, "nucleus_detection_lookup": changed}
    return replace(world, view_rows={**world.view_rows, ("demo", 2): views})


def test_a_cell_without_a_root_there_does_not_tell(
    client, start, cave_world, monkeypatch
):
    after = client.diff(None, 2, 5).cells.to_frame().query("change == 'changed'")
    told = client.map_roots(after["root_id_new"], to_version=2)
    cell = int(after.index[(told["rule"] == CELL).to_numpy()][0])
    root = int(after.loc[cell, "root_id_new"])
    server = start(off_the_segmentation(cave_world, cell))
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", server.url)
    other = load_client("demo")

    (rule,) = other.map_roots([root], to_version=2)["rule"]

    assert other.root_id_to_cell_id([root])["cell_id"].tolist() == [cell]
    assert rule in {LINEAGE, OVERLAP, AMBIGUOUS}


def test_offline_undecided_roots_are_counted_and_five_are_named(
    client, offline, server
):
    cells = client.diff(None, 2, 5).cells.to_frame().query("change == 'changed'")
    roots = cells["root_id_old"][cells["root_id_old"] > 0].unique()[:7].tolist()
    for table in ("nucleus_alternative_points", "nucleus_detection_v0"):
        client.diff(table, 2, 5)

    with pytest.raises(NotCachedError) as raised:
        offline.map_roots(roots, to_version=4)

    assert "where 7 roots of demo (" in raised.value.missing
    assert raised.value.missing.endswith(" are in v4 is")
    assert ", ".join(map(str, sorted(roots)[:5])) + ", ...)" in raised.value.missing
    assert raised.value.command == "cortical-cache sync demo 4 --tables cells"
    with pytest.raises(NotCachedError, match="the same call of load_client"):
        offline.map_roots([864691135000000007], to_version=5)  # its tables are held
    nothing = offline.map_roots([0, -1], to_version=4)
    assert nothing["rule"].tolist() == [NOWHERE, NOWHERE]
