"""A table in many files: a lookup looks at those that can matter, and at no other."""

import pandas as pd
import pyarrow.parquet as pq

from cortical_cache import load_client
from cortical_cache.model.coverage import Whole

TABLE = "synapses_demo"


def test_a_lookup_does_not_even_look_at_other_files(server):
    client = load_client("demo", version=3)
    whole = client.tables[TABLE]().query(split_positions=True)
    row_set = client.repositories.store.rows("table", TABLE, 3)
    (commit,) = row_set.state().commits
    rows = pq.read_table([str(row_set.folder / one.name) for one in commit.files])
    by_post = rows.sort_by([("post_pt_root_id", "ascending"), ("id", "ascending")])
    with row_set.writer(
        shape=commit.shape,
        coverage=Whole(),
        provenance=commit.provenance,
        supersedes=[commit.id],
        sort_by=("post_pt_root_id", "id"),
        rows_per_file=2_000,
    ) as writer:
        writer.write(by_post)
    files = writer.commit.files
    assert len(files) > 5
    roots = whole["post_pt_root_id"]
    root = int(roots[roots > 0].iloc[0])  # not its median: floats lose digits
    offline = load_client("demo", version=3, offline=True)
    asked = offline.tables[TABLE](post_pt_root_id=root)
    (read,) = offline.explain(asked).files
    for one in files:
        if not read.endswith(one.name):
            (row_set.folder / one.name).unlink()

    answer = asked.query(split_positions=True)

    expected = whole[roots == root].reset_index(drop=True)
    assert len(expected)
    pd.testing.assert_frame_equal(answer, expected)
