"""What the facade answers is what the plain caveclient gets from the same server."""

from collections.abc import Callable

import pandas as pd
import pytest
from caveclient import CAVEclient

import cortical_cache
from cortical_cache.demo import LoopbackCave
from tests.kit import Start, same_frame

MERGED, SPLIT = 4, 5
NUCLEI, TYPES = "nucleus_detection_v0", "cell_types"

Ask = Callable[[object], pd.DataFrame]

QUERIES: dict[str, Ask] = {
    "all of a table": lambda t: t.tables.nucleus_detection_v0().query(),
    "a filter": lambda t: t.tables.cell_types(cell_type="23P").query(),
    "a list filter": lambda t: t.tables.cell_types(cell_type=["23P", "4P"]).query(),
    "nanometres, split": lambda t: t.tables.cell_types(cell_type="23P").query(
        desired_resolution=[1, 1, 1], split_positions=True
    ),
    "nanometres": lambda t: t.tables.nucleus_detection_v0().query(
        desired_resolution=[1, 1, 1]
    ),
    "split": lambda t: t.tables.nucleus_detection_v0().query(split_positions=True),
    "a reference table": lambda t: t.tables.nucleus_alternative_points().query(),
    "a filter of the target's column": lambda t: t.tables.cell_types(
        volume={">": 300}
    ).query(),
    "some columns": lambda t: t.tables.nucleus_detection_v0().query(
        select_columns=["id", "pt_root_id"]
    ),
    "floats": lambda t: t.tables.nucleus_scores().query(),
    "booleans and times": lambda t: t.tables.proofreading_status_and_strategy().query(),
    "another resolution": lambda t: t.tables.cells_v1dd_nm().query(
        desired_resolution=[4, 4, 40]
    ),
    "no metadata": lambda t: t.tables.cell_types().query(metadata=False),
    "no rows": lambda t: t.tables.cell_types(cell_type="no such type").query(),
    "a view": lambda t: t.views.nucleus_detection_lookup().query(),
    "a view's filter": lambda t: t.views.synapse_counts(n_synapses={">": 20}).query(),
}


@pytest.fixture
def server(start: Start, monkeypatch: pytest.MonkeyPatch) -> LoopbackCave:
    # A real server's order of a join's columns differs from process to process.
    cave = start(join_block_order="given")
    monkeypatch.setenv("CORTICAL_CACHE_SERVER", cave.url)
    return cave


@pytest.fixture
def pair(server: LoopbackCave):
    """Return our client and the plain one, of the same server."""
    ours = cortical_cache.load_client("demo")
    theirs = CAVEclient("demo", server_address=server.url)
    return ours, theirs


@pytest.mark.parametrize("version", [MERGED, SPLIT])
@pytest.mark.parametrize("name", QUERIES)
def test_tables_and_views_answer_as_caveclient(name, version, pair, server):
    ours, theirs = pair
    ours.version = theirs.version = version
    ask = QUERIES[name]

    first = ask(ours)
    server.clear_log()
    again = ask(ours)
    asked = list(server.requests)
    plain = ask(theirs.materialize)

    same_frame(first, plain)
    same_frame(again, plain)
    assert not asked
