"""Neurons as meshworks, by pcg_skel on the cached client, once and for ever."""

import warnings

import numpy as np
import pytest

from cortical_cache import load_client
from cortical_cache.cli.app import run as command_line
from cortical_cache.errors import (
    ConfigurationError,
    InvalidQueryError,
    NotCachedError,
)
from tests.cells.kit import every_root, graph_of, lives, millis, stamp
from tests.kit import python
from tests.level2.kit import large_roots, plain

pytest.importorskip("pcg_skel", reason="needs cortical-cache[skeletons]")


@pytest.fixture
def cave(start, minnie_world, monkeypatch):
    """Run a CAVE that stands in for minnie65."""
    cave = start(minnie_world)
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", cave.url)
    return cave


@pytest.fixture
def world(minnie_world):
    return minnie_world


@pytest.fixture
def graph(world):
    return graph_of(world, "minnie65_phase3_v1")


@pytest.fixture
def newest(world) -> int:
    return max(one.number for one in world.datastacks["minnie65_public"].versions)


@pytest.fixture
def client(cave, newest):
    return load_client("minnie_public", version=newest)


def alive(world, graph, version: int) -> list[int]:
    """Return large roots that were current when a version was frozen."""
    roots = np.array(large_roots(graph, 200))
    began, ended = lives(graph, roots)
    at = millis(stamp(world, version, "minnie65_public"))
    return roots[(began <= at) & (at < ended)].tolist()


def ended_before(world, graph, version: int) -> list[int]:
    """Return roots that had ended before a version was frozen, largest first."""
    roots = np.array(large_roots(graph, 10**6))
    _, ended = lives(graph, roots)
    at = millis(stamp(world, version, "minnie65_public"))
    return roots[ended < at].tolist()


def same(ours, theirs) -> None:
    """Compare two meshworks: vertices, edges and every annotation."""
    assert ours.skeleton.vertices.tolist() == theirs.skeleton.vertices.tolist()
    assert ours.skeleton.edges.tolist() == theirs.skeleton.edges.tolist()
    assert ours.skeleton.root == theirs.skeleton.root
    assert np.array_equal(ours.mesh.vertices, theirs.mesh.vertices)
    assert np.array_equal(ours.mesh.link_edges, theirs.mesh.link_edges)
    assert ours.anno.table_names == theirs.anno.table_names
    for name in theirs.anno.table_names:
        mine, other = ours.anno[name].df, theirs.anno[name].df
        assert list(mine.columns) == list(other.columns)
        by = ["id"] if "id" in mine.columns else None
        if by:
            mine = mine.sort_values(by).reset_index(drop=True)
            other = other.sort_values(by).reset_index(drop=True)
        assert mine.astype(str).equals(other.astype(str)), name


def test_it_is_what_pcg_skel_builds_on_the_plain_client(
    cave, client, world, graph, newest
):
    from pcg_skel import get_meshwork_from_client

    theirs = plain(cave, "minnie65_public")
    done = 0
    for root in ended_before(world, graph, newest)[:4]:
        ours = client.get_skeleton(root, restore_graph=True)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            other = get_meshwork_from_client(
                root,
                theirs,
                synapses=True,
                restore_graph=True,
                restore_properties=True,
            )
        same(ours, other)
        done += len(ours.anno.post_syn) + len(ours.anno.pre_syn)
    assert done > 10


def test_its_synapses_are_those_of_the_version(client, world, graph, newest):
    synapses = world.frozen["minnie65_phase3_v1", newest]["synapses_pni_2"]
    valid = synapses.annotation["valid"].data
    ids = set(synapses.annotation["id"].ints()[valid].tolist())
    bound = synapses.segmentation
    roots = alive(world, graph, newest)[:5]

    for root in roots:
        neuron = client.get_skeleton(root, restore_properties=False)

        pre = bound["pre_pt_root_id"].ints() == root
        post = bound["post_pt_root_id"].ints() == root
        for mine, other, table in (
            (pre, post, neuron.anno.pre_syn),
            (post, pre, neuron.anno.post_syn),
        ):
            expected = set(bound["id"].ints()[mine & ~other].tolist()) & ids
            assert set(table.df["id"]) == expected
        nodes = set(graph.leaves(root, 2).tolist())
        assert set(neuron.anno.lvl2_ids.df["lvl2_id"]) == nodes
        column = neuron.anno.post_syn.df["post_pt_level2_id"]
        assert {int(one) for one in column} <= nodes
        assert len(neuron.anno.compartment) == len(nodes)


def test_a_root_without_synapses_has_empty_tables(client, world, graph, newest):
    bound = world.frozen["minnie65_phase3_v1", newest]["synapses_pni_2"].segmentation
    busy = {
        side: set(bound[f"{side}_pt_root_id"].ints().tolist())
        for side in ("pre", "post")
    }
    at = millis(stamp(world, newest, "minnie65_public"))
    roots = np.array(large_roots(graph, 10**6))
    began, ended = lives(graph, roots)
    there = roots[(began <= at) & (at < ended)].tolist()
    mute = next(one for one in there if one in busy["post"] - busy["pre"])
    deaf = next(one for one in there if one in busy["pre"] - busy["post"])

    for root in (mute, deaf):
        neuron = client.get_skeleton(root, restore_properties=False)
        assert (len(neuron.anno.pre_syn) == 0) == (root == mute)
        assert (len(neuron.anno.post_syn) == 0) == (root == deaf)
        moved = client.get_skeleton(root, transform="rigid", restore_properties=False)
        assert len(moved.anno.pre_syn) == len(neuron.anno.pre_syn)


def test_a_second_call_asks_nothing_in_another_process_offline(
    cave, client, world, graph, newest
):
    root = alive(world, graph, newest)[0]
    old = ended_before(world, graph, newest)[0]
    first = client.get_skeleton(root, restore_graph=True)
    client.get_skeleton(old)
    cave.clear_log()
    again = client.get_skeleton(root, transform="rigid")
    client.get_skeleton(root, synapses=False, transform="streamline")
    client.get_skeleton(old, transform="streamline")
    assert not cave.requests
    assert len(again.anno.pre_syn) == len(first.anno.pre_syn)
    cave.stop()

    ran = python(
        "import warnings\n"
        "warnings.filterwarnings('ignore', module='(?!cortical_cache)')\n"
        "from cortical_cache import load_client\n"
        f"client = load_client('minnie_public', version={newest}, offline=True)\n"
        f"for root in ({root}, {old}):\n"
        "    for kind in (None, 'rigid', 'streamline'):\n"
        "        for synapses in (True, False):\n"
        "            neuron = client.get_skeleton(root, synapses, transform=kind)\n"
        f"neuron = client.get_skeleton({root}, restore_graph=True)\n"
        "print(len(neuron.anno.pre_syn), len(neuron.anno.post_syn),\n"
        "      len(neuron.mesh.link_edges), neuron.skeleton.vertices.sum())",
        CORTICAL_CACHE_TEST_SOCKETS="none",
    )

    assert ran.code == 0, ran.err
    assert ran.out.split() == [
        str(len(first.anno.pre_syn)),
        str(len(first.anno.post_syn)),
        str(len(first.mesh.link_edges)),
        str(first.skeleton.vertices.sum()),
    ]


def test_the_second_call_is_the_first_to_the_last_property(
    cave, client, world, graph, newest
):
    for root in alive(world, graph, newest)[:3]:
        first = client.get_skeleton(root)
        second = client.get_skeleton(root)

        same(second, first)
        mine, other = (one.anno.segment_properties.df for one in (second, first))
        assert mine.dtypes.to_dict() == other.dtypes.to_dict()
        assert mine.equals(other)


def test_segments_are_measured_anew_when_a_volume_comes(
    start, minnie_world, monkeypatch, world, graph, newest
):
    root = alive(world, graph, newest)[0]
    nodes = graph.leaves(root, 2).tolist()
    late = nodes[3:6]
    cave = start(minnie_world, l2_uncomputed=frozenset(late))
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", cave.url)
    client = load_client("minnie_public", version=newest)

    before = client.get_skeleton(root)
    after = client.get_skeleton(root)

    volumes = client.get_l2data(nodes, ["size_nm3"])["size_nm3"]
    totals = [
        one.anno.segment_properties.df.drop_duplicates("seg_num")["vol"].sum()
        for one in (before, after)
    ]
    assert totals == [volumes.drop(late).sum(), volumes.sum()]


def test_a_node_without_a_place_stands_at_its_vertex(
    start, minnie_world, monkeypatch, world, graph, newest
):
    root = alive(world, graph, newest)[0]
    late = graph.leaves(root, 2).tolist()[3:6]
    cave = start(minnie_world, l2_uncomputed=frozenset(late), l2_delay=1e6)
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", cave.url)
    client = load_client("minnie_public", version=newest)

    neuron = client.get_skeleton(root, restore_graph=True)

    places = neuron.anno.lvl2_ids.df["lvl2_id"].isin(late).to_numpy()
    stand_at = neuron.skeleton.vertices[neuron.skeleton.mesh_to_skel_map]
    assert places.sum() == 3
    assert np.array_equal(neuron.mesh.vertices[places], stand_at[places])


def test_transforms_move_vertices_and_synapses_alike(client, world, graph, newest):
    roots = alive(world, graph, newest)[:20]
    root = next(one for one in roots if len(client.get_skeleton(one).anno.post_syn) > 1)
    plain_one = client.get_skeleton(root)

    rigid = client.get_skeleton(root, transform="rigid")
    straight = client.get_skeleton(root, transform="streamline")

    move = client.space.transform("nm").apply
    field = client.space.streamline("nm")
    anchor = plain_one.skeleton.root_position

    def along(points):  # noqa: ANN202  an array
        return field.radial_points(anchor, points)

    for moved, by in ((rigid, move), (straight, along)):
        np.testing.assert_allclose(
            moved.skeleton.vertices, by(plain_one.skeleton.vertices)
        )
        np.testing.assert_allclose(moved.mesh.vertices, by(plain_one.mesh.vertices))
        for side in ("pre", "post"):
            before = plain_one.anno[f"{side}_syn"].df
            after = moved.anno[f"{side}_syn"].df
            for column in ("ctr_pt_position", "pre_pt_position", "post_pt_position"):
                if len(before):
                    np.testing.assert_allclose(
                        np.vstack(after[column]), by(np.vstack(before[column]))
                    )
    assert not np.allclose(rigid.skeleton.vertices, straight.skeleton.vertices)


def test_reference_tables_are_merged_onto_synapses(cave, world, graph, newest):
    """A table about nuclei has no synapses' ids: its columns come, without values."""
    client = load_client("minnie_public", version=newest)
    root = alive(world, graph, newest)[0]
    table = "nucleus_ref_neuron_svm"
    if table not in world.frozen["minnie65_phase3_v1", newest]:
        names = world.aligned_volumes["minnie65_phase3"].tables
        table = next(n for n, one in names.items() if one.reference_table)

    by_list = client.get_skeleton(root, reference_tables=[table])
    by_side = client.get_skeleton(root, synapse_reference_tables={"post": table})

    plain_one = client.get_skeleton(root)
    new = set(by_list.anno.post_syn.df) - set(plain_one.anno.post_syn.df)
    assert new
    assert new == set(by_side.anno.post_syn.df) - set(plain_one.anno.post_syn.df)
    assert list(by_side.anno.pre_syn.df) == list(plain_one.anno.pre_syn.df)


def test_questions_without_meaning_say_so(client, world, graph, newest):
    root = alive(world, graph, newest)[0]
    with pytest.raises(InvalidQueryError, match="'rigid' or 'streamline'"):
        client.get_skeleton(root, transform="bent")
    with pytest.raises(InvalidQueryError, match="'pre' and 'post'"):
        client.get_skeleton(root, reference_tables={"both": "x"})
    with pytest.raises(InvalidQueryError, match="invalid_layer_rid"):
        client.get_skeleton(int(graph.leaves(root, 2)[0]))


def test_offline_what_is_not_held_names_the_command(client, world, graph, newest):
    one, other = alive(world, graph, newest)[:2]
    client.get_skeleton(one)
    offline = load_client("minnie_public", version=newest, offline=True)

    with pytest.raises(NotCachedError, match=f"fetch minnie_public@{newest} {other}"):
        offline.get_skeleton(other)


def test_a_dataset_without_a_transform_says_so(server):
    client = load_client("demo")

    with pytest.raises(ConfigurationError, match="names no transform"):
        _ = client.space
    with pytest.raises(ConfigurationError, match="names no transform"):
        client.get_skeleton(7, transform="rigid")


def test_pcg_skel_itself_runs_on_the_cached_client(cave, client, world, graph, newest):
    from pcg_skel import get_meshwork_from_client

    root = ended_before(world, graph, newest)[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first = get_meshwork_from_client(root, client.cached, synapses=True)
        cave.clear_log()
        offline = load_client("minnie_public", version=newest, offline=True)
        second = get_meshwork_from_client(root, offline.cached, synapses=True)

    assert not cave.requests
    same(second, first)


def test_every_root_of_a_life_is_looked_at_within_it(client, world, graph, newest):
    """Whatever time a root is from, its synapses have a place on it."""
    roots = np.array(every_root(graph))
    began, ended = lives(graph, roots)
    at = millis(stamp(world, newest, "minnie65_public"))
    sizes = {root: len(graph.leaves(root, 2)) for root in roots.tolist()}
    groups = [ended <= at, (began <= at) & (at < ended)]

    for group in groups:
        large = [one for one in roots[group].tolist() if sizes[one] > 12][:5]
        assert large
        for root in large:
            neuron = client.get_skeleton(root, restore_properties=False)
            assert len(neuron.anno.lvl2_ids) == sizes[root]


def test_offline_the_command_that_is_named_brings_all_of_a_neuron(
    cave, client, world, graph, newest
):
    root = alive(world, graph, newest)[0]
    offline = load_client("minnie_public", version=newest, offline=True)
    with pytest.raises(NotCachedError) as first:
        offline.get_skeleton(root)
    assert first.value.command == f"cortical-cache fetch minnie_public@{newest} {root}"

    assert command_line(first.value.command.split()[1:]) == 0
    cave.clear_log()

    neuron = offline.get_skeleton(root, restore_graph=True, transform="rigid")
    assert len(neuron.anno.lvl2_ids)
    ours = offline.cached.chunkedgraph
    assert ours.is_latest_roots([root], timestamp=offline.cached.timestamp).all()
    assert not cave.requests


def test_offline_the_life_of_a_root_names_a_command_that_fetches_it(
    cave, client, world, graph, newest
):
    root = alive(world, graph, newest)[0]
    client.tables.nucleus_detection_v0().query()
    offline = load_client("minnie_public", version=newest, offline=True)
    moment = offline.cached.timestamp
    ours = offline.cached.chunkedgraph
    with pytest.raises(NotCachedError) as caught:
        ours.is_latest_roots([root], timestamp=moment)

    assert command_line(caught.value.command.split()[1:]) == 0

    assert ours.is_latest_roots([root], timestamp=moment).all()
    assert ours.get_root_timestamps([root])
