"""A table many times the server's cap: in pages, resumable, in bounded memory."""

import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from cortical_cache import load_client
from cortical_cache.cache.facts import utc_now
from cortical_cache.cache.pages import sort_orders
from cortical_cache.cache.rows import RowCache
from cortical_cache.demo import WorldSettings, build_world
from cortical_cache.errors import TruncatedResultError
from cortical_cache.sources.cave.paging import REQUESTS_AT_ONCE
from cortical_cache.store import Provenance
from tests.kit import python, row_queries
from tests.selfcheck.proxy import Asked, Proxy, Told, standing_before

CAP = 3_000
ROWS = 59_833


@pytest.fixture(scope="module")
def world():
    return build_world(WorldSettings(synapses=60_000))


class StoppedError(Exception):
    """The user pressed Ctrl-C."""


def stop_at(rows):
    def progress(come: int, _there_are: int) -> None:
        if come >= rows:
            raise StoppedError

    return progress


def cache_of(client, rows_per_file=10_000):
    of = client.repositories
    return RowCache(of.store, of.facts, of.origin, utc_now, rows_per_file=rows_per_file)


class Crowd:
    """Counts the queries under way and the rows of each page."""

    def __init__(self) -> None:
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


def test_pages_that_another_one_cut_elsewhere_do_not_count_twice(start, world):
    """Two processes mirror a table, and no lock kept them apart."""
    cave = start(world, row_cap=CAP)
    client = load_client("demo", version=5, server_address=cave.url)
    of = client.repositories
    subject = of.catalog.subject("synapses_demo", 5)
    row_set = of.store.rows("table", "synapses_demo", 5)
    with pytest.raises(StoppedError):
        cache_of(client).mirror(subject, stop_at(20_000))
    other = of.origin.fetch(CAP // 3, lambda _cap: None)
    provenance = Provenance("cave", cave.url, utc_now())
    for span, fetched in islice(other.pages(subject, (), ROWS, 0), 60):
        row_set.append(
            pa.concat_tables(fetched.tables),
            shape=fetched.shape,
            coverage=span,
            provenance=provenance,
        )
    state = row_set.state()
    assert sum(one.rows for one in state.commits) > state.span_rows("id") > 20_000

    cache_of(client).mirror(subject)

    assert row_set.state().is_whole
    ids = client.cached.materialize.query_table("synapses_demo")["id"]
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


def _is_sorted(file: str, column: str) -> bool:
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
    """A count that the pages do not reach, as when a page column holds NULL."""

    def count_one_more(asked: Asked, told: Told) -> Told:
        if "count=True" in asked.path and not asked.query:
            return told.with_column("count", lambda one: pc.add(one, 1))
        return told

    cave = start(world, row_cap=CAP, require_token=False)
    with standing_before(cave, Proxy(tell=count_one_more)) as url:
        client = load_client("demo", version=5, server_address=url)
        subject = client.repositories.catalog.subject("synapses_demo", 5)

        with pytest.raises(TruncatedResultError, match=r"59,833 rows, .* 59,834"):
            cache_of(client).mirror(subject)

    rows = client.repositories.store.rows("table", "synapses_demo", 5)
    assert not rows.state().is_whole


@pytest.mark.soak
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_does_not_grow_with_the_table(start):
    """Kilobytes at the peak of a process that mirrors a table, at two sizes."""
    peaks = []
    for synapses in (400_000, 1_600_000):
        cave = start(build_world(WorldSettings(synapses=synapses)), row_cap=50_000)
        peaks.append(_peak(cave.url, synapses))
        cave.stop()

    # Python with its libraries, one file's rows, and what a sort may hold.
    assert max(peaks) < 950_000


def _peak(url: str, label: int) -> int:
    code = f"""
import tempfile
from cortical_cache import load_client
from cortical_cache.cache.facts import utc_now
from cortical_cache.cache.rows import RowCache
client = load_client("demo", version=5, server_address={url!r},
                     cache_dir=tempfile.mkdtemp())
of = client.repositories
rows = RowCache(of.store, of.facts, of.origin, utc_now, rows_per_file=100_000)
rows.mirror(of.catalog.subject("synapses_demo", 5))
# not ru_maxrss, which a child takes over from the process that forked it
print([one for one in open("/proc/self/status") if one.startswith("VmHWM")])
"""
    peak = int(re.search(r"(\d+) kB", python(code).out)[1])
    print(f"{label:,} synapses: {peak / 1e3:.0f} MB at most")  # noqa: T201  the figure
    return peak
