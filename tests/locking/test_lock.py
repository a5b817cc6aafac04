"""What a lock names comes out the same elsewhere, or loudly not."""

import json
from pathlib import Path

import pytest

from cortical_cache import load_client
from cortical_cache.errors import ConfigurationError
from cortical_cache.model.lock import parse_lock
from tests.kit import Command, Ran, row_queries

NUCLEI, TYPES, COUNTS = "nucleus_detection_v0", "cell_types", "synapse_counts"


@pytest.fixture
def client(server):
    client = load_client("demo", version=5)
    client.tables.cell_types().query()
    client.tables.nucleus_detection_v0().query()
    client.views.synapse_counts().query()
    return client


@pytest.fixture
def lock(client, command, tmp_path: Path) -> Path:
    """Return a lock of two tables and a view."""
    made = command("lock", "demo", "5")
    assert made.code == 0, made.err
    path = tmp_path / "cortical-cache.lock"
    path.write_text(made.out)
    return path


@pytest.fixture
def elsewhere(command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Return a function that runs the command on another, empty store."""

    def elsewhere(*arguments: str) -> Ran:
        with monkeypatch.context() as other:
            other.setenv("CORTICAL_CACHE_DIR", str(tmp_path / "elsewhere"))
            return command(*arguments)

    return elsewhere


def change(lock: Path, which: str, changes: dict[str, object]) -> None:
    body = json.loads(lock.read_text())
    (table,) = [one for one in body["tables"] if one["name"] == which]
    table.update(changes)
    lock.write_text(json.dumps(body))


def test_it_says_what_there_is_and_nothing_of_who_made_it(lock, server, home, command):
    body = json.loads(lock.read_text())

    assert (body["dataset"], body["datastack"], body["version"]) == ("demo", "demo", 5)
    assert body["timestamp"].startswith("2025-06-01T")
    rows = {(one["kind"], one["name"]): one["rows"] for one in body["tables"]}
    assert rows["table", TYPES] == 512
    assert set(rows) == {("table", TYPES), ("table", NUCLEI), ("view", COUNTS)}
    assert set(body["tools"]) > {"cortical-cache", "duckdb", "pyarrow", "python"}
    text = lock.read_text()
    assert server.token not in text
    assert str(home) not in text
    assert str(home.parent) not in text
    assert command("lock", "demo", "5").out == text


def test_another_store_gets_the_very_same(lock, server, elsewhere):
    server.clear_log()

    made = elsewhere("sync", "--locked", str(lock), "--json")

    assert made.code == 0, made.err
    assert {one["problem"] for one in made.json()} == {None}
    assert {one["fetched"] for one in made.json()} == {True}
    assert row_queries(server)
    assert elsewhere("lock", "demo", "5").out == lock.read_text()
    server.clear_log()
    again = elsewhere("sync", "demo", "--locked", str(lock))
    assert again.code == 0
    assert not row_queries(server)
    assert elsewhere("verify", "--lock", str(lock)).code == 0


def test_another_layout_is_the_same(lock, client, server, command):
    """Rows by another order, in other files, of another fetch."""
    row_set = client.repositories.store.rows("table", TYPES, 5)
    (commit,) = row_set.state().commits
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = pq.read_table(row_set.folder / commit.files[0].name)
    shuffled = rows.take(pa.array(range(rows.num_rows - 1, -1, -1)))
    with row_set.writer(
        shape=commit.shape,
        coverage=commit.coverage,
        provenance=commit.provenance,
        supersedes=[commit.id],
        sort_by=(),
        rows_per_file=100,
    ) as writer:
        writer.write(shuffled)

    assert len(row_set.state().commits[0].files) > 1
    assert command("verify", "--lock", str(lock)).code == 0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rows": 511}, "512 rows, the lock says 511"),
        ({"schema": "0" * 32}, "columns or types differ"),
        ({"content": "rows1:" + "0" * 32}, "values differ"),
        ({"source": "export", "export": "dumped"}, "the lock is of dumped"),
        ({"name": "cel_types"}, "cell_types"),
    ],
)
def test_what_is_other_than_the_lock_says_fails_loudly(
    lock, changes, said, elsewhere, command
):
    change(lock, TYPES, changes)

    checked = command("verify", "--lock", str(lock))
    made = elsewhere("sync", "--locked", str(lock))

    assert (checked.code, made.code) == (5, 3)
    assert "1 of 3 are not what the lock says" in checked.err
    assert "1 of 3 are not what the lock says" in made.err
    if "name" not in changes and "source" not in changes:
        assert said in made.out
    if "name" not in changes:
        assert said in checked.out


def test_other_rows_in_the_store_are_told(lock, client, command):
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    row_set = client.repositories.store.rows("table", NUCLEI, 5)
    (commit,) = row_set.state().commits
    rows = pq.read_table(row_set.folder / commit.files[0].name)
    place = rows.column_names.index("pt_position_x")
    column = rows.column(place)
    moved = rows.set_column(
        place, rows.field(place), pc.add(column, 1).cast(column.type)
    )
    row_set.append(
        moved,
        shape=commit.shape,
        coverage=commit.coverage,
        provenance=commit.provenance,
        supersedes=[commit.id],
    )

    checked = command("verify", "--lock", str(lock))

    assert checked.code == 5
    assert f"table\t{NUCLEI}\t" in checked.out
    assert "values differ" in checked.out
    made = command("sync", "--locked", str(lock))
    assert made.code == 3  # what is held is told, not replaced


def test_a_lock_of_another_time_or_dataset_fetches_nothing(lock, server, elsewhere):
    body = json.loads(lock.read_text())
    for changes in (
        {"timestamp": "2025-06-02T00:00:00+00:00"},
        {"datastack": "minnie65_public"},
    ):
        lock.write_text(json.dumps({**body, **changes}))
        server.clear_log()

        made = elsewhere("sync", "--locked", str(lock))

        assert made.code == 1
        assert "the lock" in made.err
        assert not row_queries(server)


def test_only_whole_tables_can_be_locked(server, command):
    client = load_client("demo", version=5).using(widen=False)
    client.tables.synapses_demo(post_pt_root_id=1).query()

    nothing = command("lock", "demo", "5")
    part = command("lock", "demo", "5", "synapses_demo")

    assert (nothing.code, part.code) == (1, 1)
    assert "cortical-cache sync demo 5" in nothing.err
    assert "is held in part" in part.err


def test_what_is_locked_is_pinned(lock, command):
    refused = command("rm", "demo", "5", TYPES, "--yes")

    assert refused.code == 1
    assert "is pinned" in refused.err
    assert "removed" not in command("prune", "--max-size", "0", "--yes").out
    assert command("verify", "--lock", str(lock)).code == 0
    assert command("rm", "demo", "5", TYPES, "--pinned", "--yes").code == 0
    assert command("verify", "--lock", str(lock)).code == 5


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "[" * 100_000,
        '{"cortical-cache.lock": 1}',
        """{"cortical-cache.lock": 1, "dataset": "demo", "datastack": "demo",
        "server": "", "version": true, "timestamp": "2025-06-01T00:00:00+00:00",
        "tables": [], "tools": {}}""",
    ],
)
def test_what_is_no_lock_is_refused(text):
    with pytest.raises(ConfigurationError, match="is not a lock file"):
        parse_lock(text, "that")


def test_a_later_format_is_refused(lock):
    with pytest.raises(ConfigurationError, match="pip install --upgrade"):
        parse_lock(lock.read_text().replace('lock": 1', 'lock": 2'), "that")
