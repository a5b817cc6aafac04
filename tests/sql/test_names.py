"""What the names of a SQL statement stand for, and what becomes of what is missing."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from cortical_cache import load_client
from cortical_cache.client.sql.fetching import fetch
from cortical_cache.errors import (
    InvalidQueryError,
    NotCachedError,
    PartialTableError,
    TooLargeError,
    UnknownNameError,
    UnsupportedQueryError,
)
from cortical_cache.model.sql import Source, TableName
from cortical_cache.policy.naming import meaning
from cortical_cache.repositories.sql import find
from tests.kit import is_count, row_queries


def one(client, query, params=()):
    """Return the only value of an answer."""
    ((value,),) = client.sql(query, params=params).itertuples(index=False)
    return value


def test_a_table_is_fetched_once_and_then_answers_without_a_request(client, server):
    first = client.sql("SELECT * FROM nucleus_scores ORDER BY id")
    server.clear_log()
    second = client.sql("SELECT * FROM nucleus_scores ORDER BY id")

    assert first.equals(second)
    assert not server.requests
    assert len(first) == 74


def test_rows_are_those_of_a_query_with_ids_and_null_intact(client):
    theirs = client.tables.nucleus_detection_v0().query(split_positions=True)
    ours = client.sql("SELECT * FROM nucleus_detection_v0 ORDER BY id")

    assert ours["id"].dtype == "Int64"
    assert ours["id"].tolist() == theirs["id"].tolist()
    assert ours["pt_position_x"].tolist() == theirs["pt_position_x"].tolist()
    nulls = ours["pt_root_id"].isna()
    assert nulls.any()
    assert ours["pt_root_id"][~nulls].tolist() == theirs["pt_root_id"][~nulls].tolist()
    assert ours["pt_root_id"].max() > 2**59


@pytest.mark.parametrize("output", ["pandas", "arrow", "polars", "duckdb"])
def test_every_output_has_the_same_exact_ids(output, client):
    query = "SELECT id, pt_root_id FROM nucleus_detection_v0 ORDER BY id"
    expected = client.sql(query, output="arrow").to_pylist()
    found = client.sql(query, output=output)

    match output:
        case "arrow":
            rows = found.to_pylist()
        case "polars":
            rows = found.to_dicts()
        case "duckdb":
            rows = found.to_arrow_table().to_pylist()
        case _:
            rows = found.astype(object).where(found.notna(), None).to_dict("records")
    assert rows == expected
    assert any(row["pt_root_id"] is None for row in expected)


def test_an_output_that_is_none_is_refused_before_anything_is_asked(client, server):
    server.clear_log()

    with pytest.raises(InvalidQueryError, match="'csv' is none of 'pandas'"):
        client.sql("SELECT * FROM nucleus_scores", output="csv")

    assert not server.requests


@pytest.mark.parametrize(
    "spelt", ["Nucleus_Scores", '"nucleus_scores"', '"NUCLEUS_SCORES"', "main.x", "x"]
)
def test_names_are_compared_as_sql_compares_them(spelt, client):
    name = spelt if "x" not in spelt else "v5.nucleus_SCORES"

    assert one(client, f"SELECT count(*) FROM {name}") == 74


def test_a_common_table_expression_hides_a_table_of_its_name(client):
    query = """
        WITH nucleus_scores AS (SELECT * FROM nucleus_scores LIMIT 3)
        SELECT count(*) FROM nucleus_scores
    """

    assert one(client, query) == 3


def test_a_common_table_expression_is_no_table(offline):
    query = """
        WITH RECURSIVE a AS (SELECT 1 AS n), B AS (SELECT n + 1 AS n FROM a),
        r AS (SELECT n FROM b UNION ALL SELECT n + 1 FROM r WHERE n < 5)
        SELECT count(*) FROM r, (SELECT * FROM A) WHERE r.n IN (SELECT n FROM r)
    """

    assert one(offline, query) == 4


def test_versions_meet_in_one_statement(client):
    query = """
        SELECT count(*)
        FROM v4.cell_ids AS old JOIN cell_ids AS new USING (cell_id)
        WHERE old.root_id IS DISTINCT FROM new.root_id
    """
    changed = client.diff(None, 4, 5).cells.changed

    assert one(client, query) == len(changed) > 0


def test_datasets_meet_in_one_statement(client, tmp_path, monkeypatch, server):
    config = tmp_path / "config.toml"
    config.write_text(
        f'[datasets.other]\ndatastack = "demo"\nserver_address = "{server.url}"\n'
        'main_table = "nucleus_detection_v0"\n'
    )
    monkeypatch.setenv("CORTICAL_CACHE_CONFIG", str(config))
    both = load_client("demo", version=5)
    query = """
        SELECT count(*)
        FROM nucleus_scores JOIN Other.v5.nucleus_scores AS o USING (id)
    """

    assert one(both, query) == 74
    assert load_client("other").cache_status().holdings[0].name == "nucleus_scores"


def test_another_dataset_needs_a_version(client):
    with pytest.raises(InvalidQueryError, match=r"v1dd\.v1300\.cell_ids"):
        client.sql("SELECT * FROM v1dd.exports.cell_ids")


def test_cell_ids_are_those_of_the_client(client):
    rows = client.sql("SELECT cell_id, root_id FROM cell_ids", output="arrow")
    cells = rows["cell_id"].to_numpy()
    unique, counts = np.unique(cells, return_counts=True)
    table = {
        cell: -1 if root is None else root
        for cell, root in zip(
            *(rows[n].to_pylist() for n in rows.column_names), strict=False
        )
    }
    theirs = client.cell_id_to_root_id(unique)["root_id"]

    assert len(unique) > 500
    for cell, count in zip(unique, counts, strict=True):
        assert theirs[cell] == (table[cell] if count == 1 else -1)


def test_cell_ids_without_a_lookup_view_are_made_of_the_cell_tables(
    server, tmp_path, monkeypatch
):
    config = tmp_path / "config.toml"
    config.write_text(
        f'[datasets.other]\ndatastack = "demo"\nserver_address = "{server.url}"\n'
        'main_table = "nucleus_detection_v0"\n'
        'alternative_tables = ["nucleus_alternative_points"]\n'
    )
    monkeypatch.setenv("CORTICAL_CACHE_CONFIG", str(config))
    query = "SELECT cell_id, root_id, supervoxel_id FROM cell_ids ORDER BY ALL"
    through_view = load_client("demo", version=5).sql(query, output="arrow")
    of_tables = load_client("other", version=5).sql(query, output="arrow")

    assert of_tables.equals(through_view)


def test_a_plain_name_is_never_a_fragment(client, offline):
    _some_synapses(client)

    with pytest.raises(PartialTableError) as caught:
        offline.sql("SELECT count(*) FROM synapses_demo")

    assert "sync demo 5 --tables synapses_demo" in str(caught.value)


def test_a_fragment_is_read_by_its_name_each_row_once(client, offline):
    roots = _some_synapses(client)
    rows = offline.sql("SELECT * FROM partial.synapses_demo")
    again = offline.sql("SELECT * FROM partial_v5.synapses_demo")

    assert rows["id"].is_unique
    assert len(rows) == len(again)
    touching = rows["pre_pt_root_id"].isin(roots) | rows["post_pt_root_id"].isin(roots)
    assert touching.all()
    query = """
        SELECT * FROM synapses_demo
        WHERE pre_pt_root_id IN (SELECT id FROM keys.roots)
           OR post_pt_root_id IN (SELECT id FROM keys.roots)
    """
    whole = client.sql(query, params={"roots": roots})
    assert sorted(whole["id"]) == sorted(rows["id"])


def _some_synapses(client) -> list[int]:
    """Fetch the synapses of two roots, some of them by either end."""
    cave = client.repositories
    roots = client.sql(
        "SELECT DISTINCT pt_root_id FROM nucleus_detection_v0 "
        "WHERE pt_root_id > 0 ORDER BY 1 LIMIT 40"
    )["pt_root_id"].tolist()
    subject = cave.catalog.subject("synapses_demo", 5)
    for column in ("pre_pt_root_id", "post_pt_root_id"):
        cave.rows.fetch_keys(subject, column, frozenset(roots))
    return roots


def test_of_a_fragment_that_is_not_there_the_command_is_named(client):
    with pytest.raises(PartialTableError, match="--tables synapses_demo"):
        client.sql("SELECT * FROM partial.synapses_demo")


def test_a_fragment_of_a_view_has_each_row_of_its_keys_once(client, offline):
    of = client.repositories
    roots = client.sql(
        "SELECT DISTINCT root_id FROM cell_ids WHERE root_id > 0 ORDER BY 1 LIMIT 40"
    )["root_id"].tolist()
    subject = of.catalog.subject("synapse_counts", 5)
    with pytest.raises(PartialTableError, match="--views synapse_counts"):
        offline.sql("SELECT * FROM partial.synapse_counts")
    for keys in (roots[:30], roots[20:]):
        of.rows.fetch_keys(subject, "pre_pt_root_id", frozenset(keys))

    rows = offline.sql("SELECT * FROM partial.synapse_counts ORDER BY ALL")
    again = offline.sql("SELECT * FROM partial_v5.Synapse_Counts ORDER BY ALL")
    with pytest.raises(PartialTableError):
        offline.sql("SELECT * FROM synapse_counts")
    whole = client.sql(
        "SELECT * FROM synapse_counts WHERE pre_pt_root_id IN (FROM keys.roots) "
        "ORDER BY ALL",
        params={"roots": roots},
    )

    assert len(rows) > 20
    assert rows.equals(whole)
    assert again.equals(rows)
    everything = client.sql("SELECT count(*) FROM partial.synapse_counts")
    assert everything.equals(client.sql("SELECT count(*) FROM synapse_counts"))


def test_a_fragment_of_a_view_by_two_columns_is_refused(client):
    of = client.repositories
    subject = of.catalog.subject("nucleus_detection_lookup", 5)
    for column in ("id", "pt_root_id"):
        of.rows.fetch_keys(subject, column, frozenset({5, 864691135000000001}))

    with pytest.raises(UnsupportedQueryError, match="by id and by pt_root_id"):
        client.sql("SELECT * FROM partial.nucleus_detection_lookup")


@pytest.mark.parametrize(
    "name", ["nucleus_scores", "v2.nucleus_scores", "cell_ids", "synapse_counts"]
)
def test_offline_what_is_missing_comes_with_its_command(name, offline):
    with pytest.raises(NotCachedError, match=r"cortical-cache sync demo [25] --"):
        offline.sql(f"SELECT * FROM {name}")


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("synapse_tags", "--tables synapse_tags"),
        ("synapse_counts", "--views synapse_counts"),
        ("cell_ids", "--views nucleus_detection_lookup"),
    ],
)
def test_offline_a_known_table_that_is_not_held_is_named(
    name, command, client, offline
):
    client.sql("SELECT 1 FROM nucleus_scores LIMIT 1")

    with pytest.raises(NotCachedError) as caught:
        offline.sql(f"SELECT * FROM {name}")

    assert f"{command.split()[1]} of demo v5 is not cached" in str(caught.value)
    assert caught.value.command == f"cortical-cache sync demo 5 {command}"


def test_a_large_table_is_not_fetched_unasked(client, server):
    of = client.repositories
    asked = meaning(TableName("", "", "synapses_demo"), {})
    (lacking,) = find(of, asked)
    server.clear_log()

    with pytest.raises(TooLargeError, match=r"19,940 rows.*--tables synapses_demo"):
        fetch([(of, lacking)], most_rows=19_939)
    assert all(is_count(one) for one in row_queries(server))

    fetch([(of, lacking)], most_rows=19_940)
    assert isinstance(find(of, asked), Source)


def test_what_there_is_not_is_named_with_what_there_is(client):
    with pytest.raises(UnknownNameError, match="nucleus_scores"):
        client.sql("SELECT * FROM nucleus_score")
    with pytest.raises(UnknownNameError, match="no version '77'"):
        client.sql("SELECT * FROM v77.nucleus_scores")
    with pytest.raises(UnknownNameError, match="no dataset 'nowhere'"):
        client.sql("SELECT * FROM nowhere.v5.nucleus_scores")
    with pytest.raises(InvalidQueryError, match="there is no 'export' to read from"):
        client.sql("SELECT * FROM export.nucleus_scores")


def test_graph_facts_are_read_as_they_were_learnt(client):
    client.cached.chunkedgraph.get_root_timestamps([_a_root(client)])
    rows = client.sql("SELECT * FROM graph.root_lives")

    assert {"root_id", "created_at", "ended_at", "seen_at"} == set(rows.columns)
    assert rows["root_id"].dtype == "Int64"
    with pytest.raises(UnknownNameError, match="root_lives"):
        client.sql("SELECT * FROM graph.root_live")


def _a_root(client) -> int:
    return one(
        client, "SELECT max(pt_root_id) FROM nucleus_detection_v0 WHERE pt_root_id > 0"
    )


def test_parameters_are_values_and_never_text(client):
    text = "'; DROP TABLE x --"

    assert one(client, "SELECT $a", params={"a": text}) == text
    assert one(client, "SELECT ? || ?", params=["a", "b"]) == "ab"
    assert one(client, "SELECT $a + 1", params={"a": np.int64(2**62)}) == 2**62 + 1
    assert one(client, "SELECT len($a)", params={"a": np.arange(3)}) == 3


TIMES = np.array(["2024-01-02T03:04:05.000006007"], "datetime64[ns]")


@pytest.mark.parametrize(
    ("value", "kind", "told"),
    [
        (TIMES[0], "TIMESTAMP", "2024-01-02 03:04:05.000006"),
        (TIMES, "TIMESTAMP[]", "['2024-01-02 03:04:05.000006']"),
        (pd.Series(TIMES), "TIMESTAMP[]", "['2024-01-02 03:04:05.000006']"),
        (pd.Timestamp(TIMES[0]), "TIMESTAMP", "2024-01-02 03:04:05.000006"),
        (np.timedelta64(1_500, "ms"), "INTERVAL", "00:00:01.5"),
        (np.timedelta64(3_000_000, "ns"), "INTERVAL", "00:00:00.003"),
    ],
)
def test_times_are_times_whatever_made_them(value, kind, told, client):
    query = "SELECT typeof($a) AS kind, $a::VARCHAR AS told"

    rows = client.sql(query, params={"a": value})

    assert rows["kind"][0] == kind
    assert rows["told"][0] == told


LISTS = {
    "[864691135000000001, NULL]": [864691135000000001, None],
    "[[864691135000000001], [NULL]]": [[864691135000000001], [None]],
    "{'a': [864691135000000001, NULL]}": {"a": [864691135000000001, None]},
    "map {1: [864691135000000001, NULL]}": [(1, [864691135000000001, None])],
    "array_value(864691135000000001, NULL)": [864691135000000001, None],
}


@pytest.mark.parametrize("made", LISTS)
def test_ids_beside_null_in_a_list_lose_no_digit(made, client):
    rows = client.sql(f"SELECT {made} AS l, {made} AS l, 3 AS n")

    assert rows.iloc[0].tolist() == [LISTS[made], LISTS[made], 3]
    assert rows["n"].dtype == "Int32"
    plain = client.sql("SELECT [1, 2] AS l, [0.5::FLOAT, NULL] AS f, NULL AS n").iloc[0]
    assert plain["l"].tolist() == [1, 2]
    assert np.isnan(plain["f"][1])


def test_ids_given_are_a_table_of_keys_and_lose_no_digit(client):
    ids = np.array([864691135000000001, 864691135000000003])

    rows = client.sql("SELECT id FROM keys.Mine ORDER BY id", params={"Mine": ids})

    assert rows["id"].tolist() == ids.tolist()
    with pytest.raises(InvalidQueryError, match="last digits"):
        client.sql("SELECT id FROM keys.mine", params={"mine": ids.astype(float)})


@pytest.mark.parametrize(
    ("query", "params", "told"),
    [
        ("SELECT 1", {"a": 1}, "parameter a is given but not in the SQL"),
        ("SELECT $a", {}, "parameter a is in but not given"),
        ("SELECT ?", [], "parameter 1 is in but not given"),
        ("SELECT * FROM keys.a", {}, r"keys\.a stands for ids"),
        ("SELECT nothing FROM range(1)", {}, '"nothing" not found'),
    ],
)
def test_what_is_wrong_is_said_in_one_line(query, params, told, client):
    with pytest.raises(InvalidQueryError, match=told) as caught:
        client.sql(query, params=params)

    assert "\n" not in str(caught.value)


def test_an_export_is_read_whole_under_its_own_name(client, tmp_path):
    import gzip

    folder = tmp_path / "exports" / "v5"
    folder.mkdir(parents=True)
    (folder / "mine_header.csv").write_text("id,bigint\npt_root_id,bigint\n")
    with gzip.open(folder / "mine.csv.gz", "wt") as dump:
        dump.write("2,864691135000000003\n1,\n")
    client.set_export_cloudpath(str(tmp_path / "exports"))
    query = "SELECT * FROM exports.Mine ORDER BY id"

    rows = client.sql(query, output="arrow")

    assert rows.to_pydict() == {"id": [1, 2], "pt_root_id": [None, 864691135000000003]}
    assert rows.schema.types == [pa.int64(), pa.int64()]
    query = query.replace("exports", "exports_v5")
    assert client.sql(query, output="arrow").equals(rows)
    offline = load_client("demo", version=5, offline=True)
    assert offline.sql(query, output="arrow").equals(rows)
    with pytest.raises(NotCachedError, match="sync demo 4 --exports mine"):
        offline.sql("SELECT * FROM exports_v4.mine")
