"""Names, paths and headers from a server are data: none reaches a folder or SQL."""

import csv
import gzip
import io
import json
from pathlib import Path

import pytest

from cortical_cache import load_client
from cortical_cache.cli.app import run as command_line
from cortical_cache.demo.server import troubles
from cortical_cache.errors import CorticalCacheError

HOSTILE = {
    "up": "../../outside",
    "absolute": "/tmp/outside",  # noqa: S108  a name that is refused, or made harmless
    "windows": "..\\..\\outside",
    "drive": "C:outside",
    "device": "nul",
    "nul": "out\0side",
    "dot": "..",
    "sql": 'x"; DROP TABLE cell_types; --',
    "quote": "x' OR '1'='1",
    "file": "read_text('/etc/passwd')",
    "escape": "x\x1b[2J\x1b]0;owned\x07",
    "newline": "x\nforged: line",
    "bidi": "x\u202egnp.exe",
    "percent": "%2e%2e%2foutside",
    "url": "x?y=1#z&k=../w",
    "long": "x" * 5_000,
}

ASKS = {
    "table": lambda client, name: client.cached.materialize.query_table(name),
    "view": lambda client, name: client.cached.materialize.query_view(name),
    "export": lambda client, name: client.exports.get_table(name, 5),
    "metadata": lambda client, name: client.cached.materialize.get_table_metadata(name),
    "sql": lambda client, name: client.sql(f'SELECT * FROM "{name}"'),
    "schema": lambda client, name: client.cached.schema.schema_definition(name),
    "copy": lambda client, name: client.export(client.cache_dir / "c", tables=[name]),
    "dataset": lambda _, name: load_client(name),
}


@pytest.fixture
def client(server, tmp_path):
    client = load_client("demo", version=5)
    exports = tmp_path / "exports"
    exports.mkdir()
    client.set_export_cloudpath(str(exports))
    client.cached.materialize.query_table("cell_types")
    return client


def files(folder: Path) -> set[Path]:
    return {one for one in folder.rglob("*") if one.is_file()}


def is_plain(text: str) -> bool:
    return all(one.isprintable() or one == "\n" for one in text)


@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS)
def test_a_name_nobody_has_is_an_error_of_ours_and_leaves_nothing(
    ask, client, tmp_path, store_dir
):
    before = files(tmp_path) - files(store_dir)
    rows = files(client.cache_dir / "v5" / "tables")

    for name in HOSTILE.values():
        with pytest.raises((CorticalCacheError, ValueError)) as caught:
            ask(client, name)
        assert is_plain(str(caught.value))

    assert files(tmp_path) - files(store_dir) == before
    assert files(client.cache_dir / "v5" / "tables") == rows
    assert len(client.cached.materialize.query_table("cell_types")) > 0


def test_a_list_of_tables_with_such_names_does_no_harm(
    server, tmp_path, store_dir, capsys
):
    listed = troubles.garbage(json.dumps(["cell_types", *HOSTILE.values()]).encode())
    server.befall(listed.on("/version/5/tables$"))
    before = files(tmp_path) - files(store_dir)

    command_line(["sync", "demo", "5"])
    command_line(["ls", "demo"])

    said = capsys.readouterr()
    assert is_plain(said.err)
    assert is_plain(said.out.replace("\t", " "))
    assert files(tmp_path) - files(store_dir) == before


PATHS = {
    "script": "javascript:alert(1)",
    "escape": "gs://b/\x1b[2J",
    "nul": "gs://b/\0",
}


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_a_cloud_path_is_text_until_it_is_refused(path, client):
    with pytest.raises(CorticalCacheError) as caught:
        client.set_export_cloudpath(path)

    assert is_plain(str(caught.value))


def test_a_header_of_a_dump_with_such_a_name_is_refused_or_plain_text(client, tmp_path):
    folder = tmp_path / "exports" / "v5"
    folder.mkdir()
    for kind, name in HOSTILE.items():
        line = io.StringIO()
        csv.writer(line).writerows([["id", "bigint"], [name, "text"]])
        (folder / f"{kind}_header.csv").write_text(line.getvalue())
        (folder / f"{kind}.csv.gz").write_bytes(gzip.compress(b"1,a\n2,b\n"))

    for kind, name in HOSTILE.items():
        said = ""
        try:
            rows = client.exports.get_table(kind, 5)
        except CorticalCacheError as error:
            said = str(error)
        else:
            assert [*rows.columns] == ["id", name]
            assert rows[name].tolist() == ["a", "b"]
        assert is_plain(said)
