"""The project's own questions, in Python and on the command line."""

import csv
import io
import json
import os
import sys
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cortical_cache.errors import InvalidQueryError, UnknownNameError
from cortical_cache.queries import queries
from tests.kit import run

ROOT = Path(__file__).parents[2]


@pytest.fixture
def roots(client) -> list[int]:
    query = "SELECT root_id FROM cell_ids WHERE root_id > 0 ORDER BY cell_id LIMIT 60"
    return client.sql(query)["root_id"].tolist()


@pytest.fixture
def synapses(client) -> pd.DataFrame:
    """Return every synapse between two different roots, by caveclient's columns."""
    found = client.tables.synapses_demo().query(split_positions=True)
    for end in ("pre_pt_root_id", "post_pt_root_id"):  # 1 is how CAVE shows NULL
        found[end] = found[end].replace(1, pd.NA)
    pre, post = found["pre_pt_root_id"], found["post_pt_root_id"]
    return found[(pre != post).fillna(value=True)]


def test_connectivity_counts_the_synapses_between_two_sets(client, roots, synapses):
    found = client.sql(name="connectivity", params={"pre": roots, "post": roots[5:]})
    between = synapses[
        synapses["pre_pt_root_id"].isin(roots)
        & synapses["post_pt_root_id"].isin(roots[5:])
    ]
    expected = between.groupby(["pre_pt_root_id", "post_pt_root_id"]).size()

    assert len(found) > 20
    assert found.dtypes.astype(str).tolist() == ["Int64"] * 3
    keyed = found.set_index(["pre_pt_root_id", "post_pt_root_id"])["n_synapses"]
    assert keyed.to_dict() == expected.to_dict()


def test_degrees_count_synapses_and_partners_zeros_included(client, roots, synapses):
    found = client.sql(name="degrees", params={"roots": [*roots, 1, roots[0]]})
    found = found.set_index("root_id")
    pre, post = synapses["pre_pt_root_id"], synapses["post_pt_root_id"]

    assert len(found) == len(set(roots)) + 1
    assert found.loc[1].tolist() == [0, 0, 0, 0]
    for root in roots[:10]:
        ins, outs = pre[post == root].dropna(), post[pre == root].dropna()
        told = found.loc[root]
        assert told["n_in"] == (post == root).sum()
        assert told["n_out"] == (pre == root).sum()
        assert told["in_partners"] == len({*ins} - {0})
        assert told["out_partners"] == len({*outs} - {0})


def test_type_pairs_count_only_roots_of_one_cell_and_one_type(client, synapses):
    found = client.sql(name="type_pairs", params={"cell_types": "cell_types"})
    types = client.sql("SELECT target_id, cell_type FROM cell_types")
    ids = client.sql("SELECT cell_id, root_id FROM cell_ids WHERE root_id > 0")
    joined = ids.merge(types, how="left", left_on="cell_id", right_on="target_id")
    cells = joined.groupby("root_id")["cell_id"].agg(set)
    named = joined.dropna().groupby("root_id")["cell_type"].agg(set)
    typed = {
        root: min(names)
        for root, names in named.items()
        if len(names) == 1 and len(cells[root]) == 1
    }
    pre = synapses["pre_pt_root_id"].map(typed)
    post = synapses["post_pt_root_id"].map(typed)
    both = pre.notna() & post.notna()
    expected = Counter(zip(pre[both], post[both], strict=True))

    assert len(found) > 20
    for row in found.itertuples():
        assert row.n_synapses == expected.pop((row.pre_type, row.post_type))
    assert not expected
    assert (found["n_pairs"] <= found["n_synapses"]).all()


def test_changed_roots_are_those_of_the_diff(client):
    found = client.sql(name="changed_roots", params={"old": 4, "new": "v5"})
    changes = client.diff(None, 4, 5).cells.to_frame()
    changed = changes[changes["change"] == "changed"]
    one_entry = changed[(changed[["root_id_old", "root_id_new"]] > 0).all(axis=1)]

    told = found.dropna().set_index("cell_id")
    assert told["old_root_id"].to_dict() == one_entry["root_id_old"].to_dict()
    assert told["new_root_id"].to_dict() == one_entry["root_id_new"].to_dict()
    assert len(told) > 0


def test_cell_ids_of_some_cells(client):
    cells = client.sql("SELECT cell_id FROM cell_ids ORDER BY 1 LIMIT 5")["cell_id"]
    found = client.sql(name="cell_ids", params={"cells": [*cells, 5]})

    assert found["cell_id"].tolist() == sorted(cells)


def test_an_overview_leaves_root_0_and_null_out(client):
    found = client.sql(
        name="table_overview", params={"subject": "v4.nucleus_detection_v0"}
    )
    rows = client.tables.nucleus_detection_v0().query(materialization_version=4)
    roots = client.sql("SELECT pt_root_id FROM v4.nucleus_detection_v0")["pt_root_id"]
    rooted = roots[roots.notna() & (roots != 0)]

    counts = rooted.value_counts()
    assert found.iloc[0].tolist() == [
        len(rows), len(rooted), len(counts), counts.max()
    ]  # fmt: skip
    assert len(rooted) < len(rows)


@pytest.mark.parametrize(
    ("name", "params", "told"),
    [
        ("connectivity", {"pre": [1]}, "needs post: root ids"),
        ("connectivity", {"pre": [1], "post": [1], "x": 1}, "has no parameter x"),
        ("changed_roots", {"old": "five", "new": 5}, "old is a version such as"),
        ("table_overview", {"subject": "a.b.c.d"}, "no table"),
        ("table_overview", {}, "needs subject"),
    ],
)
def test_wrong_parameters_are_named(name, params, told, client):
    with pytest.raises(InvalidQueryError, match=told):
        client.sql(name=name, params=params)


def test_a_name_that_there_is_not_is_met_with_those_there_are(client):
    with pytest.raises(UnknownNameError, match="connectivity"):
        client.sql(name="connect")
    with pytest.raises(InvalidQueryError, match="give a statement, or the name"):
        client.sql("SELECT 1", name="connectivity")


@pytest.mark.parametrize("query", queries(), ids=lambda one: one.name)
def test_a_query_is_documented(query):
    assert query.question.endswith("?")
    assert query.parameters
    assert query.columns.endswith(".")
    for one in query.parameters:
        assert one.meaning.endswith(".")


def test_every_column_is_documented(client, roots):
    params = {
        "pre": roots, "post": roots, "roots": roots, "cells": [1], "old": 4, "new": 5,
        "cell_types": "cell_types", "subject": "nucleus_detection_v0",
    }  # fmt: skip
    for query in queries():
        if query.name in {"proofread_depth", "soma_depths"}:
            continue  # the demo has no transform; see test_units
        given = {one.name: params[one.name] for one in query.parameters if one.required}
        rows = client.sql(name=query.name, params=given, output="arrow")
        for column in rows.column_names:
            assert column in query.columns, query.name


SHELL = """
import json, os, sys
os.chdir(sys.argv[1])
import duckdb
import cortical_cache.queries as named
assert "cortical_cache.client" not in sys.modules
given = json.load(open("given.json"))
shell = duckdb.connect()
shell.execute("SET TimeZone = 'UTC'")
shell.execute(named.macros())
shell.execute("CREATE MACRO resolution(t) AS {'x': 4.0, 'y': 4.0, 'z': 40.0}")
shell.execute("CREATE MACRO soma_depth(p) AS minnie_depth(p)")
for name, files in given["tables"].items():
    schema = name.rpartition(".")[0] or "main"
    shell.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    shell.execute(f"CREATE VIEW {name} AS FROM read_parquet({files!r})")
print(named.__file__)
for one in named.queries():
    for key in shell.execute(
        "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'keys'"
    ).fetchall():
        shell.execute(f"DROP TABLE keys.{key[0]}")
    shell.execute("CREATE SCHEMA IF NOT EXISTS keys")
    for key, ids in given["keys"].items():
        shell.execute(f"CREATE TABLE keys.{key} AS SELECT unnest({ids!r}) AS id")
    shell.sql(one.text).write_parquet(f"{one.name}.parquet")
"""


@pytest.fixture
def shell_ground(client, roots, tmp_path) -> tuple[Path, dict[str, pa.Table]]:
    """Return a folder with plain files for a shell, and what the client answers."""
    cells = client.sql("SELECT cell_id FROM cell_ids ORDER BY 1 LIMIT 9")["cell_id"]
    plain = {
        "synapses": "SELECT * FROM synapses_demo",
        "cell_types": "SELECT * FROM cell_types",
        "subject": "SELECT * FROM nucleus_detection_v0",
        "nuclei": "SELECT * FROM nucleus_detection_v0",
        "proofreading": "SELECT * FROM proofreading_status_and_strategy",
        "cell_ids": "SELECT * FROM cell_ids",
        '"old".cell_ids': "SELECT * FROM v4.cell_ids",
        '"new".cell_ids': "SELECT * FROM cell_ids",
    }
    tables = {}
    for number, (name, query) in enumerate(plain.items()):
        file = tmp_path / f"table{number}.parquet"
        pq.write_table(client.sql(query, output="arrow"), file)
        tables[name] = [str(file)]
    keys = {"pre": roots, "post": roots, "roots": roots, "cells": cells.tolist()}
    given = {"tables": tables, "keys": keys}
    (tmp_path / "given.json").write_text(json.dumps(given))
    params = {
        **keys, "old": 4, "new": 5, "cell_types": "cell_types",
        "subject": "nucleus_detection_v0",
    }  # fmt: skip
    expected = {}
    for query in queries():
        if "soma_depth(" in query.text:
            continue  # the demo has no transform; see test_units
        given = {one.name: params[one.name] for one in query.parameters if one.required}
        expected[query.name] = client.sql(name=query.name, params=given, output="arrow")
    return tmp_path, expected


def same_as_in_a_shell(ground, place: str) -> str:
    """Run all queries in a DuckDB of its own; return where they were found."""
    folder, expected = ground
    ran = run([sys.executable, "-c", SHELL, str(folder)], PYTHONPATH=place)
    assert ran.code == 0, ran.err
    for name, rows in expected.items():
        found = pq.read_table(folder / f"{name}.parquet")
        assert rows.num_rows > 0
        assert found.to_pydict() == rows.to_pydict(), name
    for query in queries():
        assert (folder / f"{query.name}.parquet").exists()
        assert query.name in expected or "soma_depth(" in query.text
    return ran.out.strip()


def test_every_query_of_an_editable_install_runs_in_any_duckdb(shell_ground):
    place = same_as_in_a_shell(shell_ground, os.environ["PYTHONPATH"])

    assert place == str(ROOT / "cortical_cache" / "queries.py")


def test_every_query_of_a_wheel_runs_in_any_duckdb(shell_ground, tmp_path):
    pytest.importorskip("hatchling", reason="needs hatchling, of the extra test")
    wheels = tmp_path / "wheels"
    built = run(
        [
            sys.executable, "-m", "pip", "wheel", "-q", "--no-deps",
            "--no-build-isolation", "-w", str(wheels), str(ROOT),
        ],
    )  # fmt: skip
    assert built.code == 0, built.err
    (wheel,) = wheels.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")

    place = same_as_in_a_shell(shell_ground, str(tmp_path / "site"))

    assert place == str(tmp_path / "site" / "cortical_cache" / "queries.py")


QUERY = (
    "SELECT id, pt_root_id, [id] AS l, 'a,\"b' AS t, NULL AS n FROM "
    "nucleus_detection_v0 ORDER BY pt_root_id NULLS FIRST, id LIMIT 30"
)


@pytest.mark.parametrize("form", ["table", "csv", "json", "parquet", "arrow"])
def test_every_format_keeps_ids_and_null(form, client, command, tmp_path):
    expected = client.sql(QUERY, output="arrow")
    ids = expected["pt_root_id"].to_pylist()
    assert None in ids
    assert max(one or 0 for one in ids) > 2**59
    path = tmp_path / "rows.out"
    to_file = [] if form == "table" else ["--output", str(path)]

    ran = command("sql", "demo@5", QUERY, "--format", form, *to_file)

    assert ran.code == 0, ran.err
    match form:
        case "parquet":
            assert pq.read_table(path)["pt_root_id"].to_pylist() == ids
        case "arrow":
            with pa.memory_map(str(path)) as file:
                assert pa.ipc.open_file(file).read_all().equals(expected)
        case "json":
            rows = json.loads(path.read_text())
            assert [row["pt_root_id"] for row in rows] == ids
            assert rows[0]["l"] == [rows[0]["id"]]
            assert rows[0]["n"] is None
        case "csv":
            rows = list(csv.DictReader(io.StringIO(path.read_text())))
            assert [int(row["pt_root_id"] or -1) for row in rows] == [
                -1 if one is None else one for one in ids
            ]
            assert rows[0]["t"] == 'a,"b'
        case _:
            heading, *rows = ran.out.splitlines()
            assert heading.split("\t") == expected.column_names
            assert [row.split("\t")[1] for row in rows] == [
                "" if one is None else str(one) for one in ids
            ]


def test_a_suffix_says_the_format_and_a_failure_leaves_the_file(
    client, command, tmp_path
):
    path = tmp_path / "rows.parquet"

    assert command("sql", "demo@5", "SELECT 1 AS a", "--output", str(path)).code == 0
    before = path.read_bytes()
    ran = command("sql", "demo@5", "SELECT b", "--output", str(path))

    assert pq.read_table(path).to_pydict() == {"a": [1]}
    assert (ran.code, path.read_bytes()) == (1, before)
    assert ran.err.count("\n") == 1
    assert [*tmp_path.glob(".*.partial")] == []


def test_a_statement_comes_from_standard_input(client, command, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("SELECT $a + 1 AS b"))

    ran = command("sql", "demo@5", "-", "--param", "a=864691135000000002")

    assert ran.out == "b\n864691135000000003\n"


def test_a_named_query_takes_its_parameters_from_the_command(client, command, roots):
    ran = command(
        "sql", "demo@5", "--name", "connectivity", "--format", "json",
        "--param", "pre=" + ",".join(map(str, roots)),
        "--param", f"post={json.dumps(roots)}",
    )  # fmt: skip
    ours = client.sql(name="connectivity", params={"pre": roots, "post": roots})

    assert ran.json() == [
        {key: int(value) for key, value in row.items()}
        for row in ours.astype(object).to_dict("records")
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["demo@five", "SELECT 1"], "'five' is no version"),
        (["demo@5"], "give a statement, or the name of a query"),
        (["demo@5", "SELECT 1", "--param", "a"], "write NAME=VALUE"),
        (["demo@5", "DROP TABLE x"], "only one SELECT"),
    ],
)
def test_a_wrong_command_is_met_with_one_line(arguments, told, client, command):
    ran = command("sql", *arguments)

    assert ran.code == 1
    assert told in ran.err
    assert ran.err.count("\n") == 1


def test_the_queries_are_listed_with_their_parameters(command):
    ran = command("queries")
    listed = command("queries", "--json").json()

    assert "connectivity\tpre=ids post=ids [synapses=table]\tHow many" in ran.out
    assert {one["name"] for one in listed} == {one.name for one in queries()}
    assert np.all([one["sql"] for one in listed])


def test_the_client_lists_them_too(client):
    assert client.queries().loc["degrees", "parameters"] == (
        "roots=ids [synapses=table]"
    )
