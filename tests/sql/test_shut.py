"""SQL reads what the store holds, and can do nothing else: two walls, each tested."""

import signal
import threading
import time

import pytest

from cortical_cache.engine.shut import ShutDatabase
from cortical_cache.engine.statement import read_statement
from cortical_cache.errors import (
    InvalidQueryError,
    QueryMemoryError,
    QueryTimeoutError,
)
from cortical_cache.model.sql import Statement

WRITING = [
    "CREATE TABLE x (a INT)",
    "create view x as select 1",
    "CREATE SCHEMA s",
    "CREATE MACRO m() AS 1",
    "CREATE TYPE e AS ENUM ('a')",
    "CREATE SEQUENCE q",
    "INSERT INTO keys.ids VALUES (1)",
    "UPDATE keys.ids SET id = 2",
    "DELETE FROM keys.ids",
    "TRUNCATE keys.ids",
    "DROP TABLE keys.ids",
    "ALTER TABLE keys.ids ADD COLUMN z INT",
    "COMMENT ON TABLE keys.ids IS 'x'",
    (
        "MERGE INTO keys.ids USING (SELECT 1 AS id) AS s USING (id) "
        "WHEN MATCHED THEN DELETE"
    ),
]
REACHING = [
    "COPY (SELECT 1) TO 'out.csv'",
    "COPY keys.ids FROM '/etc/passwd'",
    "EXPORT DATABASE 'out'",
    "IMPORT DATABASE 'out'",
    "ATTACH 'out.duckdb' AS d",
    "ATTACH 'https://127.0.0.1:1/x.duckdb' AS d",
    "INSTALL httpfs",
    "LOAD httpfs",
    "load '/tmp/evil.duckdb_extension'",
    "PRAGMA memory_limit = '1TB'",
    "SET memory_limit = '1TB'",
    "SeT gLoBaL enable_external_access = true",
    "RESET memory_limit",
    "SET lock_configuration = false",
    "SET allowed_directories = ['/']",
    "SET threads = 64",
    "CREATE SECRET s (TYPE s3)",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM READ_CSV_AUTO('/etc/passwd')",
    "SELECT * FROM \"read_csv\"('/etc/passwd')",
    "SELECT * FROM \"READ_TEXT\"('/etc/passwd')",
    "SELECT * FROM main.read_text('/etc/passwd')",
    "SELECT * FROM system.main.read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/*')",
    "SELECT * FROM read_json('/etc/passwd')",
    "SELECT * FROM read_parquet('/etc/x.parquet')",
    "SELECT * FROM parquet_scan('/etc/x.parquet')",
    "SELECT * FROM parquet_metadata('/etc/x.parquet')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM read_parquet('http://127.0.0.1:1/x.parquet')",
    "SELECT * FROM read_csv('s3://bucket/x.csv')",
    "WITH x AS (SELECT * FROM glob('/*')) SELECT * FROM x",
    "SELECT (SELECT count(*) FROM glob('/*'))",
    "SELECT 1 WHERE 1 IN (SELECT length(content) FROM read_text('/etc/passwd'))",
    "SELECT * FROM (VALUES (1)), LATERAL (SELECT * FROM glob('/*'))",
    "SELECT 1 UNION ALL SELECT 2 FROM read_text('/etc/passwd')",
    "SELECT * FROM keys.ids ORDER BY (SELECT count(*) FROM glob('/*'))",
    "SELECT * FROM query('SELECT * FROM read_text(''/etc/passwd'')')",
    (
        "SELECT * FROM json_execute_serialized_sql("
        "json_serialize_sql('SELECT * FROM read_text(''/etc/passwd'')'))"
    ),
    "SELECT getenv('HOME')",
    "FROM read_text('/etc/passwd')",
    "SELECT/**/*/**/FROM/**/read_text/**/('/etc/passwd')",
]
TELLING = [
    "SELECT current_setting('temp_directory')",
    "SELECT CURRENT_SETTING('temp_directory')",
    "SELECT \"current_setting\"('temp_directory')",
    "SELECT \"CURRENT_SETTING\"('temp_directory')",
    "SELECT main.current_setting('temp_directory')",
    "SELECT write_log('x')",
    "SELECT sleep_ms(1)",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM query_table('ids')",
    "SELECT * FROM pragma_version()",
    "SELECT * FROM enable_logging()",
    "CALL pragma_version()",
    "CALL enable_logging()",
    "EXPLAIN ANALYZE SELECT 1",
    "DESCRIBE SELECT 1",
    "SHOW TABLES",
    "SUMMARIZE SELECT 1",
    "FROM (SHOW TABLES)",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "BEGIN",
    "COMMIT",
    "USE memory",
    "DETACH memory",
    "CHECKPOINT",
    "VACUUM",
    "SET VARIABLE x = 1",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE keys.ids",
    "PIVOT keys.ids ON id",
    "SELECT * FROM keys.ids AT (VERSION => 3)",
    "",
    "-- nothing",
    ";",
    "SELECT",
    "SELECT 'open",
    "\x00",
]


@pytest.fixture
def shut():
    with ShutDatabase({}, "100MB") as database:
        yield database


IDS = {"ids": [1, 2]}


def through(database, text, timeout=20.0):
    """Run a text as if the parser had let it through."""
    statement = Statement(text, (), frozenset(), {})
    return database.run(statement, {}, IDS, {}, timeout)


@pytest.mark.parametrize("text", [*WRITING, *REACHING, *TELLING])
def test_the_parser_refuses(text):
    with pytest.raises(InvalidQueryError) as caught:
        read_statement(text)

    assert "\n" not in str(caught.value).strip()


@pytest.mark.parametrize("text", [*WRITING, *REACHING])
def test_the_engine_refuses_what_the_parser_let_through(
    text, shut, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))

    with pytest.raises(InvalidQueryError):
        through(shut, text)

    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("spelt", ["'a.parquet'", '"a.parquet"', "'/etc/passwd'"])
def test_a_file_in_place_of_a_table_is_a_name_like_any_other(spelt, client):
    from cortical_cache.errors import UnknownNameError

    with pytest.raises(UnknownNameError):
        client.sql(f"SELECT * FROM {spelt}")


@pytest.mark.parametrize(
    "name",
    ["information_schema.tables", "pg_catalog.pg_class", "system.main.duckdb_settings"],
)
def test_the_engines_own_tables_are_not_there(name, client):
    with pytest.raises((InvalidQueryError, LookupError)):
        client.sql(f"SELECT * FROM {name}")


def test_a_variable_of_the_caller_is_no_table(client):
    import pandas as pd

    from cortical_cache.errors import UnknownNameError

    mine = pd.DataFrame({"a": [1]})
    with pytest.raises(UnknownNameError, match="mine"):
        client.sql("SELECT * FROM mine")
    assert len(mine) == 1


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1;",
        "SELECT * FROM range(3)",
        "SELECT unnest([1, 2])",
        ("WITH RECURSIVE r AS (SELECT 1 n UNION SELECT n % 3 FROM r) SELECT * FROM r"),
        "FROM keys.ids SELECT id WHERE random() >= 0",
        "SELECT * FROM keys.ids PIVOT (count(*) FOR id IN (1, 2))",
        "SELECT id, row_number() OVER (ORDER BY id) FROM keys.ids QUALIFY id > 1",
        "SELECT * FROM (VALUES (1, 'a')) AS t (n, s) ASOF JOIN keys.ids ON n >= id",
        "SELECT COLUMNS(*) FROM keys.ids USING SAMPLE 1 ROWS",
    ],
)
def test_a_question_is_answered(text, shut):
    statement = read_statement(text)

    assert shut.run(statement, {}, IDS, {}, 20.0).num_rows > 0


def test_a_statement_that_takes_too_long_is_stopped(shut):
    start = time.monotonic()

    with pytest.raises(QueryTimeoutError, match=r"after 0\.3 s"):
        through(shut, "SELECT count(*) FROM range(10000000) a, range(10000000) b", 0.3)

    assert time.monotonic() - start < 5


def test_a_statement_that_needs_too_much_memory_is_stopped(shut):
    with pytest.raises(QueryMemoryError, match="100MB"):
        through(shut, "SELECT list(a) FROM range(100000000) AS t(a)")


def test_what_can_be_spilt_needs_no_more_memory_than_it_may(shut):
    text = "SELECT count(*) FROM (SELECT a FROM range(3000000) t(a) ORDER BY hash(a))"

    assert through(shut, text)[0][0].as_py() == 3_000_000


def test_ctrl_c_stops_a_statement_and_is_ctrl_c(shut):
    main = threading.main_thread().ident
    threading.Timer(0.5, signal.pthread_kill, (main, signal.SIGINT)).start()
    start = time.monotonic()

    with pytest.raises(KeyboardInterrupt):
        through(shut, "SELECT count(*) FROM range(10000000) a, range(10000000) b", 60)

    assert time.monotonic() - start < 20


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_a_time_out_is_a_time(timeout, client):
    with pytest.raises(InvalidQueryError, match="timeout"):
        client.sql("SELECT 1", timeout=timeout)


def test_a_memory_limit_is_a_size(client):
    with pytest.raises(InvalidQueryError, match="'lots' is no size"):
        client.sql("SELECT 1", memory_limit="lots")
