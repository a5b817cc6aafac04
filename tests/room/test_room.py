"""What takes room, what was used last, what is pinned, and what goes by the command."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cortical_cache import load_client
from cortical_cache.errors import InvalidQueryError, SourceError
from cortical_cache.policy.pruning import Criteria
from cortical_cache.repositories.removals import Removals
from cortical_cache.repositories.room import removals_of, summed
from cortical_cache.store import Store
from cortical_cache.store.adopt import adopt
from tests.cli.test_removal import expire
from tests.kit import row_queries

NUCLEI, TYPES = "nucleus_detection_v0", "cell_types"
DAY = 86_400


@pytest.fixture
def client(server):
    """Return a client that holds two tables of two versions."""
    client = load_client("demo", version=5)
    for version in (4, 5):
        for name in (NUCLEI, TYPES):
            client.cached.materialize.query_table(
                name, materialization_version=version, merge_reference=False
            )
    server.clear_log()
    return client


def held(client) -> set[tuple[int, str]]:
    return {(one.version, one.name) for one in client.cache_status().holdings}


def used(client, version: int, name: str) -> Path:
    return client.cache_dir / f"v{version}" / "tables" / name / "used"


def make_older(client, version: int, name: str, days: float) -> None:
    """Let a table have been written and read so long ago."""
    then = time.time() - days * DAY
    for path in used(client, version, name).parent.rglob("*"):
        os.utime(path, (then, then))


def on_disk(folder: Path) -> int:
    return sum(one.stat().st_size for one in folder.rglob("*") if one.is_file())


def test_du_counts_every_byte_once_by_subject(client, command, store_dir):
    told = command("du", "--json").json()

    of = {(one["version"], one["subject"]): one for one in told}
    assert of[5, "tables"]["count"] == 2
    assert {one["dataset"].split("@")[0] for one in told} == {"demo"}
    locks = sum(on_disk(one) for one in store_dir.rglob("locks"))
    assert sum(one["nbytes"] for one in told) == on_disk(client.cache_dir) - locks
    shown = command("du", "demo")
    assert shown.out.splitlines()[0].split("\t")[:3] == [
        "dataset",
        "version",
        "subject",
    ]
    assert "taken in" in shown.err


def test_files_that_two_tables_share_count_once(client, store_dir):
    store = client.repositories.store
    (commit,) = store.rows("table", TYPES, 5).state().commits
    before = sum(one.nbytes for one in summed(store.taken()))
    target, source = store.rows("export", "copy", 5), store.rows("table", TYPES, 5)
    adopt(
        target,
        source,
        commit,
        shape=commit.shape,
        coverage=commit.coverage,
        provenance=commit.provenance,
    )
    after = sum(one.nbytes for one in summed(store.taken()))
    removals = removals_of(client.repositories.settings, client.repositories.home)
    plan = removals.named(names=["copy"])
    assert removals.carry_out(plan).nbytes == 0  # the table keeps the file

    assert after - before < commit.nbytes / 2
    assert plan.nbytes < commit.nbytes / 2
    assert source.state().held_whole()


def test_a_hit_notes_its_use_once_a_day(client):
    mark = used(client, 5, TYPES)
    make_older(client, 5, TYPES, 3)

    client.tables.cell_types().query()

    assert time.time() - mark.stat().st_mtime > 2 * DAY  # this process looked today
    reader = load_client("demo", version=5, offline=True)
    reader.tables.cell_types().query()
    assert time.time() - mark.stat().st_mtime < DAY
    ours = mark.stat().st_mtime_ns
    load_client("demo", version=5, offline=True).tables.cell_types().query()
    assert mark.stat().st_mtime_ns == ours


def test_looking_is_no_use(client, command):
    make_older(client, 5, TYPES, 3)

    for name in ("ls", "du", "verify", "info"):
        command(name, *["demo"] * (name == "info"))
    command("prune", "--max-size", "1")

    assert time.time() - used(client, 5, TYPES).stat().st_mtime > 2 * DAY


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_store_that_may_not_be_written_answers(client):
    folder = used(client, 5, TYPES).parent
    used(client, 5, TYPES).unlink()
    folder.chmod(0o500)
    try:
        reader = load_client("demo", version=5, offline=True)
        assert len(reader.tables.cell_types().query()) == 512
    finally:
        folder.chmod(0o700)
    assert not used(client, 5, TYPES).exists()


def test_prune_lets_the_least_recently_used_go_first(client, command):
    make_older(client, 5, TYPES, 9)
    make_older(client, 4, NUCLEI, 5)
    total = sum(one["nbytes"] for one in command("du", "--json").json())

    plan = command("prune", "--max-size", f"{total - 1}", "--json").json()
    assert [(one["version"], one["name"]) for one in plan["going"]] == [(5, TYPES)]
    assert plan["going"][0]["again"] == "from the server"
    dry = command("prune", "--max-size", f"{total - 1}", "--yes", "--dry-run")
    assert "add --yes" in dry.err
    assert len(held(client)) == 4
    done = command("prune", "--max-size", f"{total - 1}", "--yes")

    assert "removed 1 things" in done.err
    assert held(client) == {(4, NUCLEI), (4, TYPES), (5, NUCLEI)}
    after = sum(one["nbytes"] for one in command("du", "--json").json())
    assert after == plan["after"] < total
    old = command("prune", "--older-than", "4d", "--yes", "--json").json()
    assert [(one["version"], one["name"]) for one in old["going"]] == [(4, NUCLEI)]


def test_the_newest_versions_stay_whatever_the_size(client, command):
    command("prune", "demo", "--keep", "1", "--max-size", "0", "--yes")

    assert held(client) == {(5, NUCLEI), (5, TYPES)}


def test_pinned_and_expired_data_go_only_by_their_word(client, command):
    assert "v5" in command("pin", "demo", "5", TYPES).err
    expire(client, 4)

    left = command("prune", "--max-size", "0", "--yes")

    assert held(client) == {(4, NUCLEI), (4, TYPES), (5, TYPES)}
    assert "(--pinned)" in left.err
    assert "(--expired)" in left.err
    assert "more than that would still be taken" in left.err
    assert command("rm", "demo", "5", "--yes").code == 1
    command("prune", "--max-size", "0", "--expired", "--yes")
    assert held(client) == {(5, TYPES)}
    assert "nothing unpinned" in command("unpin", "demo", "5").err
    command("unpin", "demo", "5", TYPES)
    command("prune", "--max-size", "0", "--yes")
    assert held(client) == set()


def test_a_version_or_all_can_be_pinned(client, command):
    command("pin", "demo", "4")
    command("prune", "--max-size", "0", "--yes")
    assert held(client) == {(4, NUCLEI), (4, TYPES)}
    command("unpin", "demo", "4")
    command("pin", "demo")
    command("prune", "--older-than", "0", "--yes")
    assert held(client) == {(4, NUCLEI), (4, TYPES)}
    command("prune", "--older-than", "0", "--pinned", "--yes")
    assert held(client) == set()


def test_a_version_whose_date_has_passed_since_is_treated_as_gone(client, command):
    store = client.repositories.store
    record = store.read_version(4).value
    when = datetime(2026, 1, 1, tzinfo=UTC)
    store.forget_fact("versions")
    store.write_version(4, {**record, "expires_on": "2026-01-02T00:00:00"})
    path = client.cache_dir / "v4" / "version.json"
    path.unlink()  # as captured before the end
    changed = {**record, "expires_on": "2026-01-02T00:00:00"}
    store.write_version(4, changed, when)

    command("prune", "demo", "--max-size", "0", "--yes")

    assert held(client) == {(4, NUCLEI), (4, TYPES)}


def versions_on_disk(client) -> set[int]:
    return {version for version, _ in held(client)}


def test_a_version_of_which_nothing_is_known_goes_only_by_a_word(client, command):
    (client.cache_dir / "v4" / "version.json").unlink()
    (client.cache_dir / "facts" / "versions.json").unlink()

    told = command("prune", "demo", "--max-size", "0", "--yes")

    assert versions_on_disk(client) == {4}
    assert "(--expired)" in told.err
    refused = command("rm", "demo", "4", "--yes")
    assert refused.code == 1
    assert "--expired" in refused.err
    command("rm", "demo", "4", "--yes", "--expired")
    assert versions_on_disk(client) == set()


def test_a_version_that_the_newest_list_has_no_more_is_treated_as_gone(client, command):
    store = client.repositories.store
    records = store.read_fact("versions").value
    there = [one for one in records if one["version"] != 4]
    store.write_fact("versions", there, captured_at=datetime.now(UTC))

    command("prune", "demo", "--max-size", "0", "--yes")

    assert versions_on_disk(client) == {4}
    kept = client.invalidate_cache()
    assert kept.staying == (4,)


def test_an_end_that_only_a_layer_below_knows_protects_too(
    client, command, tmp_path, monkeypatch
):
    expire(client, 4)
    team = tmp_path / "team" / client.cache_dir.name
    for path in ("dataset.json", "facts/versions.json", "v4/version.json"):
        (team / path).parent.mkdir(parents=True, exist_ok=True)
        (client.cache_dir / path).replace(team / path)
    (client.cache_dir / "dataset.json").write_bytes(
        (team / "dataset.json").read_bytes()
    )
    monkeypatch.setenv("CORTICAL_CACHE_TEAM_DIR", str(tmp_path / "team"))

    command("prune", "demo", "--max-size", "0", "--yes")

    assert versions_on_disk(client) == {4}


def test_what_is_pinned_between_plan_and_deed_stays(client):
    removals = removals_of(client.repositories.settings)
    plan = removals.pruned(Criteria(max_size=0))
    client.repositories.pins.pin(5)

    removals.carry_out(plan)

    assert held(client) == {(5, NUCLEI), (5, TYPES)}


def test_superseded_files_go_first(client, store_dir):
    store = client.repositories.store
    row_set = store.rows("table", TYPES, 5)
    (old,) = row_set.state().commits
    client.refresh_cache(TYPES, yes=True)
    taken = sum(one.nbytes for one in summed(store.taken()))
    fits = Criteria(max_size=taken - 1)

    def after(days: int) -> Removals:
        return Removals(
            Store(store_dir), [store], lambda: datetime.now(UTC) + timedelta(days)
        )

    today, later = after(0).pruned(fits), after(2).pruned(fits)
    assert (today.litter, len(today.removals)) == (0, 1)
    assert later.litter >= old.nbytes
    assert later.removals == ()
    assert (row_set.folder / old.files[0].name).exists()
    assert after(2).carry_out(later).nbytes == later.litter == later.nbytes

    assert not (row_set.folder / old.files[0].name).exists()
    assert len(held(client)) == 4


def test_the_limit_warns_whoever_writes_and_evicts_nothing(
    client, server, command, monkeypatch, caplog
):
    before = held(client)
    monkeypatch.setenv("CORTICAL_CACHE_MAX_SIZE", "1 kB")

    load_client("demo", version=3).tables.cell_types().query()

    assert "of the 1.0 kB that CORTICAL_CACHE_MAX_SIZE allows" in caplog.text
    assert caplog.text.count("CORTICAL_CACHE_MAX_SIZE") == 1
    assert held(client) > before
    synced = command("sync", "demo", "5", "--tables", TYPES)
    assert "`cortical-cache prune` shows what could go" in synced.err
    assert {one["why"] for one in command("prune", "--json").json()["going"]} == {
        "least recently used"
    }
    assert " of 1.0 kB taken in " in command("du").err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("prune",), "--max-size"),
        (("prune", "--max-size", "much"), "is no size"),
        (("prune", "--older-than", "x"), "is no span"),
        (("pin", "demo", "9"), "9"),
        (("pin", "demo", "5", "cel_types"), "cell_types"),
    ],
)
def test_what_cannot_be_meant_is_refused(client, command, arguments, said):
    ran = command(*arguments)

    assert ran.code == (2 if arguments == ("prune",) else 1)
    assert said in ran.err
    assert len(held(client)) == 4


def test_clear_cache_shows_first(client, server):
    plan = client.clear_cache(TYPES, version=5)
    assert "from the server" in repr(plan)
    assert plan.nbytes > 0
    assert len(held(client)) == 4

    client.clear_cache(TYPES, version=5, yes=True)

    assert held(client) == {(4, NUCLEI), (4, TYPES), (5, NUCLEI)}
    client.clear_cache(yes=True)
    assert held(client) == set()


def test_invalidated_lists_are_asked_again_and_rows_stay(client, server):
    client.cached.materialize.get_tables_metadata()
    server.clear_log()
    plan = client.invalidate_cache()
    assert "tables of v5" in repr(plan)
    client.cached.materialize.get_tables_metadata()
    assert not server.requests

    client.invalidate_cache(yes=True)

    client.tables.cell_types().query()
    assert server.requests
    assert not row_queries(server)
    offline = load_client("demo", version=5, offline=True)
    with pytest.raises(InvalidQueryError, match="offline"):
        offline.invalidate_cache()


def test_what_is_known_of_an_expired_version_stays(client):
    expire(client, 4)

    client.invalidate_cache(yes=True)

    assert client.repositories.store.read_fact("tables", 4) is not None
    assert client.repositories.store.read_fact("tables", 5) is None


def test_refreshed_rows_are_fetched_anew_and_replace_the_old(client, server):
    before = client.tables.cell_types().query()
    row_set = client.repositories.store.rows("table", TYPES, 5)
    (old,) = row_set.state().commits
    assert client.refresh_cache(TYPES).tables[0].rows == 512
    assert not row_queries(server)

    client.refresh_cache(TYPES, yes=True)

    (new,) = row_set.state().commits
    assert new.id != old.id
    assert row_queries(server)
    assert client.tables.cell_types().query().equals(before)
    assert client.repositories.upkeep.verify(deep=True) == ()


def test_refreshing_fails_and_the_old_rows_answer(client, server):
    before = client.tables.cell_types().query()
    plan = client.refresh_cache(TYPES)
    server.stop()

    with pytest.raises(SourceError):
        client.repositories.refreshes.refresh(plan)

    offline = load_client("demo", version=5, offline=True)
    assert offline.tables.cell_types().query().equals(before)


def test_the_command_refreshes_and_invalidates(client, command, server):
    assert "add --yes" in command("refresh", "demo", "5", TYPES).err
    assert "add --yes" in command("invalidate", "demo").err
    assert not row_queries(server)
    assert command("refresh", "demo", "5", TYPES, "--yes").code == 0
    assert row_queries(server)
    assert command("invalidate", "demo", "5", "--yes").code == 0
