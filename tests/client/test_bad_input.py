"""What cannot be is told in one line that says what to do."""

import pytest

from cortical_cache import load_client
from cortical_cache.errors import (
    InvalidQueryError,
    NotAuthorizedError,
    ServerUnavailableError,
    StoreMismatchError,
    UnknownNameError,
)

BAD_NAMES = ["../../etc/passwd", "a/b", "", ".", "..", "x" * 300, "a\0b", "a b", "\n"]


@pytest.fixture
def client(server):
    return load_client("demo", version=5)


def one_line(error: BaseException) -> str:
    text = str(error)
    assert "\n" not in text
    assert len(text) < 600
    return text


def test_a_table_names_its_neighbours(client):
    with pytest.raises(UnknownNameError, match="there are cell_types") as caught:
        client.tables.cell_type  # noqa: B018  it is the access that asks
    assert isinstance(caught.value, AttributeError)

    with pytest.raises(UnknownNameError, match="there are cell_types"):
        client.cached.materialize.query_table("cell_type")


def test_a_view_names_its_neighbours(client):
    with pytest.raises(UnknownNameError, match="there are synapse_counts"):
        client.cached.materialize.query_view("synapse_count")


@pytest.mark.parametrize(
    "asked",
    [
        {"filter_equal_dict": {"cell_typ": "23P"}},
        {"filter_in_dict": {"cell_typ": ["23P"]}},
        {"select_columns": ["cell_typ"]},
    ],
)
def test_a_column_names_its_neighbours(asked, client):
    with pytest.raises(UnknownNameError, match="cell_type") as caught:
        client.cached.materialize.query_table("cell_types", **asked)

    assert "cell_typ'" in one_line(caught.value)


def test_a_filter_of_the_table_manager_names_its_neighbours(client):
    with pytest.raises(UnknownNameError, match="there are cell_type"):
        client.tables.cell_types(cell_typ="23P")


@pytest.mark.parametrize("name", BAD_NAMES)
@pytest.mark.parametrize("offline", [False, True])
def test_a_table_name_is_never_a_path(offline, name, server, store_dir):
    load_client("demo", version=5).tables.cell_types().query()
    load_client("demo", version=5).views  # noqa: B018  its list is looked at, too
    before = {path for path in store_dir.parent.rglob("*") if path.is_file()}
    client = load_client("demo", version=5, offline=offline)

    with pytest.raises((UnknownNameError, InvalidQueryError)) as caught:
        client.cached.materialize.query_table(name)

    one_line(caught.value)
    after = {path for path in store_dir.parent.rglob("*") if path.is_file()}
    assert after == before


def test_an_unreachable_server(monkeypatch):
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", "http://127.0.0.1:9")

    with pytest.raises(ServerUnavailableError, match="are you online"):
        load_client("demo").tables  # noqa: B018  it is the access that asks


WRONG = "0badc0de" * 4


@pytest.mark.parametrize("token", [WRONG, None])
@pytest.mark.parametrize("known", [False, True])
def test_a_wrong_or_missing_token_is_never_shown(
    known, token, server, home, caplog, capfd
):
    if known:
        load_client("demo").tables.cell_types().query()
    (file,) = home.rglob("*cave-secret.json")
    right = server.token
    if token is None:
        file.unlink()
    else:
        file.write_text(f'{{"token": "{token}"}}')
    caplog.set_level(0)

    with pytest.raises(NotAuthorizedError, match="cortical-cache login") as caught:
        load_client("demo").tables.nucleus_scores().query()

    out, err = capfd.readouterr()
    shown = one_line(caught.value) + repr(caught.value) + caplog.text + out + err
    assert WRONG not in shown
    assert right not in shown


def test_a_store_of_another_server_is_refused(start, store_dir, cave_world):
    first, second = start(), start()
    one = load_client("demo", server_address=first.url, version=5)
    one.tables.cell_types().query()
    other = load_client("demo", server_address=second.url, version=5)
    other.cache_dir.parent.mkdir(parents=True, exist_ok=True)
    one.cache_dir.rename(other.cache_dir)

    with pytest.raises(StoreMismatchError, match=first.url) as caught:
        load_client("demo", server_address=second.url).cache_status()

    assert second.url in one_line(caught.value)


def test_two_servers_share_no_rows(start, store_dir):
    first, second = start(), start()
    load_client("demo", server_address=first.url).tables.cell_types().query()
    second.clear_log()

    there = load_client("demo", server_address=second.url)
    there.tables.cell_types().query()

    assert second.requests
    assert {one.source for one in there.cache_status().holdings} == {second.url}


def test_a_server_declared_the_same_shares_rows(start):
    first, second = start(), start()
    here = load_client("demo", server_address=first.url, same_data=True)
    here.tables.cell_types().query()
    second.clear_log()

    there = load_client("demo", server_address=second.url, version=5, same_data=True)
    there.tables.cell_types().query()

    assert not second.requests


@pytest.mark.parametrize(
    "asked",
    [
        {"limit": -1},
        {"filter_in_dict": {"id": [1.5]}},
        {"filter_spatial_dict": {"pt_position": [[5, 5, 5], [1, 1, 1]]}},
        {"desired_resolution": [1, 1]},
        {"filter_in_dict": {"id": [float(2**60)]}},
    ],
)
def test_a_question_without_meaning(asked, client):
    with pytest.raises(InvalidQueryError) as caught:
        client.cached.materialize.query_table("nucleus_detection_v0", **asked)

    one_line(caught.value)
