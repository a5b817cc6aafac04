"""The command that an offline miss names is pasted, and fetches what was missing."""

import shlex
from datetime import timedelta

import pytest

from cortical_cache import load_client
from cortical_cache.errors import NotCachedError
from tests.kit import COMMAND, run

MISSES = {
    "level-2 attributes": lambda c, of: c.cached.l2cache.get_l2data(of["nodes"]),
    "level-2 ids": lambda c, of: c.get_l2_ids(of["roots"]),
    "level-2 graph": lambda c, of: c.cached.chunkedgraph.level2_chunk_graph(
        of["roots"][0]
    ),
    "leaves": lambda c, of: c.cached.chunkedgraph.get_leaves_many(
        of["roots"], stop_layer=2
    ),
    "lives": lambda c, of: c.cached.chunkedgraph.get_root_timestamps(of["roots"]),
    "current": lambda c, of: c.cached.chunkedgraph.is_latest_roots(of["roots"]),
    "skeletons": lambda c, of: c.cached.skeleton.skeletons_exist(root_ids=of["roots"]),
    "one skeleton": lambda c, of: c.cached.skeleton.get_skeleton(of["roots"][0]),
}


@pytest.fixture
def of(server, tmp_path):
    """Return more ids than a message names, of which nothing is held."""
    client = load_client("demo", version=5, cache_dir=tmp_path / "another")
    cells = client.cached.materialize.query_table("cell_types").dropna()[:8]
    roots = [int(one) for one in dict.fromkeys(cells["pt_root_id"])]
    nodes = client.get_l2_ids(roots[0])[:8]
    return {
        "roots": roots,
        "nodes": [int(one) for one in nodes],
        "supervoxels": [int(one) for one in cells["pt_supervoxel_id"]],
        "moment": client.cached.materialize.get_timestamp(5) - timedelta(hours=1),
    }


def _know_of_the_dataset() -> None:
    client = load_client("demo")
    client.get_datastack_info()
    client.cached.materialize.get_versions()
    client.cached.l2cache.table_mapping()


@pytest.mark.parametrize("name", [*MISSES])
def test_the_command_of_a_miss_fetches_it(name, of):
    _know_of_the_dataset()
    offline = load_client("demo", offline=True)
    with pytest.raises(NotCachedError) as missed:
        MISSES[name](offline, of)
    program, *arguments = shlex.split(missed.value.command)
    assert program == "cortical-cache"

    ran = run([COMMAND, *arguments])

    assert ran.code == 0, ran.err
    MISSES[name](load_client("demo", offline=True), of)


BOX = [[-(10**9), 10**9]] * 3
ON_NOTHING = {
    **{name: MISSES[name] for name in ("level-2 attributes", "one skeleton")},
    "level-2 ids in a box": lambda c, of: c.get_l2_ids(of["roots"][:2], BOX),
    "leaves in a box": lambda c, of: c.cached.chunkedgraph.get_leaves(
        of["roots"][0], BOX, stop_layer=2
    ),
    "level-2 graph in a box": lambda c, of: c.cached.chunkedgraph.level2_chunk_graph(
        of["roots"][0], BOX
    ),
    "a neuron": lambda c, of: c.get_skeleton(of["roots"][0]),
}


@pytest.mark.parametrize("name", [*ON_NOTHING])
def test_one_command_is_enough_where_nothing_is_held(name, of, command):
    offline = load_client("demo", offline=True)
    with pytest.raises(NotCachedError) as missed:
        ON_NOTHING[name](offline, of)

    ran = command(*shlex.split(missed.value.command)[1:])

    assert ran.code == 0, ran.err
    ON_NOTHING[name](load_client("demo", version=5, offline=True), of)


EXPORTS = {
    "the list": lambda exports: exports.available_files,
    "one": lambda exports: exports.get_table("cell_types", 4),
}


@pytest.mark.parametrize("name", [*EXPORTS])
def test_the_command_of_a_missing_export_fetches_it(name, bucket, command):
    offline = load_client("demo", offline=True)
    offline.set_export_cloudpath(bucket)
    with pytest.raises(NotCachedError) as missed:
        EXPORTS[name](offline.exports)

    ran = command(*shlex.split(missed.value.command)[1:])

    assert ran.code == 0, ran.err
    assert len(EXPORTS[name](load_client("demo", offline=True).exports))
    held = [one.kind for one in load_client("demo").cache_status().holdings]
    assert ("export" in held) is (name == "one")


def test_what_no_command_fetches_names_none(of):
    _know_of_the_dataset()
    offline = load_client("demo", offline=True)

    for ask in (
        lambda: offline.cached.chunkedgraph.get_roots(
            of["supervoxels"], of["moment"], stop_layer=2
        ),
        lambda: offline.cached.chunkedgraph.get_lineage_graph(of["roots"][0]),
        lambda: offline.cached.l2cache.get_l2data([*range(1 << 57, (1 << 57) + 101)]),
    ):
        with pytest.raises(NotCachedError, match="the same call of load_client"):
            ask()
