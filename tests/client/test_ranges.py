"""A table in many files: a lookup looks at those that can matter, and at no other."""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from cortical_cache import load_client
from cortical_cache.model.coverage import Whole

TABLE = "synapses_demo"


def in_files(client):
    """Hold the table in many files; return all of it, its folder and the files."""
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
    return whole, row_set.folder, files


def test_ids_of_more_than_64_bits_find_nothing_among_others(server):
    client = load_client("demo", version=3)
    whole, _, _ = in_files(client)
    roots = whole["post_pt_root_id"]
    some = roots[roots > 1].drop_duplicates()[:100].tolist()
    minus_one = 2**64 - 1  # as uint64 has it

    answer = client.cached.materialize.query_table(
        TABLE,
        filter_in_dict={"post_pt_root_id": np.array([*some, minus_one], np.uint64)},
        split_positions=True,
    )

    expected = whole[roots.isin(some)].reset_index(drop=True)
    pd.testing.assert_frame_equal(answer, expected)


def test_a_lookup_does_not_even_look_at_other_files(server):
    whole, folder, files = in_files(load_client("demo", version=3))
    roots = whole["post_pt_root_id"]
    root = int(roots[roots > 0].iloc[0])  # not its median: floats lose digits
    offline = load_client("demo", version=3, offline=True)
    asked = offline.tables[TABLE](post_pt_root_id=root)
    (read,) = offline.explain(asked).files
    for one in files:
        if not read.endswith(one.name):
            (folder / one.name).unlink()

    answer = asked.query(split_positions=True)

    expected = whole[roots == root].reset_index(drop=True)
    assert len(expected)
    pd.testing.assert_frame_equal(answer, expected)
