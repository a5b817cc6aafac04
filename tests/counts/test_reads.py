"""What an answer costs, in counts that no busy machine can blur.

Requests to the server, files and bytes read: a change that makes one of them grow is
seen here, whatever a stopwatch says.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cortical_cache import load_client
from cortical_cache.model.coverage import Whole
from tests.kit import row_queries

TABLE, ROWS, PER_FILE = "synapses_demo", 400_000, 100_000
COLUMN = "post_pt_root_id"
ROW_GROUP, FOOTER = 32_768, 64_000


def read_by(work) -> int:
    """Return the bytes that this process reads from files while it works."""

    def total() -> int:
        text = Path("/proc/self/io").read_text()
        return int(text.split("rchar: ")[1].split()[0])

    before = total()
    work()
    return total() - before


@pytest.fixture
def large(server):
    """Return a client that holds a table of four range files for each root column."""
    client = load_client("demo", version=3)
    client.tables[TABLE]().query()
    row_set = client.repositories.store.rows("table", TABLE, 3)
    (commit,) = row_set.state().commits
    few = pq.read_table(row_set.folder / commit.files[0].name)
    rng = np.random.default_rng(0)
    rows = few.take(pa.array(rng.integers(0, few.num_rows, ROWS)))
    new = {
        "id": np.arange(ROWS) + 1,
        "pre_pt_root_id": 10**17 + rng.integers(0, 2_000, ROWS),
        COLUMN: 10**17 + rng.integers(0, 2_000, ROWS),
    }
    for name, values in new.items():
        rows = rows.set_column(rows.column_names.index(name), name, pa.array(values))
    with row_set.writer(
        shape=commit.shape,
        coverage=Whole(),
        provenance=commit.provenance,
        supersedes=[commit.id],
        sort_by=(COLUMN, "id"),
        rows_per_file=PER_FILE,
    ) as writer:
        for number, column in enumerate((COLUMN, "pre_pt_root_id")):
            order = (column, "id")
            if number:
                writer.start_copy(order)
            writer.write(rows.sort_by([(one, "ascending") for one in order]))
    client = load_client("demo", version=3, offline=True)
    return client, writer.commit


def groups_with(file: Path, column: str, key: int) -> list[tuple[int, int]]:
    """Return rows and bytes of the row groups that may have a key, by the footer."""
    footer = pq.read_metadata(file)
    at = footer.schema.names.index(column)
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    found = []
    for one in groups:
        columns = [one.column(number) for number in range(one.num_columns)]
        values = columns[at].statistics
        if values.min <= key <= values.max:
            size = sum(column.total_compressed_size for column in columns)
            found.append((one.num_rows, size))
    return found


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="no /proc: not Linux")
@pytest.mark.parametrize("column", [COLUMN, "pre_pt_root_id"])
def test_a_lookup_reads_the_row_groups_of_a_root_in_one_file(large, column):
    client, commit = large
    root = 10**17 + 1_234
    asked = client.tables[TABLE](**{column: root})
    copy = [one for one in commit.files if one.sorted_by[0] == column]
    assert len(copy) > 3
    (file,) = client.explain(asked).files
    found = groups_with(Path(file), column, root)
    assert len(asked.query()) > 100  # and whatever is read once, has been

    nbytes = read_by(asked.query)

    # a root may lie on the edge of two; what is not read is not decoded
    assert len(found) <= 2
    assert sum(rows for rows, _ in found) <= 2 * ROW_GROUP
    assert 0 < nbytes <= sum(size for _, size in found) + FOOTER


def test_a_question_that_a_row_group_cannot_answer_reads_none(large):
    client, _ = large
    nobody = client.tables[TABLE](**{COLUMN: 10**17 + 5_000})
    assert nobody.query().empty

    nbytes = read_by(nobody.query)

    assert nbytes < FOOTER


def test_a_hit_sends_nothing_and_a_miss_no_more_than_it_must(server):
    client = load_client("demo", version=5)
    client.tables.cell_types().query()
    server.clear_log()

    client.tables.cell_types(cell_type="23P").query()
    client.cached.materialize.query_table("cell_types", get_counts=True)
    assert not server.requests

    root = int(client.tables.nucleus_detection_v0().query()["pt_root_id"].max())
    server.clear_log()
    client.cached.materialize.synapse_query(post_ids=root)
    assert len(row_queries(server)) <= 2  # its size, then its rows
