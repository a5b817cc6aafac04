"""Many processes use one store at once and lose nothing of each other's work."""

import pytest
from caveclient import CAVEclient

from cortical_cache import load_client
from cortical_cache.demo import World, WorldSettings, build_world
from cortical_cache.policy.answering import SMALL_TABLE
from tests.kit import PYTHON, is_count, row_queries, run, same_frame

PROCESSES = 32
SYNAPSES, ROOT = "synapses_demo", "pre_pt_root_id"

ASK = """
import os, sys, time
from cortical_cache import load_client
import cortical_cache.client.cached, cortical_cache.engine
import cortical_cache.sources.cave.fetch

keys, begin = [int(one) for one in sys.argv[1:]], time.time() + 1
children = []
for key in keys:
    child = os.fork()
    if child == 0:
        try:
            client = load_client("demo", version=5)
            time.sleep(max(0, begin - time.time()))
            client.cached.materialize.query_table(
                "synapses_demo", filter_in_dict={"pre_pt_root_id": [key]}
            )
            os._exit(0)
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(1)
    children.append(child)
sys.exit(sum(os.waitpid(child, 0)[1] != 0 for child in children))
"""


@pytest.fixture(scope="module")
def large_world() -> World:
    """Return a world whose synapses are too many to be mirrored on first use."""
    return build_world(WorldSettings(synapses=SMALL_TABLE + 15_000))


def test_32_keys_asked_by_32_processes_at_once_are_all_held(
    large_world, start, monkeypatch
):
    cave = start(large_world)
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", cave.url)
    plain = load_client("demo", version=5).cached.materialize
    nuclei = plain.query_table("nucleus_detection_v0")
    keys = [*dict.fromkeys(nuclei["pt_root_id"].dropna().astype(int))][:PROCESSES]
    cave.clear_log()

    ran = run([PYTHON, "-c", ASK, *map(str, keys)])
    fetched = [one for one in row_queries(cave) if not is_count(one)]
    theirs = CAVEclient("demo", server_address=cave.url, version=5).materialize
    expected = theirs.query_table(SYNAPSES, {ROOT: keys}, metadata=False)
    cave.stop()

    assert ran.code == 0, ran.err
    assert len(set(keys)) == len(fetched) == PROCESSES
    offline = load_client("demo", version=5, offline=True)
    (held,) = [
        one
        for one in offline.cache_status().holdings
        if one.name == "synapses_demo" and one.kind == "table"
    ]
    assert held.extent == f"{PROCESSES} keys"
    assert len(expected) > PROCESSES
    ask = offline.cached.materialize.query_table
    for key in keys:
        frame = ask(SYNAPSES, {ROOT: [key]}, metadata=False)
        assert set(frame["id"]) == set(expected["id"][expected[ROOT] == key])
    same_frame(ask(SYNAPSES, {ROOT: keys}, metadata=False), expected)
