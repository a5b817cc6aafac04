"""How a question would be answered, found out without the network."""

from pathlib import Path

import pytest

from cortical_cache import load_client
from cortical_cache.errors import InvalidQueryError
from cortical_cache.model.arguments import table_query


@pytest.fixture
def client(start):
    cave = start(row_cap=5_000)
    client = load_client("demo", version=5, server_address=cave.url)
    client.tables.nucleus_detection_v0().query()
    cave.clear_log()
    yield client
    assert not cave.requests


def test_what_is_held_is_local_and_names_its_files(client):
    found = client.explain(client.tables.nucleus_detection_v0(volume={">": 100}))

    assert found.route == "local"
    assert [Path(file).suffix for file in found.files] == [".parquet"]
    assert found.rows == 561
    assert found.nbytes == Path(found.files[0]).stat().st_size


def test_what_is_not_held_would_be_fetched(client):
    found = client.explain(client.tables.nucleus_scores())

    assert (found.route, found.files) == ("fetch", ())
    assert "nucleus_scores is not held" in found.reason


def test_a_limit_would_be_passed_on(client):
    found = client.explain(client.tables.nucleus_scores(), limit=3)

    assert (found.route, found.reason) == (
        "pass-through",
        "a limit needs only some rows of nucleus_scores",
    )


def test_a_query_value_is_explained_too(client):
    query = table_query("nucleus_detection_v0", datastack="demo", version=5)

    assert client.explain(query).route == "local"


def test_another_version_is_another_question(client):
    asked = client.tables.nucleus_detection_v0()

    assert client.explain(asked, materialization_version=4).route == "fetch"


def test_what_is_no_question_is_refused(client):
    with pytest.raises(InvalidQueryError, match=r"without \.query\(\)"):
        client.explain(5)
