"""Two that ask the same at once write it twice, each in the order it was told."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortical_cache.cache.keyed import MISSING, Keyed
from cortical_cache.cache.numbered import each_once
from cortical_cache.registry import resolve
from cortical_cache.repositories.dataset import open_dataset
from cortical_cache.settings import read_settings

NODE, OTHER = (12 << 56) + 7, (12 << 56) + 9
LEAVES = [(2 << 56) + number for number in (5, 3, 8, 1, 9)]
EDGES = [(LEAVES[a], LEAVES[b]) for a, b in ((0, 1), (2, 0), (3, 4), (1, 2))]
ORDERS = {
    "the same": [[0, 1, 2, 3], [0, 1, 2, 3]],
    "turned": [[0, 1, 2, 3], [3, 2, 1, 0]],
    "three": [[0, 1, 2, 3], [1, 0, 3, 2], [2, 3, 0, 1]],
}


@pytest.fixture
def repositories():
    settings = read_settings(offline=True)
    return open_dataset(resolve("demo", settings), settings)


def write(repositories, name, key, columns, writes, how):
    """Write a table; joined commits have no order among the rows of one id."""
    rows = repositories.store.rows("graph", name, 0)
    at = len(writes) if how == "joined" else 100
    table = Keyed(rows, key, columns, "http://x", compact_at=at)
    if how == "mixed":
        every = np.concatenate(writes)
        writes = [np.random.default_rng(4).permutation(every)]
    for one in writes:
        table.add([*np.array(one, np.int64).T])
    assert len(rows.state().commits) == (1 if how == "joined" else len(writes))


@pytest.mark.parametrize("orders", ORDERS.values(), ids=ORDERS)
@pytest.mark.parametrize("how", ["apart", "joined", "mixed"])
def test_leaves_are_each_there_once(repositories, orders, how):
    writes = []
    for order in orders:
        told = [*(LEAVES[one] for one in order), LEAVES[4]]
        writes.append(
            [
                (node, layer, place, leaf)
                for node, layer in ((NODE, 2), (NODE, 1), (OTHER, 2))
                for place, leaf in enumerate(told if node == NODE else LEAVES)
            ]
        )
    columns = ("layer", "place", "leaf_id")
    write(repositories, "leaves", "node_id", columns, writes, how)

    found = repositories.lineage.held_leaves([OTHER, NODE], 2)

    assert found[OTHER].tolist() == LEAVES
    assert len(found[NODE]) == len(LEAVES)
    assert {*found[NODE].tolist()} == {*LEAVES}
    if orders[0] == orders[-1]:
        assert found[NODE].tolist() == LEAVES
    assert list(repositories.lineage.held_leaves([NODE], 1)) == [NODE]


@pytest.mark.parametrize("orders", ORDERS.values(), ids=ORDERS)
@pytest.mark.parametrize("how", ["apart", "joined", "mixed"])
def test_edges_are_each_there_once(repositories, orders, how):
    writes = [
        [
            *((NODE, place, *EDGES[one]) for place, one in enumerate(order)),
            (OTHER, -1, MISSING, MISSING),
        ]
        for order in orders
    ]
    write(repositories, "l2_edges", "root_id", ("place", "a", "b"), writes, how)

    found = repositories.level2graph.held_edges(NODE)

    assert len(found) == len(EDGES)
    assert {*map(tuple, found.tolist())} == {*EDGES}
    if orders[0] == orders[-1]:
        assert found.tolist() == [list(one) for one in EDGES]
    assert repositories.level2graph.held_edges(OTHER).shape == (0, 2)
    assert repositories.level2graph.held_edges(NODE + 1) is None


IDS = st.integers(0, 3)
TOLD = st.dictionaries(IDS, st.lists(st.integers(0, 6), min_size=1), min_size=1)


@given(
    told=TOLD,
    others=st.lists(st.tuples(IDS, st.randoms(use_true_random=False)), max_size=3),
    mixed=st.randoms(use_true_random=False),
)
def test_any_number_of_writers_in_any_order(told, others, mixed):
    rows = [(one, *row) for one, facts in told.items() for row in enumerate(facts)]
    shuffled = set()
    for one, shuffler in others:
        facts = [*told.get(one, [])]
        shuffler.shuffle(facts)
        if facts != told.get(one):
            shuffled.add(one)
        rows += [(one, *row) for row in enumerate(facts)]
    mixed.shuffle(rows)
    asked, places, facts = np.array(rows, np.int64).reshape(-1, 3).T

    once = each_once(asked, places, facts)

    assert asked[once].tolist() == sorted(asked[once].tolist())
    for one, expected in told.items():
        found = facts[once][asked[once] == one].tolist()
        if one in shuffled:
            assert sorted(found) == sorted({*expected})
        else:
            assert found == expected
