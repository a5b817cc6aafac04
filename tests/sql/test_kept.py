"""A database that stays open for the next statement passes nothing on to it."""

import multiprocessing
import tempfile
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from cortical_cache.engine.kept import KEPT, ShutDatabases
from cortical_cache.engine.shut import ShutDatabase
from cortical_cache.errors import CorticalCacheError, InvalidQueryError
from cortical_cache.model.sql import Statement
from tests.sql.test_shut import REACHING, TELLING, WRITING, through

STATE = """
    SELECT 'table' AS kind, table_name AS what FROM duckdb_tables()
    UNION ALL SELECT 'view', view_name FROM duckdb_views() WHERE NOT internal
    UNION ALL SELECT 'schema', schema_name FROM duckdb_schemas()
    UNION ALL SELECT 'database', database_name FROM duckdb_databases()
    UNION ALL SELECT 'function', function_name FROM duckdb_functions()
    UNION ALL SELECT 'type', type_name FROM duckdb_types()
    UNION ALL SELECT 'sequence', sequence_name FROM duckdb_sequences()
    UNION ALL SELECT name, coalesce(value, '') FROM duckdb_settings()
    UNION ALL SELECT 'variable', name || '=' || value FROM duckdb_variables()
    UNION ALL SELECT 'prepared', name FROM duckdb_prepared_statements()
    UNION ALL SELECT 'id', id::VARCHAR FROM keys.ids
    ORDER BY ALL
"""

SEVERAL = [
    "SELECT 1; CREATE TABLE mine (a INT)",
    "COMMIT; CREATE TABLE mine (a INT); SELECT 1",
    "SET VARIABLE mine = 1; SELECT 1",
    "CREATE TEMP TABLE mine (a INT)",
    "CREATE TEMP MACRO mine() AS 1",
    "ATTACH ':memory:' AS mine",
    "ROLLBACK",
    "LOAD json",
]

# Logging outlasts a statement, and a SELECT can turn it on: the parser refuses it.
LOGGING = {"SELECT * FROM enable_logging()"}
ATTACKS = [
    one for one in [*WRITING, *REACHING, *TELLING, *SEVERAL] if one not in LOGGING
]


@pytest.fixture
def shut():
    with ShutDatabase({}, "100MB") as database:
        yield database


@pytest.mark.parametrize("text", ATTACKS)
def test_an_attack_that_the_parser_let_through_leaves_nothing(text, shut):
    before = through(shut, STATE)

    with suppress(InvalidQueryError):
        through(shut, text)

    assert through(shut, STATE).equals(before)
    assert ("id", "2") in {tuple(row.values()) for row in before.to_pylist()}


@pytest.mark.parametrize("text", [*WRITING, *SEVERAL])
def test_only_a_select_is_begun(text, shut):
    with pytest.raises(InvalidQueryError):
        through(shut, text)


def test_keys_of_one_statement_are_not_there_for_the_next(shut):
    assert through(shut, "SELECT sum(id)::INT FROM keys.ids")[0][0].as_py() == 3

    other = Statement("SELECT * FROM keys.ids", (), frozenset(), {})
    with pytest.raises(InvalidQueryError, match="ids does not exist"):
        shut.run(other, {}, {}, {}, 20.0)
    given = shut.run(other, {}, {"ids": [7], "Other": [8]}, {}, 20.0)
    assert given[0].to_pylist() == [7]


def sources(client, *queries: str):
    """Return what names of statements stand for."""
    from cortical_cache.client.sql.question import Question
    from cortical_cache.engine.statement import read_statement

    made = client._sql
    return [made._sources(read_statement(one), Question(one)) for one in queries]


def test_statements_on_the_same_tables_share_one_database(client):
    cells, scores = sources(
        client, "SELECT * FROM cell_ids", "SELECT * FROM nucleus_scores"
    )
    databases = ShutDatabases()

    with databases.lend(cells, "1GB", None) as first:
        pass
    with databases.lend(cells, "1GB", None) as second:
        assert second is first
        with databases.lend(cells, "1GB", None) as meanwhile:
            assert meanwhile is not first
        with databases.lend(scores, "1GB", None) as other:
            assert other is not first
    with databases.lend(cells, "2GB", None) as limited:
        assert limited is not first


def test_a_database_reads_no_file_of_another(client):
    cells, scores = sources(
        client, "SELECT * FROM cell_ids", "SELECT * FROM nucleus_scores"
    )
    (file,) = next(iter(scores.values())).files

    with ShutDatabase(cells, "1GB") as database:
        text = f"SELECT * FROM read_parquet('{file}')"
        statement = Statement(text, (), frozenset(), {})
        with pytest.raises(InvalidQueryError, match="file system operations"):
            database.run(statement, cells, {}, {}, 20.0)
        assert database.run(
            Statement("SELECT count(*) FROM cell_ids", (), frozenset(), {}),
            cells, {}, {}, 20.0,
        )[0][0].as_py() > 500  # fmt: skip


def test_an_error_ends_a_database_and_few_are_kept(client):
    (cells,) = sources(client, "SELECT * FROM cell_ids")
    databases = ShutDatabases()
    with pytest.raises(CorticalCacheError), databases.lend(cells, "1GB", None) as bad:
        raise CorticalCacheError("it")
    with databases.lend(cells, "1GB", None) as anew:
        assert anew is not bad

    for number in range(1, KEPT + 1):
        with databases.lend(cells, f"{number + 1}GB", None):
            pass
    with databases.lend(cells, "1GB", None) as again:
        assert again is not anew


def test_what_came_since_is_seen(client):
    client.sql("SELECT 1 FROM nucleus_detection_v0 LIMIT 1")
    roots = client.sql(
        "SELECT DISTINCT pt_root_id AS r FROM nucleus_detection_v0 WHERE r > 0 LIMIT 9"
    )["r"]
    count = "SELECT count(*) AS n FROM graph.root_lives"
    client.cached.chunkedgraph.get_root_timestamps(roots[:3].to_numpy())
    first = client.sql(count)["n"][0]
    client.cached.chunkedgraph.get_root_timestamps(roots.to_numpy())

    assert client.sql(count)["n"][0] > first >= 3


def test_threads_have_their_own_keys(client):
    client.sql("SELECT 1 FROM cell_ids LIMIT 1")
    text = (
        "SELECT max(id) AS n FROM keys.mine, "
        "(SELECT count(*) FROM cell_ids AS a, cell_ids AS b)"
    )

    def ask(number: int) -> int:
        return client.sql(text, params={"mine": [number]})["n"][0]

    with ThreadPoolExecutor(4) as pool:
        assert [*pool.map(ask, range(24))] == [*range(24)]


def _asked(client, pipe) -> None:
    pipe.send(client.sql("SELECT count(*) AS n FROM cell_ids")["n"][0])


def _finished(pipe) -> None:
    weakref.finalize._exitfunc()  # as a process that ends does
    pipe.send("done")


def test_what_is_spilt_outlives_a_forked_process(client, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    client.sql("SELECT count(*) AS n FROM cell_ids")
    (spill,) = tmp_path.glob("cortical-cache-*")
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    child = context.Process(target=_finished, args=(there,))

    child.start()
    assert here.poll(30)
    assert here.recv() == "done"
    child.join(30)

    assert spill.is_dir()


def test_a_forked_process_has_databases_of_its_own(client):
    expected = client.sql("SELECT count(*) AS n FROM cell_ids")["n"][0]
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    child = context.Process(target=_asked, args=(client, there))

    child.start()
    assert here.poll(30)
    assert here.recv() == expected
    child.join(30)
    assert child.exitcode == 0
