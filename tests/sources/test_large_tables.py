"""A table many times the server's cap: in pages, resumable, in bounded memory."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pyarrow.parquet as pq
import pytest

from cortical_cache import load_client
from cortical_cache.cache.facts import utc_now
from cortical_cache.cache.pages import sort_orders
from cortical_cache.cache.rows import RowCache
from cortical_cache.demo import WorldSettings, build_world
from cortical_cache.errors import TruncatedResultError
from cortical_cache.sources.cave.paging import REQUESTS_AT_ONCE
from tests.kit import row_queries
from tests.selfcheck.proxy import Proxy, standing_before

CAP = 3_000
ROWS = 59_833


@pytest.fixture(scope="module")
def world():
    return build_world(WorldSettings(synapses=60_000))


class StoppedError(Exception):
    """The user pressed Ctrl-C."""


def stop_at(rows):
    def progress(come, _there_are):
        if come >= rows:
            raise StoppedError

    return progress


def cache_of(client, rows_per_file=10_000):
    of = client.repositories
    return RowCache(
        of.store, of.facts, of.origin, utc_now, rows_per_file=rows_per_file
    )


class Crowd:
    """Counts the queries under way and the rows of each page."""

    def __init__(self):
        self.now = self.most = 0
        self.pages: list[int] = []
        self._lock = threading.Lock()

    def ask(self, asked):
        with self._lock:
            self.now += asked.is_query
            self.most = max(self.most, self.now)
        return asked

    def tell(self, asked, told):
        with self._lock:
            self.now -= asked.is_query
            if told.is_arrow and "count=True" not in asked.path:
                self.pages.append(told.rows.num_rows)
        return told


def test_pages_are_below_the_cap_and_few_at_once(start, world):
    cave = start(world, row_cap=CAP, latency=0.02, require_token=False)
    crowd = Crowd()

    with standing_before(cave, Proxy(crowd.ask, crowd.tell)) as url:
        client = load_client("demo", version=5, server_address=url)
        subject = client.repositories.catalog.subject("synapses_demo", 5)
        cache_of(client).mirror(subject)

    first, *pages = crowd.pages
    assert first == CAP  # how the cap was learnt
    assert sum(pages) == ROWS
    assert max(pages) < CAP
    assert 1 < crowd.most <= REQUESTS_AT_ONCE


def test_an_interrupted_mirror_goes_on_where_it_stopped(start, world):
    cave = start(world, row_cap=CAP)
    client = load_client("demo", version=5, server_address=cave.url)
    subject = client.repositories.catalog.subject("synapses_demo", 5)
    with pytest.raises(StoppedError):
        cache_of(client).mirror(subject, stop_at(30_000))
    held = client.repositories.store.rows("table", "synapses_demo", 5).state()
    before = sum(one.bytes_out for one in row_queries(cave))
    cave.clear_log()

    again = load_client("demo", version=5, server_address=cave.url)
    cache_of(again).mirror(subject)

    after = sum(one.bytes_out for one in row_queries(cave))
    state = again.repositories.store.rows("table", "synapses_demo", 5).state()
    assert 30_000 <= held.span_rows("id") < 40_000
    assert not held.is_whole
    assert state.is_whole
    assert state.rows == ROWS
    assert after < before * 1.5  # the rest only: about the other half
    ids = again.cached.materialize.query_table("synapses_demo")["id"]
    assert ids.is_unique
    assert len(ids) == ROWS


def test_a_large_table_has_one_sorted_copy_for_each_root(start, world):
    cave = start(world, row_cap=CAP)
    client = load_client("demo", version=5, server_address=cave.url)
    subject = client.repositories.catalog.subject("synapses_demo", 5)
    cache_of(client).mirror(subject)
    frame = client.cached.materialize.query_table("synapses_demo")

    for side in ("pre", "post"):
        column = f"{side}_pt_root_id"
        roots = frame[column][frame[column] > 1].value_counts()
        root = int(roots.index[5])
        asked = client.tables.synapses_demo(**{column: [root]})
        files = client.explain(asked).files

        assert len(asked.query()) == roots[root]
        assert 1 <= len(files) <= 2
        assert all(_is_sorted(file, column) for file in files)


def _is_sorted(file, column):
    values = pq.read_table(file, columns=[column]).column(column).to_pylist()
    return values == sorted(values)


def test_copies_are_made_only_of_large_tables(start, world):
    cave = start(world)
    client = load_client("demo", version=5, server_address=cave.url)
    client.cached.materialize.query_table("synapses_demo")
    state = client.repositories.store.rows("table", "synapses_demo", 5).state()

    assert sort_orders(state.shape, ROWS, ROWS) == [("id",)]
    assert sort_orders(state.shape, ROWS + 1, ROWS) == [
        ("post_pt_root_id", "id"),
        ("pre_pt_root_id", "id"),
    ]
    assert [file.sorted_by for file in state.commits[0].files] == [("id",)]


def test_two_that_mirror_at_once_fetch_it_once(start, world):
    cave = start(world, row_cap=CAP)
    clients = [load_client("demo", version=5, server_address=cave.url) for _ in "ab"]
    subject = clients[0].repositories.catalog.subject("synapses_demo", 5)

    with ThreadPoolExecutor(2) as pool:
        did = list(pool.map(lambda one: cache_of(one).mirror(subject), clients))

    assert sorted(did) == [False, True]


def test_a_view_without_an_integer_column_is_mirrored_only_under_the_cap(start):
    cave = start(row_cap=100)
    client = load_client("demo", version=5, server_address=cave.url)

    frame = client.views.synapse_counts().query()  # paged by a root id column

    assert len(frame) > 100
    assert frame["id" if "id" in frame else frame.columns[0]].notna().all()


def test_pages_that_do_not_add_up_are_not_a_table(start, world):
    """Rows whose page column is NULL are in no page, so the count gives it away."""
    cave = start(world, row_cap=200)
    client = load_client("demo", version=5, server_address=cave.url)
    subject = client.repositories.catalog.subject("synapse_counts", 5, "view")
    column = subject.page_column
    state_of = client.repositories.store.rows("view", "synapse_counts", 5).state
    rows = cache_of(client)
    try:
        rows.mirror(subject)
    except TruncatedResultError as error:
        assert error.rows < error.there_are
        assert not state_of().is_whole
    else:
        whole = client.views.synapse_counts().query()
        assert whole[column].notna().all()


@pytest.mark.soak
def test_memory_does_not_grow_with_the_table(start):
    """One process a size: a page, a file's rows and a sort's share are all it holds."""
    peaks = []
    for synapses in (400_000, 1_600_000):
        cave = start(build_world(WorldSettings(synapses=synapses)), row_cap=50_000)
        peaks.append(_peak(cave.url, synapses))
        cave.stop()

    assert peaks[1] < peaks[0] * 1.6


def _peak(url, label):
    import subprocess

    code = f"""
import resource, tempfile
from cortical_cache import load_client
client = load_client("demo", version=5, server_address={url!r},
                     cache_dir=tempfile.mkdtemp())
of = client.repositories
of.rows.mirror(of.catalog.subject("synapses_demo", 5))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    peak = int(ran.stdout.split()[-1]) * (1 if sys.platform == "darwin" else 1024)
    print(f"{label} synapses: {peak / 1e6:.0f} MB at most")
    return peak
