"""A dump that PostgreSQL and PostGIS wrote: `postgres/make.sh` says how."""

import csv
import shutil
from pathlib import Path

import pytest

from cortical_cache import load_client

POSTGRES = Path(__file__).parent / "postgres"


def number(text: str) -> float | None:
    return float(text) if text else None


@pytest.fixture
def client(server, dumps):
    shutil.copytree(POSTGRES / "v5", dumps / "v5")
    client = load_client("demo", version=5)
    client.set_export_cloudpath(str(dumps))
    return client


def test_every_value_is_what_postgresql_prints(client):
    with (POSTGRES / "values.csv").open(encoding="utf-8") as file:
        expected = list(csv.reader(file))

    rows = client.exports.get_table("pg_dump", 5, output="arrow").to_pylist()

    assert [row["id"] for row in rows] == [int(line[0]) for line in expected]
    for row, line in zip(rows, expected, strict=True):
        axes = [f"{name}_position_{axis}" for name in ("pt", "srid") for axis in "xyz"]
        assert [row[name] for name in axes] == [number(one) for one in line[1:7]]
        assert str(row["pt_root_id"]).replace("None", "") == line[7]
        assert str(row["valid"]).lower() == line[8]
        # NaN is not equal to itself: compare how the numbers are written
        assert str(row["volume"]) == str(number(line[9]))
        assert row["size"] == (int(line[10]) if line[10] else None)
        assert row["created"].strftime("%Y-%m-%d %H:%M:%S.%f") == line[11]
        text = None if line[13] == "t" else bytes.fromhex(line[12]).decode()
        assert row["tag"] == text
        assert row["deleted"] is None


def test_its_types_are_those_of_the_header(client):
    table = client.exports.get_table("pg_dump", 5)

    assert {name: str(kind) for name, kind in table.dtypes.items()} == {
        "id": "Int64",
        "created": "datetime64[us, UTC]",
        "deleted": "datetime64[us, UTC]",
        "superceded_id": "Int64",
        "valid": "boolean",
        "tag": "string",
        "size": "Int32",
        "volume": "float64",
        **{f"pt_position_{axis}": "float64" for axis in "xyz"},
        **{f"srid_position_{axis}": "float64" for axis in "xyz"},
        "pt_root_id": "Int64",
    }
