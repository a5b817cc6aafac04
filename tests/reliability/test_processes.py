"""Many processes use one store at once: no error, no wrong answer, nothing lost."""

import json
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from cortical_cache.store import Store
from tests.kit import is_count, row_queries
from tests.reliability.kit import content, dataset_of, is_sound, lines, row_sets
from tests.reliability.trial import NUCLEI, SYNAPSES, TABLES, roots

PROCESSES = 32


@pytest.mark.parametrize("unlocked", [False, True])
def test_32_processes_read_write_sync_compact_and_prune(
    worker,
    server,
    tmp_path: Path,
    unlocked: bool,
):
    root, truth = tmp_path / "store", tmp_path / "truth"
    for words in (NUCLEI[1], (["sync", "demo", "4", *TABLES],)):
        assert worker.do("command", root, *words).code == 0
    assert worker.do("command", truth, ["sync", "demo", "5", *TABLES]).code == 0
    dataset_of(root).write_fact("row_counts.synapses_demo", 10**7, 5)
    keys = roots(root)
    (nuclei,) = row_sets(root)["table", "nucleus_detection_v0", 5].state().commits
    server.clear_log()

    ended = worker.do("herd", root, PROCESSES, keys, nuclei.rows, unlocked=unlocked)

    errors = Path(f"{root}.errors")
    assert ended.code == 0, errors.read_text() if errors.exists() else ended.said
    seen, whole = content(root), content(truth)
    everything = pq.read_table(
        row_sets(truth)[SYNAPSES].folder
        / row_sets(truth)[SYNAPSES].state().commits[-1].files[0].name
    )
    for key in keys:
        rows = everything.filter(pc.equal(everything["pre_pt_root_id"], key))
        assert seen.rows[SYNAPSES][f"pre_pt_root_id {key}"] == {*lines(rows)}
    assert seen.rows["table", "cell_types", 5] == whole.rows["table", "cell_types", 5]
    assert len(seen.rows["graph", "facts_of_ours", 0]["facts"]) == PROCESSES * 30
    assert not [name for name in seen.rows if name[2] == 4]
    assert is_sound(root)
    assert Store(root).sweep().skipped == ()

    fetched = [one for one in row_queries(server) if not is_count(one)]
    asked = [
        key
        for one in fetched
        if SYNAPSES[1] in one.path
        for key in json.loads(one.body)["filter_in_dict"][SYNAPSES[1]]["pre_pt_root_id"]
    ]
    assert {*asked} == {*keys}
    if not unlocked:
        assert len(asked) == len(keys)
        assert sum("cell_types" in one.path for one in fetched) == 1
