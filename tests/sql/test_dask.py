"""Tables and named queries on a Dask cluster of two processes, against DuckDB."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from cortical_cache.errors import (
    InvalidQueryError,
    NotCachedError,
    UnsupportedQueryError,
)
from cortical_cache.model.coverage import Whole
from cortical_cache.queries import queries
from cortical_cache.store import Provenance

distributed = pytest.importorskip("distributed", reason="needs the extra dask")

# The demo has no transform that a soma_depth could mean.
NAMED = [one.name for one in queries() if "soma_depth(" not in one.text]


@pytest.fixture(scope="module")
def cluster():
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address="127.0.0.1:0",
            host="127.0.0.1",
        ) as made,
        distributed.Client(made) as workers,
    ):
        yield workers


@pytest.fixture
def cut(client):
    """Hold the demo's synapses again, in many files for either root column."""
    made = client.sql("SELECT * FROM synapses_demo", output="arrow")
    shape = client.repositories.store.rows("table", "synapses_demo", 5).state().shape
    row_set = client.repositories.store.rows("table", "cut", 5)
    with row_set.writer(
        shape=shape,
        coverage=Whole(),
        provenance=Provenance("test", "nowhere", datetime.now(UTC)),
        sort_by=("post_pt_root_id", "id"),
        rows_per_file=1_500,
    ) as writer:
        writer.write(made.sort_by("post_pt_root_id"))
        writer.start_copy(("pre_pt_root_id", "id"))
        writer.write(made.sort_by("pre_pt_root_id"))
    return client


def rows(frame) -> list[tuple]:
    """Return the rows of a frame in an order of their own; NULL is None."""
    plain = frame.astype(object).where(frame.notna(), None)
    return sorted(map(tuple, plain.to_numpy().tolist()), key=repr)


def test_a_table_is_what_duckdb_says(cut, cluster):
    frame = cut.to_dask("cut")
    ours = cut.sql("SELECT * FROM cut")

    assert frame.npartitions > 8
    assert frame.dtypes.to_dict() == ours.dtypes.to_dict()
    made = frame.compute()
    assert made["pre_pt_root_id"].isna().any()
    assert rows(made) == rows(ours)


def test_columns_and_filters_read_less(cut, cluster):
    root = int(cut.sql("SELECT max(pre_pt_root_id) AS r FROM cut")["r"][0])
    filters = [("pre_pt_root_id", "in", [root, 5]), ("size", ">", 3)]

    frame = cut.to_dask("v5.CUT", columns=["id", "size"], filters=filters)
    either = cut.to_dask("cut", columns=["id"], filters=[[filters[0]], [filters[1]]])

    where = f"pre_pt_root_id IN ({root}, 5)"
    assert frame.npartitions <= 2
    assert rows(frame.compute()) == rows(
        cut.sql(f"SELECT id, size FROM cut WHERE {where} AND size > 3")
    )
    assert rows(either.compute()) == rows(
        cut.sql(f"SELECT id FROM cut WHERE {where} OR size > 3")
    )


def test_rows_that_queries_do_not_show_are_not_there(client, cluster):
    counted = client.sql("SELECT count(*) AS n FROM nucleus_detection_v0")["n"][0]

    assert len(client.to_dask("nucleus_detection_v0", columns=["id"])) == counted
    view = client.to_dask("synapse_counts")
    assert len(view) == client.sql("SELECT count(*) AS n FROM synapse_counts")["n"][0]


def test_what_cannot_be_read_as_files_is_refused(client, offline):
    client.cached.materialize.query_table("synapses_demo", limit=3)
    with pytest.raises(UnsupportedQueryError, match="cell_ids"):
        client.to_dask("cell_ids")
    with pytest.raises(InvalidQueryError, match=r"keys\.mine is no table"):
        client.to_dask("keys.mine")
    with pytest.raises(NotCachedError, match="--tables synapses_demo"):
        offline.to_dask("synapses_demo")


@pytest.mark.parametrize("name", NAMED)
def test_a_named_query_is_answered_by_workers_alike(name, cut, cluster):
    roots = cut.sql(
        "SELECT root_id FROM cell_ids WHERE root_id > 0 ORDER BY cell_id LIMIT 60"
    )["root_id"].tolist()
    cells = cut.sql("SELECT cell_id FROM cell_ids LIMIT 9")["cell_id"].tolist()
    params = {
        "pre": roots, "post": roots, "roots": [*roots, 1], "cells": cells, "old": 4,
        "new": 5, "cell_types": "cell_types", "subject": "cut", "synapses": "cut",
    }  # fmt: skip
    (query,) = [one for one in queries() if one.name == name]
    if name == "table_overview":
        params["subject"] = "nucleus_detection_v0"
    given = {one.name: params[one.name] for one in query.parameters}

    local = cut.sql(name=name, params=given, output="arrow")
    remote = cut.sql(name=name, params=given, output="arrow", cluster=cluster)

    assert local.num_rows > 0
    assert remote.equals(local)


def test_a_large_table_is_answered_in_parts(cut, cluster):
    roots = cut.sql("SELECT root_id FROM cell_ids WHERE root_id > 0")["root_id"]
    given = {"roots": roots.tolist(), "synapses": "cut"}
    sent = []

    class Counting:
        def map(self, func, tasks, **options: bool) -> list:
            sent.extend(tasks)
            return cluster.map(func, tasks, **options)

        def gather(self, futures) -> list:
            return cluster.gather(futures)

    remote = cut.sql(name="degrees", params=given, cluster=Counting())

    assert len(sent) > 8
    files = [{*source.files} for one in sent for source in one.sources.values()]
    assert len(set.union(*files)) == sum(map(len, files))
    local = cut.sql(name="degrees", params=given)
    assert remote.equals(local)
    assert local["in_partners"].sum() > 100


def test_a_table_that_was_fetched_anew_meanwhile_is_asked_again(cut, cluster):
    row_set = cut.repositories.store.rows("table", "cut", 5)
    (old,) = row_set.state().commits
    made = cut.sql("SELECT * FROM cut", output="arrow")
    sent = []

    class Late:
        """A cluster that a sweep is faster than, once."""

        def map(self, func, tasks, **options: bool) -> list:
            if not sent:
                row_set.append(
                    made,
                    shape=old.shape,
                    coverage=Whole(),
                    provenance=old.provenance,
                    supersedes=[old.id],
                )
                for file in old.files:
                    (row_set.folder / file.name).unlink()
            sent.append(tasks)
            return cluster.map(func, tasks, **options)

        def gather(self, futures) -> list:
            return cluster.gather(futures)

    found = cut.sql("SELECT count(*) AS n FROM cut", cluster=Late())

    assert found["n"][0] == made.num_rows
    assert len(sent) == 2


def test_a_frame_is_made_of_footers(cut, cluster):
    whole = rows(cut.sql("SELECT id, size FROM cut"))
    saved = {}
    for file in map(Path, cut.explain("SELECT * FROM cut").files):
        saved[file] = body = file.read_bytes()
        footer = int.from_bytes(body[-8:-4], "little") + 8
        file.write_bytes(b"PAR1" + bytes(len(body) - 4 - footer) + body[-footer:])

    frame = cut.to_dask("cut", columns=["id", "size"], filters=[("size", ">", -1)])
    for file, body in saved.items():
        file.write_bytes(body)

    assert rows(frame.compute()) == whole


def test_an_error_of_a_worker_is_ours(cut, cluster):
    with pytest.raises(InvalidQueryError, match="nothing"):
        cut.sql("SELECT nothing FROM cut", cluster=cluster)
    query = "SELECT count(*) AS n, sum(size) AS s FROM cut"
    assert cut.sql(query, cluster=cluster).equals(cut.sql(query))


def test_a_table_by_roots_is_summed_up_in_parts(cut, cluster):
    store = cut.repositories.store
    nuclei = store.rows("table", "nucleus_detection_v0", 5)
    cut.sql("SELECT 1 FROM nucleus_detection_v0 LIMIT 1")
    made = cut.sql("SELECT * FROM nucleus_detection_v0", output="arrow")
    roots = made["pt_root_id"].to_numpy(zero_copy_only=False)
    with store.rows("table", "many", 5).writer(
        shape=nuclei.state().shape,
        coverage=Whole(),
        provenance=Provenance("test", "nowhere", datetime.now(UTC)),
        sort_by=("pt_root_id", "id"),
        rows_per_file=100,
    ) as writer:
        writer.write(pa.concat_tables([made, made]).sort_by("pt_root_id"))
    params = {"subject": "many"}

    remote = cut.sql(name="table_overview", params=params, cluster=cluster)

    assert remote.equals(cut.sql(name="table_overview", params=params))
    assert remote["n_rows"][0] == 2 * len(roots)
    assert np.isnan(roots).any()
