"""Rows that do not fit into memory at once, and halves that are joined on disk."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortical_cache.cache.exports import ExportCache
from cortical_cache.cache.facts import utc_now
from cortical_cache.errors import SourceError
from cortical_cache.sources.buckets.bucket import Bucket
from cortical_cache.sources.dumps.listing import list_exports
from cortical_cache.store import RowSetState, Store
from cortical_cache.store.runs import Runs
from tests.exports.conftest import write_dump

keys = st.none() | st.integers(-3, 3) | st.sampled_from([0, 2**62, 864691135000000003])
blocks = st.lists(st.lists(st.tuples(keys, st.integers(0, 9)), max_size=30), max_size=5)


@settings(deadline=None, max_examples=60)
@given(blocks=blocks)
def test_runs_merge_into_what_sorting_everything_gives(tmp_path_factory, blocks):
    runs = Runs(tmp_path_factory.mktemp("runs"), ("root", "id"))
    schema = pa.schema([("root", pa.int64()), ("id", pa.int64())])
    for block in blocks:
        columns = [[row[0] for row in block], [row[1] for row in block]]
        runs.add(pa.table(columns, schema=schema))

    found = [row for table in runs.tables() for row in table.to_pylist()]
    runs.close()

    rows = [row for block in blocks for row in block]
    expected = sorted(rows, key=lambda row: (row[0] is None, row[0] or 0, row[1]))
    assert [(row["root"], row["id"]) for row in found] == expected


def test_many_ranges_stay_in_order_and_lose_nothing(tmp_path):
    rng = np.random.default_rng(1)
    runs = Runs(tmp_path, ("root", "id"))
    ids = rng.permutation(3_000_000)
    # one root has half of the rows: more than a range
    roots = np.where(rng.random(3_000_000) < 0.5, 5, rng.integers(0, 1000, 3_000_000))
    for part in range(3):
        at = slice(part * 1_000_000, (part + 1) * 1_000_000)
        runs.add(pa.table({"root": roots[at], "id": ids[at]}))

    tables = list(runs.tables())
    runs.close()

    whole = pa.concat_tables(tables)
    order = np.lexsort((ids, roots))
    assert np.array_equal(whole["root"].to_numpy(), roots[order])
    assert np.array_equal(whole["id"].to_numpy(), ids[order])
    assert max(one.num_rows for one in tables) < 1_200_000
    assert not [one for one in tmp_path.iterdir() if one.is_file()]


@pytest.fixture
def bring(server, dumps, store_dir):
    store = Store(store_dir).dataset("demo", datastack="demo", server=server.url)
    cache = ExportCache(store, utc_now, rows_per_file=5_000)

    def bring(name: str) -> RowSetState:
        export = next(
            one for one in list_exports(Bucket(str(dumps))) if one.name == name
        )
        cache.bring(export, known={})
        return cache.row_set(name, 5).state()

    return bring


def test_a_large_export_is_cut_into_files_for_each_root_column(bring, dumps):
    header = "id,bigint\npre_pt_root_id,bigint\npost_pt_root_id,bigint\n"
    rows = "".join(f"{n},{n % 50 or ''},{n % 17}\n" for n in range(20_000))
    write_dump(dumps, "synapses", header, rows)

    state = bring("synapses")

    files = state.commits[0].files
    assert {file.sorted_by for file in files} == {
        ("post_pt_root_id", "id"),
        ("pre_pt_root_id", "id"),
    }
    assert state.rows == 20_000
    (piece,) = state.held_for("pre_pt_root_id", [7]).pieces
    assert len(piece.files) == 1
    pre = [file for file in files if file.sorted_by[0] == "pre_pt_root_id"]
    assert len(pre) > 3
    assert any(file.key_ranges["pre_pt_root_id"] is None for file in pre)


def test_a_pair_with_an_id_twice_is_refused(bring, dumps):
    write_dump(dumps, "nuclei", "id,bigint\n", "1\n2\n")
    write_dump(dumps, "nuclei__seg", "id,bigint\nroot,bigint\n", "1,5\n1,6\n")

    with pytest.raises(SourceError, match="has id 1 twice"):
        bring("nuclei")


def test_a_pair_keeps_annotations_without_a_segmentation(bring, dumps):
    write_dump(dumps, "nuclei", "id,bigint\n", "3\n1\n2\n")
    write_dump(dumps, "nuclei__seg", "id,bigint\nroot,bigint\n", "2,7\n9,8\n")

    state = bring("nuclei")

    (piece,) = state.held_whole().pieces
    import pyarrow.parquet as pq

    assert pq.read_table(piece.files[0]).to_pydict() == {
        "id": [1, 2, 3],
        "root": [None, 7, None],
    }
