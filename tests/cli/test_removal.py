"""What is removed is what was shown, and nothing goes without a word."""

import json
import os

import pytest

from cortical_cache import load_client
from cortical_cache.errors import NotCachedError
from tests.kit import row_queries

NUCLEI, TYPES = "nucleus_detection_v0", "cell_types"
ALONE = {"merge_reference": False}


@pytest.fixture
def client(server):
    """Return a client that holds two tables of three versions."""
    client = load_client("demo", version=5)
    for version in (3, 4, 5):
        for name in (NUCLEI, TYPES):
            client.cached.materialize.query_table(
                name, materialization_version=version, **ALONE
            )
    server.clear_log()
    return client


def held(client) -> set[tuple[int, str]]:
    return {(one.version, one.name) for one in client.cache_status().holdings}


def test_a_table_goes_only_when_told_to(client, command, server):
    before = held(client)

    shown = command("rm", "demo", "4", TYPES)
    assert shown.code == 0
    assert shown.out.splitlines()[1].startswith(f"4\ttable\t{TYPES}\t")
    assert "would go: add --yes" in shown.err
    assert held(client) == before

    done = command("rm", "demo", "4", TYPES, "--yes")

    assert "removed 1 things" in done.err
    assert held(client) == before - {(4, TYPES)}
    assert not list((client.cache_dir / "v4" / "tables" / TYPES).glob("*.parquet"))
    assert client.repositories.upkeep.verify(deep=True) == ()
    offline = load_client("demo", version=4, offline=True)
    with pytest.raises(NotCachedError):
        offline.cached.materialize.query_table(TYPES, **ALONE)
    assert not row_queries(server)


def test_a_reader_that_is_open_asks_again(client, command, server):
    ask = client.cached.materialize.query_table
    before = ask(TYPES, **ALONE)
    command("rm", "demo", "5", "--yes")

    after = ask(TYPES, **ALONE)

    assert row_queries(server)
    assert len(after) == len(before)


def test_prune_keeps_the_newest_versions(client, command):
    plan = json.loads(command("prune", "demo", "--keep", "1", "--json").out)
    assert {one["version"] for one in plan["going"]} == {3, 4}

    command("prune", "demo", "--keep", "1", "--yes")

    assert {version for version, _ in held(client)} == {5}
    assert "nothing to remove" in command("prune", "demo", "--keep", "1").err


def test_an_expired_version_needs_a_word_of_its_own(client, command):
    expire(client, 3)

    refused = command("rm", "demo", "3", "--yes")
    assert refused.code == 1
    assert "could never be fetched again; --expired" in refused.err
    pruned = command("prune", "demo", "--keep", "0", "--yes")
    assert pruned.code == 0
    assert {version for version, _ in held(client)} == {3}

    assert command("rm", "demo", "3", "--expired", "--yes").code == 0
    assert held(client) == set()


def expire(client, version: int) -> None:
    """Keep the version's record as the server shows it once it is gone."""
    store = client.repositories.store
    record = store.read_version(version).value
    store.write_version(version, {**record, "valid": False, "status": "EXPIRED"})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("rm", "demo", "9"), "9"),
        (("rm", "demo", "5", "cel_types"), "cell_types"),
        (("prune", "demo", "--keep", "-1"), "cannot be kept"),
    ],
)
def test_what_cannot_be_meant_is_refused(client, command, arguments, said):
    ran = command(*arguments, "--yes")

    assert ran.code == 1
    assert said in ran.err
    assert len(held(client)) == 6


def test_leftovers_of_the_dataset_go_first_and_no_others(client, command, store_dir):
    other = store_dir / "other" / "v1" / "tables" / "x" / ".y.tmp"
    other.parent.mkdir(parents=True)
    litter = client.cache_dir / "v5" / "tables" / NUCLEI / ".crashed.parquet.tmp"
    for path in (other, litter):
        path.write_bytes(bytes(10**6))
        os.utime(path, (0, 0))

    shown = command("rm", "demo", "4", TYPES)
    assert "1.0 MB of it superseded" in shown.err
    assert litter.exists()
    done = command("rm", "demo", "4", TYPES, "--yes", "--json").json()

    assert done["litter"] == 10**6
    assert not litter.exists()
    assert other.exists()
    assert (4, TYPES) not in held(client)
