"""A lookup reads the files that can have its rows, whatever the table's size."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cortical_cache import load_client
from cortical_cache.engine.statement import read_statement
from cortical_cache.errors import CorticalCacheError
from cortical_cache.model.coverage import Whole
from cortical_cache.model.sql import Lookup
from cortical_cache.store import Provenance

ROWS, ROOTS, PER_FILE = 40_000, 400, 2_000


@pytest.fixture
def large(client):
    """Hold a synapse table in many files for either root column."""
    client.sql("SELECT 1 FROM synapses_demo, nucleus_detection_v0, cell_ids LIMIT 1")
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
    query = f"SELECT id FROM large WHERE {where} ORDER BY id"

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
    "FROM large, large AS other WHERE large.pre_pt_root_id = $a",
    "FROM large WHERE pre_pt_root_id = $a UNION ALL FROM large WHERE size > 3",
    "FROM large WHERE pre_pt_root_id = $a AND (SELECT count(*) FROM large) > 3",
    "FROM range(9) AS r (n) ASOF JOIN large ON n >= id WHERE large.pre_pt_root_id = $a",
    "FROM range(9) POSITIONAL JOIN large WHERE large.pre_pt_root_id = $a",
    "FROM large TABLESAMPLE 10 ROWS WHERE pre_pt_root_id = $a",
    (
        "FROM (VALUES (864691135000000007)) AS v (pre_pt_root_id) "
        "ANTI JOIN large USING (pre_pt_root_id) WHERE large.pre_pt_root_id = $a"
    ),
]


TWICE = {
    "SELECT count(*) AS n FROM large, large AS other "
    "WHERE large.pre_pt_root_id = $a AND other.pre_pt_root_id = $b": 2,
    "SELECT (SELECT count(*) FROM large WHERE pre_pt_root_id = $a) * "
    "(SELECT count(*) FROM large WHERE pre_pt_root_id = $b AND id >= 0) AS n": 2,
    "WITH one AS (FROM large WHERE post_pt_root_id = $a AND pre_pt_root_id = $a), "
    "two AS (FROM large WHERE post_pt_root_id = $a AND size > 3) "
    "SELECT count(*) AS n FROM one RIGHT JOIN two USING (id)": 1,
}


@pytest.mark.parametrize("query", TWICE)
def test_a_table_that_is_named_twice_reads_what_either_place_can_see(query, large):
    client, rows = large
    params = {"a": FEW[0], "b": FEW[1]} if "$b" in query else {"a": FEW[0]}

    explained = client.explain(query, params=params)
    found = client.sql(query, params=params)["n"][0]

    assert len(explained.files) == TWICE[query]
    pre, post = (rows[f"{end}_pt_root_id"].to_numpy() for end in ("pre", "post"))
    if "$b" in query:
        assert found == (pre == FEW[0]).sum() * (pre == FEW[1]).sum() > 0
    else:
        assert found == ((post == FEW[0]) & (rows["size"].to_numpy() > 3)).sum() > 0


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
    pruned = client.sql(f"SELECT * FROM ({query}) ORDER BY ALL", params=params)
    obscured = query.replace("= $a", "= $a + 0")
    whole = client.sql(f"SELECT * FROM ({obscured}) ORDER BY ALL", params=params)

    assert pruned.equals(whole)
    assert rows.num_rows == ROWS


RENAMED = {
    "SELECT b FROM large AS t (pre_pt_root_id, b) WHERE pre_pt_root_id = 7": 1,
    "SELECT b FROM large AS t (pre_pt_root_id, b) WHERE t.pre_pt_root_id = 7": 1,
    # No column of few is called id any more, so it is that of large.
    "FROM large WHERE id IN (SELECT id FROM keys.few AS f (other))": ROWS,
}


@pytest.mark.parametrize("query", RENAMED)
def test_columns_under_other_names_are_not_taken_for_those(query, large):
    client, _ = large
    params = {"few": [5]} if "keys" in query else {}

    assert len(client.sql(query, params=params)) == RENAMED[query]
    assert len(client.explain(query, params=params).files) == ALL


def test_keys_of_a_query_that_is_more_than_keys_are_not_known(large):
    for text in (
        "FROM large WHERE id IN (SELECT id FROM keys.few LIMIT 1)",
        "FROM large WHERE id IN (SELECT DISTINCT id FROM keys.few)",
        "FROM large WHERE id IN (SELECT id + 1 FROM keys.few)",
        "FROM large WHERE id IN (SELECT id FROM few)",
    ):
        found = read_statement(text, {"keys.few": [1, 2]}).lookups
        assert found["", "", "large"] == (Lookup("id", None),)
    found = read_statement(
        "FROM large WHERE id IN (SELECT id FROM keys.few)", {"keys.few": [1, 2]}
    ).lookups["", "", "large"]
    assert found == (Lookup("id", frozenset({1, 2})), Lookup("id", None))


PRE = "JOIN cell_ids AS c ON c.root_id = pre_pt_root_id"
POST = "JOIN cell_ids AS c ON large.post_pt_root_id = c.root_id"
MANY = "large.post_pt_root_id IN (SELECT id FROM keys.many)"
SORTED = {
    f"FROM large {PRE}": "pre",
    f"FROM large {POST}": "post",
    "FROM large WHERE pre_pt_root_id IN (SELECT root_id FROM cell_ids)": "pre",
    "FROM large SEMI JOIN (SELECT root_id AS pre_pt_root_id FROM cell_ids) "
    "USING (pre_pt_root_id)": "pre",
    "WITH c AS (SELECT root_id FROM cell_ids) FROM large, c "
    "WHERE PRE_pt_root_id = c.root_id AND size = 3": "pre",
    f"FROM large {PRE} UNION ALL FROM large {PRE}": "pre",
    # As many keys as files, and a join: the few keys are likelier to lie together.
    f"FROM large {PRE} WHERE {MANY}": "post",
    "FROM large": "post",
}


@pytest.mark.parametrize("query", SORTED)
def test_the_copy_is_read_that_is_sorted_by_what_a_join_compares(query, large):
    client, _ = large
    many = [BASE + one for one in range(ROOTS)]
    params = {"many": many} if "keys" in query else {}
    files = client.explain(query, params=params).files
    chosen = {one for one in files if pq.read_schema(one).names.count("size")}

    assert len(chosen) == ALL
    for file in chosen:
        ends = pq.read_metadata(file).row_group(0).sorting_columns
        names = pq.read_schema(file).names
        assert names[ends[0].column_index] == f"{SORTED[query]}_pt_root_id"


FAR = [*range(40), *range(ROOTS - 40, ROOTS)]
"""More roots than DuckDB by itself looks for, from both ends of the range."""

SMALL_SIDES = {
    "a held table": "JOIN few AS c ON c.pt_root_id = pre_pt_root_id",
    "its query": (
        "JOIN (SELECT DISTINCT pt_root_id AS r FROM few WHERE id < 1000) AS c "
        "ON large.pre_pt_root_id = c.r"
    ),
    "a subquery": "WHERE pre_pt_root_id IN (SELECT pt_root_id FROM few)",
    "keys": "JOIN keys.far AS c ON c.id = pre_pt_root_id",
}


@pytest.mark.parametrize("name", SMALL_SIDES)
def test_a_join_with_few_keys_reads_only_what_can_match(name, large):
    client, rows = large
    _hold_few(client)
    query = f"SELECT large.id, size FROM large {SMALL_SIDES[name]} ORDER BY 1"
    if name == "its query":
        query = f"WITH f AS ({query}) FROM f"
    roots = [BASE + one for one in FAR]
    params = {"far": roots} if name == "keys" else {}
    expected = rows["id"].to_numpy()[np.isin(rows["pre_pt_root_id"].to_numpy(), roots)]
    assert client.sql(query, params=params)["id"].tolist() == expected.tolist()

    broken = _break_all_without(client.explain(query, params=params).files, roots)

    assert len(broken) >= ALL // 2
    assert client.sql(query, params=params)["id"].tolist() == expected.tolist()
    with pytest.raises(CorticalCacheError):
        client.sql("SELECT sum(size) FROM large WHERE pre_pt_root_id = id")


def _hold_few(client) -> None:
    store = client.repositories.store
    nuclei = store.rows("table", "nucleus_detection_v0", 5).state().shape
    shape = replace(
        nuclei,
        name="few",
        columns=(nuclei.column("id"), nuclei.column("pt_root_id")),
    )
    ids = [BASE + one for one in FAR]
    store.rows("table", "few", 5).append(
        pa.table({"id": np.arange(len(ids)), "pt_root_id": ids}),
        shape=shape,
        coverage=Whole(),
        provenance=Provenance("test", "nowhere", datetime.now(UTC)),
    )


def _break_all_without(files, roots) -> list[str]:
    """Overwrite the rows, not the footers, of files that can hold none of the roots."""
    broken = []
    for file in files:
        names = pq.read_schema(file).names
        if "pre_pt_root_id" not in names:
            continue
        column = names.index("pre_pt_root_id")
        kept = pq.read_metadata(file).row_group(0).column(column).statistics
        if any(kept.min <= one <= kept.max for one in roots):
            continue
        path = Path(file)
        body = path.read_bytes()
        footer = int.from_bytes(body[-8:-4], "little") + 8
        path.write_bytes(b"PAR1" + bytes(len(body) - 4 - footer) + body[-footer:])
        broken.append(file)
    return broken
