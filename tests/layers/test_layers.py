"""A team's store under one's own: read by all, changed by nobody."""

import gzip
import os
import stat
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cortical_cache import load_client
from cortical_cache.errors import NotCachedError, StoreMismatchError
from cortical_cache.model.coverage import Whole
from cortical_cache.store import Store
from cortical_cache.store.adopt import adopt
from tests.kit import row_queries
from tests.store.kit import CORTEX, PROVENANCE, SHAPE, table

NUCLEI, TYPES = "nucleus_detection_v0", "cell_types"

Snapshot = dict[str, tuple[bytes | None, int, int]]


def snapshot(folder: Path) -> Snapshot:
    """Return every byte, date and mode under a folder."""
    return {
        str(path.relative_to(folder)): (
            path.read_bytes() if path.is_file() else None,
            path.stat().st_mtime_ns,
            path.stat().st_mode,
        )
        for path in sorted([folder, *folder.rglob("*")])
    }


def ask(client, name: str, version: int = 5):
    return client.cached.materialize.query_table(
        name, materialization_version=version, merge_reference=False
    )


@pytest.fixture
def team(server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a store with cell types, some synapses and roots, below an empty one."""
    folder = tmp_path / "team"
    monkeypatch.setenv("CORTICAL_CACHE_DIR", str(folder))
    client = load_client("demo", version=5)
    ask(client, TYPES)
    roots = known_roots(client)
    fetch_synapses(client, roots[:2])
    client.cached.chunkedgraph.get_root_timestamps(roots[:3])
    monkeypatch.setenv("CORTICAL_CACHE_DIR", str(tmp_path / "store"))
    monkeypatch.setenv("CORTICAL_CACHE_TEAM_DIR", str(folder))
    server.clear_log()
    return folder


def fetch_synapses(client, roots: list[int]) -> None:
    """Fetch the synapses onto some roots, as far as they are not held."""
    of = client.repositories
    subject = of.catalog.subject("synapses_demo", 5)
    of.rows.fetch_keys(subject, "post_pt_root_id", frozenset(roots))


def known_roots(client) -> list[int]:
    nuclei = client.views.nucleus_detection_lookup().query()
    return sorted({int(one) for one in nuclei["pt_root_id"].dropna()} - {0})


def test_a_hit_comes_from_the_layer_below_and_says_so(team, server, store_dir):
    before = snapshot(team)
    client = load_client("demo", version=5, offline=True)

    frame = ask(client, TYPES)

    assert len(frame) == 512
    assert frame.attrs["cortical_cache"]["layers"] == ["team"]
    assert client.last_source.layers == ("team",)
    assert client.sql("SELECT count(*) AS n FROM cell_types")["n"].tolist() == [512]
    assert client.version == 5
    assert not server.requests
    assert snapshot(team) == before


def test_a_miss_is_fetched_into_ones_own(team, server, store_dir):
    before = snapshot(team)
    client = load_client("demo", version=5)

    frame = ask(client, NUCLEI)
    ask(client, TYPES)

    assert frame.attrs["cortical_cache"]["layers"] == ["own"]
    assert row_queries(server)
    assert all(NUCLEI in one.path for one in row_queries(server))
    store = client.repositories.store
    assert store.rows("table", NUCLEI, 5).own_state().is_whole
    assert not store.rows("table", TYPES, 5).own_state().exists
    assert snapshot(team) == before


def test_keys_of_both_layers_answer_one_question(team, server):
    before = snapshot(team)
    client = load_client("demo", version=5)
    roots = known_roots(client)
    server.clear_log()

    fetch_synapses(client, roots[:4])

    asked = b"".join(one.body or b"" for one in row_queries(server)).decode()
    assert [str(one) in asked for one in roots[:4]] == [False, False, True, True]
    reader = load_client("demo", version=5, offline=True)
    found = reader.cached.materialize.query_table(
        "synapses_demo",
        filter_in_dict={"post_pt_root_id": roots[:4]},
        merge_reference=False,
    )
    assert reader.last_source.layers == ("own", "team")
    assert found["id"].is_unique
    whole = ask(client, "synapses_demo")
    expected = whole[whole["post_pt_root_id"].isin(roots[:4])]
    assert sorted(found["id"]) == sorted(expected["id"])
    assert len(found) > 0
    assert snapshot(team) == before


def test_the_whole_in_ones_own_supersedes_parts_below(team, server):
    before = snapshot(team)
    client = load_client("demo", version=5)
    store = client.repositories.store

    ask(client, "synapses_demo")

    state = store.rows("table", "synapses_demo", 5).state()
    assert state.is_whole
    assert len(state.commits) == 1
    assert snapshot(team) == before
    client.clear_cache("synapses_demo", yes=True)
    state = store.rows("table", "synapses_demo", 5).state()
    assert state.exists  # the team's part counts again
    assert not state.is_whole


def test_facts_of_roots_come_from_both(team, server):
    before = snapshot(team)
    client = load_client("demo", version=5, offline=True)
    roots = known_roots(client)

    client.cached.chunkedgraph.get_root_timestamps(roots[:3])

    with pytest.raises(NotCachedError):
        client.cached.chunkedgraph.get_root_timestamps(roots[:9])
    online = load_client("demo", version=5)
    online.cached.chunkedgraph.get_root_timestamps(roots[:9])
    client.cached.chunkedgraph.get_root_timestamps(roots[:9])
    assert snapshot(team) == before


def test_nodes_of_skeletons_come_from_both(team, server, monkeypatch, tmp_path):
    nodes = "SELECT DISTINCT root_id FROM graph.skeleton_nodes"
    monkeypatch.setenv("CORTICAL_CACHE_DIR", str(team))
    theirs = load_client("demo", version=5)
    roots = known_roots(theirs)
    theirs.get_skeletons(roots[:1])
    theirs.sql(nodes)
    theirs.get_skeletons(roots[1:2])  # whose nodes they have not made rows of
    before = snapshot(team)
    monkeypatch.setenv("CORTICAL_CACHE_DIR", str(tmp_path / "store"))
    client = load_client("demo", version=5)

    assert {*client.sql(nodes)["root_id"]} == {*roots[:2]}
    client.get_skeletons(roots[1:4])
    assert {*client.sql(nodes)["root_id"]} == {*roots[:4]}
    once = "SELECT count(*) AS n, count(DISTINCT (root_id, node)) AS m FROM "
    counted = client.sql(f"{once} graph.skeleton_nodes").iloc[0]
    assert counted["n"] == counted["m"]
    assert snapshot(team) == before


def test_ls_names_the_layer_and_nothing_of_it_is_removed(team, command, server):
    before = snapshot(team)
    ask(load_client("demo", version=5), NUCLEI)

    held = {one["name"]: one["layers"] for one in command("ls", "--json").json()}
    assert held[TYPES] == ["team"]
    assert held[NUCLEI] == ["own"]
    assert "(in team)" in command("ls").out
    assert str(team) in command("info", "demo").out
    assert command("rm", "demo", "5", TYPES, "--yes").code == 1  # not one's own
    command("prune", "--max-size", "0", "--yes")
    command("refresh", "demo", "5", TYPES, "--yes")
    command("invalidate", "demo", "--yes")
    command("lock", "demo", "5", TYPES)
    command("pin", "demo", "5")
    command("verify", "--deep")

    assert snapshot(team) == before
    assert [
        one for one in command("du", "--json").json() if one["subject"] == "views"
    ] == []


def test_what_is_fetched_below_later_is_seen(team, server, monkeypatch):
    client = load_client("demo", version=5, offline=True)
    with pytest.raises(NotCachedError):
        ask(client, NUCLEI)

    with monkeypatch.context() as theirs:
        theirs.setenv("CORTICAL_CACHE_DIR", str(team))
        theirs.delenv("CORTICAL_CACHE_TEAM_DIR")
        ask(load_client("demo", version=5), NUCLEI)

    assert len(ask(client, NUCLEI)) > 0


def test_a_layer_of_another_server_is_refused(tmp_path):
    Store(tmp_path / "a").dataset("x", datastack="x", server="http://a").bind()
    upper = Store(tmp_path / "b", layers=[tmp_path / "a"])

    with pytest.raises(StoreMismatchError):
        upper.dataset("x", datastack="x", server="http://b").versions()


def test_a_layer_that_is_not_there_holds_nothing(server, tmp_path, monkeypatch):
    monkeypatch.setenv("CORTICAL_CACHE_TEAM_DIR", str(tmp_path / "gone"))

    assert len(ask(load_client("demo", version=5), TYPES)) == 512
    assert not (tmp_path / "gone").exists()


def test_layers_come_from_the_configuration_too(tmp_path, monkeypatch):
    from cortical_cache.settings import read_settings

    config = tmp_path / "config.toml"
    config.write_text('layers = ["/shared/one", "/shared/two"]\n')
    environment = {"CORTICAL_CACHE_CONFIG": str(config)}

    read = read_settings(environment=environment).layers
    assert read == (Path("/shared/one"), Path("/shared/two"))
    environment["CORTICAL_CACHE_TEAM_DIR"] = os.pathsep.join(["/a", "/b"])
    assert read_settings(environment=environment).layers == (Path("/a"), Path("/b"))


def test_invalidated_facts_of_a_layer_below_are_asked_again(team, server):
    load_client("demo", version=5).cached.materialize.get_tables()
    before = snapshot(team)
    client = load_client("demo", version=5)
    assert "tables of v5" in repr(client.invalidate_cache())
    server.clear_log()
    client.cached.materialize.get_tables()
    assert not server.requests  # fresh enough

    client.invalidate_cache(yes=True)

    for again in (client, load_client("demo", version=5)):
        server.clear_log()
        again.cached.materialize.get_tables()
        assert bool(server.requests) == (again is client)  # once, then it is held
    assert snapshot(team) == before


def test_facts_that_the_command_invalidates_are_asked_by_whoever_comes_next(
    team, server, command
):
    before = snapshot(team)
    told = command("invalidate", "demo", "5", "--yes")
    assert "tables of v5" in told.err
    assert command("invalidate", "demo", "5").err.count("tables of v5") == 0
    server.clear_log()

    load_client("demo", version=5).cached.materialize.get_tables()

    assert server.requests
    assert snapshot(team) == before


def two_layers(tmp_path: Path):
    """Return a dataset below, and the same one with a layer of its own above."""
    of = {"datastack": "x", "server": "http://x"}
    below = Store(tmp_path / "team").dataset("x", **of)
    above = Store(tmp_path / "own", layers=[tmp_path / "team"]).dataset("x", **of)
    return below, above


def test_objects_are_read_below_and_written_above(tmp_path):
    below, above = two_layers(tmp_path)
    below.objects("skeletons", "v4").write("1", gzip.compress(b"below"))
    before = snapshot(tmp_path / "team")

    objects = above.objects("skeletons", "v4")
    assert "1" in objects
    assert objects.read("1") == b"below"
    objects.write("2", gzip.compress(b"above"))

    assert objects.read("2") == b"above"
    assert objects.read("3") is None
    assert snapshot(tmp_path / "team") == before  # not even the date of its use
    with pytest.raises(PermissionError):
        above.below[0].write_fact("a", 1)


def test_files_of_a_layer_are_copied_where_ones_own_would_be_shared(tmp_path):
    below, above = two_layers(tmp_path)
    commit = append_to(below.rows("export", "dump", 5))
    before = snapshot(tmp_path / "team")

    adopt(
        above.rows("table", "synapses", 5),
        above.rows("export", "dump", 5),
        commit,
        shape=commit.shape,
        coverage=commit.coverage,
        provenance=commit.provenance,
    )

    ours = above.rows("table", "synapses", 5)
    assert ours.state().is_whole
    assert snapshot(tmp_path / "team") == before
    modes = {stat.S_IMODE(one.stat().st_mode) for one in ours.folder.rglob("*.*")}
    assert modes == {0o600}  # as every file of ours, whatever made it


def test_the_newest_fact_of_all_layers_is_served(tmp_path):
    below, above = two_layers(tmp_path)
    day = datetime(2026, 1, 1, tzinfo=UTC)
    below.write_fact("tables", "below", 5, day)
    assert above.read_fact("tables", 5).value == "below"
    assert above.versions() == (5,)

    above.write_fact("tables", "above", 5, day + timedelta(days=1))
    assert above.read_fact("tables", 5).value == "above"

    below.write_fact("tables", "later", 5, day + timedelta(days=2))
    assert above.read_fact("tables", 5).value == "later"


def append_to(row_set, supersedes: Sequence[str] = ()):
    return row_set.append(
        table(CORTEX),
        shape=SHAPE,
        coverage=Whole(),
        provenance=PROVENANCE,
        supersedes=supersedes,
    )


def test_a_sweep_brings_nothing_back_that_was_superseded_below(tmp_path):
    below, above = two_layers(tmp_path)
    first = append_to(below.rows("table", "synapses", 5))
    rows = above.rows("table", "synapses", 5)
    second = append_to(rows, [first.id])
    third = append_to(rows, [second.id])
    assert rows.state().commits == (third,)

    Store(tmp_path / "own").sweep(datetime.now(UTC) + timedelta(days=2))

    assert rows.own_state().commits == (third,)
    assert rows.state().commits == (third,)
    fresh = two_layers(tmp_path)[1].rows("table", "synapses", 5)
    assert fresh.state().commits == (third,)
