"""A lookup reads the files that can have its rows, whatever the table's size."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from cortical_cache import load_client
from cortical_cache.engine.statement import read_statement
from cortical_cache.model.coverage import Whole
from cortical_cache.model.sql import Lookup
from cortical_cache.store import Provenance

ROWS, ROOTS, PER_FILE = 40_000, 400, 2_000


@pytest.fixture
def large(client):
    """Hold a synapse table in many files for either root column."""
    client.sql("SELECT 1 FROM synapses_demo, nucleus_detection_v0 LIMIT 1")
    of = client.repositories
    shape = of.store.rows("table", "synapses_demo", 5).state().shape
    row_set = of.store.rows("table", "large", 5)
    random = np.random.default_rng(1)
    made = client.sql("SELECT * FROM synapses_demo", output="arrow")
    made = pa.concat_tables([made, made, made]).slice(0, ROWS)
    for name, values in {
        "id": np.arange(ROWS),
        "pre_pt_root_id": BASE + random.integers(0, ROOTS, ROWS),
        "post_pt_root_id": BASE + random.integers(0, ROOTS, ROWS),
    }.items():
        place = made.column_names.index(name)
        made = made.set_column(place, name, pa.array(values, pa.int64()))
    provenance = Provenance("test", "nowhere", datetime.now(UTC))
    with row_set.writer(
        shape=shape,
        coverage=Whole(),
        provenance=provenance,
        sort_by=("post_pt_root_id", "id"),
        rows_per_file=PER_FILE,
    ) as writer:
        writer.write(made)
        writer.start_copy(("pre_pt_root_id", "id"))
        writer.write(made)
    return load_client("demo", version=5, offline=True), made


BASE = 864691135000000000
ALL = 21
"""Files of one copy: cuts fall between roots."""
FEW = [BASE + 7, BASE + 390]

SELECTIONS = {
    "a value": ("pre_pt_root_id = 864691135000000007", {}),
    "a parameter": ("pre_pt_root_id = $root", {"root": BASE + 7}),
    "a cast one": ("PRE_pt_root_id = $root::BIGINT", {"root": BASE + 7}),
    "the other column": ("post_pt_root_id = $root", {"root": BASE + 7}),
    "a list": ("pre_pt_root_id IN ($a, $b)", {"a": FEW[0], "b": FEW[1]}),
    "keys": ("post_pt_root_id IN (SELECT id FROM keys.few)", {"few": FEW}),
    "both": (
        "pre_pt_root_id = $a AND post_pt_root_id = $b",
        {"a": FEW[0], "b": FEW[1]},
    ),
    "with its alias": ("large.pre_pt_root_id = $a", {"a": BASE + 7}),
    "nothing there": ("pre_pt_root_id = 5", {}),
}


@pytest.mark.parametrize("name", SELECTIONS)
def test_a_lookup_reads_a_file_or_two_for_each_root(name, large):
    client, rows = large
    where, params = SELECTIONS[name]
    query = f"SELECT id FROM large WHERE {where} ORDER BY id"  # noqa: S608

    explained = client.explain(query, params=params)
    found = client.sql(query, params=params)["id"].tolist()

    assert explained.route == "local"
    assert len(explained.files) <= 2 * max(1, "IN" in where and len(FEW))
    assert found == _expected(name, rows)
    if name != "nothing there":
        assert explained.files
        assert explained.nbytes == sum(
            Path(file).stat().st_size for file in explained.files
        )


def _expected(name: str, rows: pa.Table) -> list[int]:
    pre, post = (rows[f"{end}_pt_root_id"].to_numpy() for end in ("pre", "post"))
    match name:
        case "the other column":
            chosen = post == FEW[0]
        case "a list":
            chosen = np.isin(pre, FEW)
        case "keys":
            chosen = np.isin(post, FEW)
        case "both":
            chosen = (pre == FEW[0]) & (post == FEW[1])
        case "nothing there":
            chosen = pre == 5
        case _:
            chosen = pre == FEW[0]
    return rows["id"].to_numpy()[chosen].tolist()


def test_a_whole_table_is_one_copy(large):
    client, _rows = large
    files = client.explain("SELECT * FROM large").files

    assert len(files) == ALL
    assert client.sql("SELECT count(*), count(DISTINCT id) FROM large").iloc[
        0
    ].tolist() == [ROWS, ROWS]


WHOLE = [
    "FROM large WHERE pre_pt_root_id = $a OR id = 3",
    "FROM large WHERE NOT pre_pt_root_id = $a",
    "FROM large WHERE pre_pt_root_id <> $a",
    "FROM large WHERE pre_pt_root_id NOT IN ($a, 5)",
    "FROM large WHERE pre_pt_root_id = $a + 0",
    "FROM large, large AS other WHERE large.pre_pt_root_id = $a AND other.id = 3",
    "FROM large WHERE pre_pt_root_id = $a AND (SELECT count(*) FROM large) > 3",
    "FROM range(9) AS r (n) ASOF JOIN large ON n >= id WHERE large.pre_pt_root_id = $a",
    "FROM range(9) POSITIONAL JOIN large WHERE large.pre_pt_root_id = $a",
    "FROM large TABLESAMPLE 10 ROWS WHERE pre_pt_root_id = $a",
    (
        "FROM (VALUES (864691135000000007)) AS v (pre_pt_root_id) "
        "ANTI JOIN large USING (pre_pt_root_id) WHERE large.pre_pt_root_id = $a"
    ),
]


@pytest.mark.parametrize("query", WHOLE)
def test_what_is_not_plain_reads_the_whole(query, large):
    client, _ = large

    assert len(client.explain(query, params={"a": BASE + 7}).files) == ALL


@pytest.mark.parametrize(
    "query",
    [
        (
            "SELECT n FROM range(20) AS r (n) LEFT JOIN large ON n = id "
            "WHERE large.pre_pt_root_id = $a"
        ),
        (
            "SELECT large.id FROM large JOIN nucleus_detection_v0 AS c "
            "ON c.id > 0 WHERE large.pre_pt_root_id = $a AND c.id < 200000"
        ),
        (
            "WITH w AS (SELECT * FROM large WHERE pre_pt_root_id = $a) "
            "SELECT count(*), sum(id)::BIGINT FROM w"
        ),
    ],
)
def test_fewer_files_change_no_answer(query, large):
    client, rows = large
    params = {"a": BASE + 7}
    assert len(client.explain(query, params=params).files) < ALL
    pruned = client.sql(f"SELECT * FROM ({query}) ORDER BY ALL", params=params)  # noqa: S608
    obscured = query.replace("= $a", "= $a + 0")
    whole = client.sql(f"SELECT * FROM ({obscured}) ORDER BY ALL", params=params)  # noqa: S608

    assert pruned.equals(whole)
    assert rows.num_rows == ROWS


def test_keys_of_a_query_that_is_more_than_keys_are_not_known(large):
    for text in (
        "FROM large WHERE id IN (SELECT id FROM keys.few LIMIT 1)",
        "FROM large WHERE id IN (SELECT DISTINCT id FROM keys.few)",
        "FROM large WHERE id IN (SELECT id + 1 FROM keys.few)",
        "FROM large WHERE id IN (SELECT id FROM few)",
    ):
        found = read_statement(text, {"keys.few": [1, 2]}).lookups
        assert ("", "", "large") not in found
    assert read_statement(
        "FROM large WHERE id IN (SELECT id FROM keys.few)", {"keys.few": [1, 2]}
    ).lookups["", "", "large"] == (Lookup("id", frozenset({1, 2})),)
