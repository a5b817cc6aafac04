"""Raw engines and copies of what is held, for people and programs that are not ours."""

import duckdb
import pyarrow.parquet as pq
import pytest

from cortical_cache.errors import ConfigurationError, NotCachedError
from tests.kit import PYTHON, run


@pytest.fixture
def held(client, server):
    """Hold some tables of two versions, and then lose the server."""
    client.sql("SELECT 1 FROM nucleus_detection_v0, cell_ids, synapse_counts LIMIT 1")
    client.sql("SELECT 1 FROM v4.nucleus_scores LIMIT 1")
    client.cached.materialize.query_table("synapses_demo", limit=3)
    server.clear_log()
    yield client
    assert not server.requests


SHOWN = "SELECT * FROM nucleus_detection_v0 ORDER BY id"


def test_a_raw_connection_has_the_views_of_all_that_is_held(held):
    ours = held.sql(SHOWN, output="arrow")
    with held.duckdb() as raw:
        assert raw.sql(SHOWN).to_arrow_table().equals(ours)
        assert raw.sql("SELECT count(*) FROM v4.nucleus_scores").fetchone() == (66,)
        same = "SELECT count(*) FROM v5.cell_ids JOIN cell_ids USING (cell_id)"
        assert raw.sql(same).fetchone()[0] > 500
        nm = "SELECT resolution('nucleus_detection_v0').x > 0"
        assert raw.sql(nm).fetchone() == (True,)
        raw.execute("CREATE TABLE mine AS SELECT 1 AS a")  # it is the raw engine


def test_two_raw_connections_are_apart(held):
    with held.duckdb() as one, held.duckdb() as other:
        one.execute("CREATE TABLE mine AS SELECT 1 AS a")
        with pytest.raises(duckdb.CatalogException):
            other.sql("SELECT * FROM mine")


def test_a_database_file_is_whole_without_the_store(held, tmp_path):
    ours = held.sql(SHOWN, output="arrow")
    file = tmp_path / "minnie.duckdb"

    rows = held.export(file)
    for path in held.cache_dir.rglob("*.parquet"):
        path.unlink()

    assert rows["nucleus_detection_v0"] == ours.num_rows
    with duckdb.connect(str(file), read_only=True) as shell:
        shell.execute("SET TimeZone = 'UTC'")
        assert shell.sql(SHOWN).to_arrow_table().equals(ours)
        assert shell.sql("SELECT count(*) FROM cell_ids").fetchone()[0] > 500
        voxel = "SELECT resolution('Nucleus_detection_v0')"
        assert shell.sql(voxel).fetchone()[0]["z"] == 40
    assert [one.name for one in tmp_path.glob(".minnie*")] == []


def test_a_folder_has_a_parquet_file_for_each_table(held, tmp_path, command):
    ours = held.sql(SHOWN, output="arrow")
    folder = tmp_path / "copy"

    ran = command("export", "demo", "5", "--to", str(folder), "--json")

    assert ran.code == 0, ran.err
    assert ran.json()["rows"]["nucleus_detection_v0"] == ours.num_rows
    copy = pq.read_table(folder / "nucleus_detection_v0.parquet").sort_by("id")
    assert copy.to_pydict() == ours.to_pydict()
    assert "CREATE MACRO nm" in (folder / "units.sql").read_text()


def test_only_the_tables_that_are_named(held, tmp_path, command):
    file = tmp_path / "one.duckdb"

    ran = command(
        "export", "demo", "5", "--to", str(file), "--tables", "synapse_counts"
    )

    assert ran.out.startswith("table\trows\nsynapse_counts\t")
    with duckdb.connect(str(file)) as shell:
        names = {row[0] for row in shell.sql("SHOW TABLES").fetchall()}
    assert names == {"synapse_counts", "resolutions"}


def test_what_is_there_is_not_written_over(held, tmp_path, command):
    file = tmp_path / "x.duckdb"
    file.write_text("mine")

    with pytest.raises(ConfigurationError, match="is there already"):
        held.export(file)

    assert file.read_text() == "mine"
    with pytest.raises(ConfigurationError, match="is no folder"):
        held.export(tmp_path / "nowhere" / "x.duckdb")
    assert command("export", "demo", "5", "--to", str(file)).code == 1


def test_a_fragment_is_not_taken_for_a_table(held, tmp_path):
    with pytest.raises(NotCachedError, match="sync demo 5 --tables synapses_demo"):
        held.export(tmp_path / "x.duckdb", tables=["synapses_demo"])
    with pytest.raises(NotCachedError, match="any whole table of demo v2"):
        held.export(tmp_path / "x.duckdb", version=2)
    assert not (tmp_path / "x.duckdb").exists()


PLAIN = """
import sys, duckdb
shell = duckdb.connect(sys.argv[1], read_only=True)
shell.execute("SET TimeZone = 'UTC'")
for query in sys.argv[2:]:
    print(shell.sql(query).fetchall())
assert not any(name.startswith("cortical_cache") for name in sys.modules)
"""


@pytest.mark.parametrize("views", [False, True])
def test_a_process_that_knows_nothing_of_us_reads_a_database(
    views, held, tmp_path, command
):
    file = tmp_path / "copy.duckdb"
    queries = [
        SHOWN,
        "SELECT cell_id, root_id FROM cell_ids ORDER BY ALL",
        (
            "SELECT nm(pt_position_x, pt_position_y, pt_position_z, "
            "resolution('nucleus_detection_v0')) AS p FROM nucleus_detection_v0 "
            "ORDER BY id LIMIT 3"
        ),
        "SELECT * FROM synapse_counts ORDER BY ALL LIMIT 9",
    ]

    ran = command("export", "demo", "5", "--to", str(file), *["--views"][: int(views)])
    assert ran.code == 0, ran.err
    shell = run([PYTHON, "-c", PLAIN, str(file), *queries])

    assert shell.code == 0, shell.err
    for query, told in zip(queries, shell.out.splitlines(), strict=True):
        assert told == repr(held.sql(query, output="duckdb").fetchall())
    with duckdb.connect(str(file), read_only=True) as inside:
        rows = "SELECT count(*) FROM duckdb_tables() WHERE table_name <> 'resolutions'"
        assert (inside.sql(rows).fetchone() == (0,)) == views
        for path in held.cache_dir.rglob("*.parquet"):
            path.unlink()
        if views:
            with pytest.raises(duckdb.IOException):
                inside.sql(SHOWN).fetchall()
        else:
            assert inside.sql(SHOWN).fetchall()


def test_views_need_a_database(held, tmp_path):
    with pytest.raises(ConfigurationError, match=r"views need.*copy\.duckdb"):
        held.export(tmp_path / "copy", views=True)
    assert not (tmp_path / "copy").exists()
