"""What is held is all of something, and nothing that is not whole is ever held."""

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from cortical_cache import load_client
from cortical_cache.client import Client
from cortical_cache.demo import LoopbackCave, World, WorldSettings, build_world
from cortical_cache.demo.rows import Kind, Rows, floating, points, text
from cortical_cache.demo.world import View
from cortical_cache.errors import TruncatedResultError
from cortical_cache.model.coverage import Keys
from cortical_cache.repositories.dataset import Repositories
from tests.kit import Start, is_count, row_queries

VERSION = 4
SYNAPSES, NUCLEI = "synapses_demo", "nucleus_detection_v0"
PRE = "pre_pt_root_id"


@pytest.fixture(scope="module")
def world() -> World:
    """Return a world with views that have no integer column to cut them by."""
    small = build_world(WorldSettings(cells=40, synapses=2_000))
    kinds: dict[str, Kind] = {"tag": "character varying", "value": "double precision"}
    view = View(99, "texts", "", (4.0, 4.0, 40.0), kinds)
    rows = Rows({"tag": text(["a", "b"] * 10), "value": floating([0.5] * 20)})
    place: dict[str, Kind] = {"pt_position": "geometry", "tag": "character varying"}
    places = View(98, "places", "", (4.0, 4.0, 40.0), place)
    there = Rows({"pt_position": points([[1, 2, 3]]), "tag": text(["a"])})
    (name,) = small.aligned_volumes
    volume = small.aligned_volumes[name]
    volume = replace(volume, views={**volume.views, "texts": view, "places": places})
    return replace(
        small,
        aligned_volumes={name: volume},
        view_rows={
            key: {**views, "texts": rows, "places": there}
            for key, views in small.view_rows.items()
        },
    )


@pytest.fixture
def large(world, start: Start, monkeypatch):
    """Return a function that makes a client whose tables are too large to mirror.

    A cap of so many rows a reply makes them so, and the count of them is said to be
    more than the client fetches whole.
    """

    def make(**settings: object) -> tuple[Client, LoopbackCave]:
        cave = start(world, join_block_order="given", **settings)
        monkeypatch.setenv("CORTICAL_CACHE_SERVER", cave.url)
        client = load_client("demo", version=VERSION)
        store = client.repositories.store
        for name in (SYNAPSES, NUCLEI, "texts"):
            store.write_fact(f"row_counts.{name}", 10**7, VERSION, None)
        return client, cave

    return make


def roots_with_outputs(world: World) -> dict[int, int]:
    """Return the number of outputs of every root that has some, fewest first."""
    flat = world.frozen["demo", VERSION][SYNAPSES].flat
    valid = flat["valid"].data.astype(bool)
    roots = flat[PRE].ints()[valid].tolist()
    numbers = {root: roots.count(root) for root in sorted(set(roots)) if root > 1}
    return dict(sorted(numbers.items(), key=lambda item: item[1]))


def asked_keys(cave: LoopbackCave) -> set[int]:
    """Return the roots whose rows were asked for."""
    bodies = [json.loads(one.body) for one in row_queries(cave)]
    return {
        key
        for body in bodies
        for key in body.get("filter_in_dict", {}).get(SYNAPSES, {}).get(PRE, [])
    }


def test_outputs_once_fetched_answer_every_question_about_them(world, large):
    client, cave = large()
    *_, a, b = roots_with_outputs(world)
    every = client.query_synapses(a, pre=True, omit_self_synapse=False)
    assert asked_keys(cave) == {a}
    cave.clear_log()

    ask = client.cached.materialize.query_table
    mine = {"filter_in_dict": {PRE: [a]}}
    ids = [int(one) for one in every["id"]]
    assert len(ask(SYNAPSES, **mine)) == len(every) > 1
    assert len(ask(SYNAPSES, filter_equal_dict={PRE: a})) == len(every)
    few = ask(SYNAPSES, **mine, filter_less_equal_dict={"id": min(ids)})
    assert few["id"].tolist() == [min(ids)]
    assert list(ask(SYNAPSES, **mine, select_columns=["id"]).columns) == ["id"]
    assert len(ask(SYNAPSES, **mine, desired_resolution=[9.7, 9.7, 45])) == len(every)
    assert len(ask(SYNAPSES, **mine, limit=1, offset=1)) == 1
    assert ask(SYNAPSES, **mine, get_counts=True)["count"][0] == len(every)
    post = int(every["post_pt_root_id"][0])
    pair = {"filter_in_dict": {PRE: [a], "post_pt_root_id": [post]}}
    assert (ask(SYNAPSES, **pair)["post_pt_root_id"] == post).all()
    client.query_synapses([a], pre=True, resolution=(4, 4, 40), split_positions=False)
    assert row_queries(cave) == []

    client.query_synapses([a, b], pre=True)
    assert asked_keys(cave) == {b}


def test_no_roots_are_an_empty_frame_with_the_columns(world, large):
    client, _ = large()
    *_, a = roots_with_outputs(world)

    none = client.query_synapses([], pre=True)
    some = client.query_synapses(a, pre=True)

    assert len(none) == 0
    assert list(none.columns) == list(some.columns)
    assert none.dtypes.to_dict() == some.dtypes.to_dict()


def test_roots_without_outputs_are_covered_too(world, large):
    client, cave = large()
    assert client.query_synapses(2**62, pre=True).empty
    cave.clear_log()

    assert client.query_synapses(2**62, pre=True).empty
    assert row_queries(cave) == []


@pytest.mark.parametrize(
    ("beside", "requests"), [(-1, (1, 3)), (0, (1, 1)), (1, (0, 1))]
)
def test_a_cap_near_the_number_of_rows(world, large, beside: int, requests: tuple):
    """A reply as long as the cap is whole only if the server counts as many rows."""
    numbers = roots_with_outputs(world)
    keys = list(numbers)[-4:]
    total = sum(numbers[key] for key in keys)
    client, cave = large(row_cap=total + beside)

    found = client.query_synapses(keys, pre=True, omit_self_synapse=False)

    assert len(found) == total
    counts = [one for one in row_queries(cave) if is_count(one)]
    fetched = [one for one in row_queries(cave) if not is_count(one)]
    assert (len(counts), len(fetched)) == requests
    assert held_keys(client.repositories) == set(keys)


def test_one_key_with_more_rows_than_the_cap_is_paged_by_id(world, large):
    *_, (root, number) = roots_with_outputs(world).items()
    client, cave = large(row_cap=max(2, number // 3))

    found = client.query_synapses(root, pre=True, omit_self_synapse=False)

    assert len(found) == number == found["id"].nunique()
    paged = [json.loads(one.body) for one in row_queries(cave) if not is_count(one)]
    assert sum("filter_less_dict" in body for body in paged) > 1
    assert held_keys(client.repositories) == {root}


def test_what_cannot_be_cut_is_refused_and_not_held(large):
    client, _ = large(row_cap=5)

    with pytest.raises(TruncatedResultError):
        client.cached.materialize.query_view("texts", filter_equal_dict={"tag": "a"})

    of = client.repositories
    assert not of.rows.row_set(of.catalog.subject("texts", VERSION)).state().rows
    kept = [one for one in of.store.row_sets(VERSION) if one.state().rows]
    assert kept == []


def test_a_view_that_fits_is_kept_under_the_exact_request(large):
    client, cave = large(row_cap=10)
    asked = {"filter_equal_dict": {"tag": "a"}}

    first = client.cached.materialize.query_view("texts", **asked)
    cave.clear_log()
    again = client.cached.materialize.query_view(
        "texts", **asked, select_columns=["value"]
    )
    assert (len(first), len(again)) == (10, 10)
    assert row_queries(cave) == [], "other columns of the same rows"

    client.cached.materialize.query_view("texts", filter_equal_dict={"tag": "b"})
    assert row_queries(cave), "another request is another answer"


def test_a_part_of_a_view_that_begins_with_a_position(large):
    client, _ = large()

    part = client.cached.materialize.query_view("places", limit=1)

    assert part.shape == (1, 2)


def held_keys(of: Repositories) -> set[int]:
    """Return the keys whose rows the store claims to hold all of."""
    state = of.rows.row_set(of.catalog.subject(SYNAPSES, VERSION)).state()
    parts = [one.coverage for one in state.commits if isinstance(one.coverage, Keys)]
    return {key for part in parts for key in part.values}


# Python drops what is raised in a finalizer or in pyarrow's look at ``closed``, and a
# file opened just then is closed without its ``with``: both would count as errors.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupted_call_goes_on_where_it_stopped(world, large):
    """5,000 roots: most are asked in vain, as in life."""
    client, cave = large()
    some = list(roots_with_outputs(world))
    roots = [*some, *range(2**61, 2**61 + 5_000 - len(some))]

    with pytest.raises(KeyboardInterrupt), interrupt_after(cave, requests=10):
        client.query_synapses(roots, pre=True, progress=False)
    done = held_keys(client.repositories)
    assert 0 < len(done) < len(roots)
    cave.clear_log()
    found = client.query_synapses(
        roots, pre=True, omit_self_synapse=False, progress=False
    )

    assert asked_keys(cave) == set(roots) - done
    assert len(found) == sum(roots_with_outputs(world).values())
    cave.clear_log()
    client.query_synapses(roots, pre=True, progress=False)
    assert row_queries(cave) == []


@contextmanager
def interrupt_after(cave: LoopbackCave, requests: int) -> Iterator[None]:
    """Press Ctrl-C, as it were, once the server has had so many row queries.

    It is pressed again until it is noticed, as people do.
    """
    over = threading.Event()

    def stop(*_: object) -> None:
        if not over.is_set():
            raise KeyboardInterrupt

    def press() -> None:
        while len(row_queries(cave)) < requests:
            if over.wait(0.001):
                return
        while not over.is_set():
            signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)
            over.wait(0.2)

    before = signal.signal(signal.SIGUSR1, stop)
    presser = threading.Thread(target=press, daemon=True)
    presser.start()
    try:
        yield
    finally:
        over.set()
        presser.join()
        signal.signal(signal.SIGUSR1, before)
