"""A store may lie below folders called ``column=value``: these are no columns of it."""

import gzip

import pandas as pd
import pytest

from cortical_cache import load_client

FOLDER = "id=3/pt_root_id=7/session=5"


@pytest.fixture
def client(server, tmp_path, monkeypatch):
    monkeypatch.setenv("CORTICAL_CACHE_DIR", str(tmp_path / FOLDER / "store"))
    return load_client("demo", version=5, server_address=server.url)


def test_rows_are_those_of_the_server(client):
    table = client.tables.nucleus_detection_v0
    ids = table().query()["id"].tolist()[:5]

    found = table(id=ids).query(split_positions=True)

    sent = client.cave.materialize.query_table(
        "nucleus_detection_v0",
        filter_in_dict={"id": ids},
        split_positions=True,
        materialization_version=5,
    )
    sent = sent.sort_values("id", ignore_index=True)
    pd.testing.assert_frame_equal(found, sent[found.columns])


def test_sql_sees_no_other_columns(client):
    shown = set(client.tables.nucleus_detection_v0().query(split_positions=True))

    found = client.sql("SELECT * FROM nucleus_detection_v0 ORDER BY id")

    assert shown - {"valid"} <= set(found)
    assert "session" not in found
    assert found["id"].nunique() == len(found) > 5


def test_versions_are_compared(client):
    diff = client.diff("nucleus_detection_v0", 4, 5)

    assert diff.changes.rows_new == len(client.tables.nucleus_detection_v0().query())


def test_exports_are_read(client, tmp_path):
    folder = tmp_path / "dumps" / "v5"
    folder.mkdir(parents=True)
    (folder / "mine_header.csv").write_text("id,bigint\npt_root_id,bigint\n")
    with gzip.open(folder / "mine.csv.gz", "wt") as dump:
        dump.write("1,5\n2,7\n")
    client.set_export_cloudpath(str(folder.parent))

    found = client.exports.get_table("mine", 5)

    assert found.to_numpy().tolist() == [[1, 5], [2, 7]]
