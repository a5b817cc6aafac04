"""Damage of any file is found, set aside, and only what was in it is fetched again."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cortical_cache import load_client
from cortical_cache.demo.server import troubles
from tests.kit import row_queries, same_frame

NUCLEI, TYPES, SYNAPSES = "nucleus_detection_v0", "cell_types", "synapses_demo"


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def swap(path: Path) -> None:
    """Put another file of the same kind in its place."""
    others = sorted(path.parents[2].glob(f"*/**/*{path.suffix}"))
    other = next(one for one in others if one.read_bytes() != path.read_bytes())
    path.write_bytes(other.read_bytes())


HARM: dict[str, Callable[[Path], None]] = {
    "flip": flip,
    "cut": cut,
    "delete": Path.unlink,
    "swap": swap,
}


@pytest.fixture
def client(server):
    """Return a client that holds two tables whole, and some keys of a third."""
    client = load_client("demo", version=5)
    for name in (NUCLEI, TYPES):
        client.cached.materialize.query_table(name, merge_reference=False)
    client.repositories.store.write_fact(f"row_counts.{SYNAPSES}", 10**7, 5)
    nuclei = client.cached.materialize.query_table(NUCLEI)
    roots = nuclei["pt_root_id"][nuclei["pt_root_id"] > 1][:3].tolist()
    client.query_synapses(roots, pre=True)
    server.clear_log()
    return client


def data_of(client, name: str) -> Path:
    (path,) = (client.cache_dir / "v5" / "tables" / name).glob("*.parquet")
    return path


def test_an_intact_store_has_no_damage(client, command):
    ran = command("verify", "demo", "--deep")

    assert (ran.code, ran.out) == (0, "")
    assert "no damage: sizes and checksums" in ran.err
    assert "no damage" in command("repair", "demo").err


@pytest.mark.parametrize("harm", HARM)
def test_a_damaged_table_is_found_and_fetched_again_alone(
    client, server, command, harm
):
    expected = client.cached.materialize.query_table(NUCLEI, merge_reference=False)
    del expected.attrs["cortical_cache"]
    path = data_of(client, NUCLEI)
    HARM[harm](path)

    found = command("verify", "demo", "--deep")
    assert found.code == 5
    assert str(path) in found.out
    mended = command("repair", "demo")

    assert mended.code == 0
    assert mended.out.splitlines()[1:] == [f"table {NUCLEI} v5\t1\tfetched again"]
    assert {one.path.split("/")[-2] for one in row_queries(server)} == {NUCLEI}
    assert command("verify", "demo", "--deep").code == 0
    server.clear_log()
    fresh = load_client("demo", version=5, offline=True)
    again = fresh.cached.materialize.query_table(NUCLEI, merge_reference=False)
    same_frame(again, expected)


def test_keys_come_again_and_no_others(client, server, command):
    folder = client.cache_dir / "v5" / "tables" / SYNAPSES
    held = client.repositories.rows.row_set(
        client.repositories.catalog.subject(SYNAPSES, 5)
    )
    roots = {
        key
        for one in held.state().commits
        for key in getattr(one.coverage, "values", ())
    }
    assert roots
    for path in folder.glob("*.parquet"):
        cut(path)

    assert command("repair", "demo").code == 0

    bodies = [json.loads(one.body) for one in row_queries(server)]
    asked = [one["filter_in_dict"][SYNAPSES]["pre_pt_root_id"] for one in bodies]
    assert {key for keys in asked for key in keys} == roots


@pytest.mark.parametrize("harm", ["flip", "cut"])
def test_a_damaged_commit_is_set_aside_and_named(client, server, command, harm):
    (path,) = (client.cache_dir / "v5" / "tables" / TYPES / "commits").glob("*.json")
    HARM[harm](path)

    ran = command("repair", "demo")

    assert ran.code == 5
    assert f"table {TYPES} v5" in ran.out
    assert "sync it again" in ran.out
    assert not row_queries(server)
    fresh = load_client("demo", version=5)
    assert len(fresh.cached.materialize.query_table(TYPES, merge_reference=False))
    assert row_queries(server)


def test_a_damaged_fact_is_asked_again_when_it_is_needed(client, command):
    for path in (client.cache_dir / "v5" / "facts").glob("*.json"):
        flip(path)

    assert command("verify", "demo").code == 5
    ran = command("repair", "demo", "--json")

    assert ran.code == 0
    assert all(one["is_whole"] for one in json.loads(ran.out))
    assert command("verify", "demo").code == 0
    assert list(load_client("demo", version=5).cached.materialize.get_tables())


def test_a_folder_that_does_not_say_whose_it_is_is_known_by_its_commits(
    client, command
):
    flip(client.cache_dir / "dataset.json")

    ran = command("repair", "demo")

    assert ran.code == 0
    assert "its commits show whose it is" in ran.out
    fresh = load_client("demo", version=5, offline=True)
    assert len(fresh.cached.materialize.query_table(NUCLEI, merge_reference=False))


def test_a_folder_of_another_server_is_never_claimed(
    client, start, command, monkeypatch
):
    other = start()
    folder = client.cache_dir
    strange = load_client("demo", server_address=other.url).cache_dir
    assert folder != strange
    folder.rename(strange)
    flip(strange / "dataset.json")
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", other.url)

    ran = command("repair", "demo")

    assert ran.code == 1
    assert "can no longer be told" in ran.err


def test_offline_nothing_is_fetched(client, server, command, monkeypatch):
    cut(data_of(client, NUCLEI))
    monkeypatch.setenv("CORTICAL_CACHE_OFFLINE", "1")

    ran = command("repair", "demo", "--quick")

    assert ran.code == 5
    assert "offline, so not fetched again" in ran.out
    assert not server.requests


@pytest.mark.parametrize("why", ["offline", "the server fails"])
def test_what_cannot_be_fetched_again_now_is_left_for_the_next_time(
    client, server, command, monkeypatch, why
):
    path = data_of(client, NUCLEI)
    cut(path)
    with monkeypatch.context() as then:
        if why == "offline":
            then.setenv("CORTICAL_CACHE_OFFLINE", "1")
        else:
            server.befall(troubles.gateway(500).on("/query$", times=1))
        ran = command("repair", "demo", "--quick")

    assert ran.code == 5
    assert "left as it is" in ran.out
    assert (
        path.exists()
    )  # of what the server may drop meanwhile, the rest still answers
    assert command("verify", "demo").code == 5
    assert command("repair", "demo").code == 0
    assert command("verify", "demo", "--deep").code == 0


def test_a_repair_sweeps_what_is_a_day_old(client, command):
    folder = data_of(client, NUCLEI).parent
    old, new = folder / ".old.tmp", folder / ".new.tmp"
    for path in (old, new):
        path.touch()
    os.utime(old, (0, 0))

    assert command("repair", "demo").code == 0

    assert (old.exists(), new.exists()) == (False, True)
