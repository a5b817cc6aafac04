"""Which cells the published tests may draw, and which of them would fail there.

Not only the one that a seed happens to draw: every cell that may be drawn.
"""

from datetime import UTC, datetime

import pytest

from cortical_cache import load_client
from tests.cells.kit import (
    MAIN,
    OTHER,
    cells_at,
    graph_of,
    last_moment,
    nuclei_in,
)

NULL_ROOT = 1
"""What caveclient's frames show for a NULL root in a split version."""


@pytest.mark.parametrize(
    ("client_name", "private"),
    [
        ("v1dd", "v1dd"),
        ("v1dd_public", "v1dd"),
        ("microns_prod", "minnie65_phase3_v1"),
        ("microns_public", "minnie65_phase3_v1"),
    ],
)
def test_all_but_few_cells_may_be_drawn(client_name, private, request):
    world = request.getfixturevalue("v1dd" if private == "v1dd" else "minnie")
    client = load_client(client_name)
    nuclei = client.tables.nucleus_detection_v0().query(log_warning=False)
    drawn = nuclei.drop_duplicates("pt_root_id", keep=False).query("pt_root_id != 0")
    cells, roots = drawn["id"].tolist(), drawn["pt_root_id"].tolist()
    listed = client.cached.materialize.get_tables()
    names = [name for name in (MAIN, OTHER) if name in listed]
    held = cells_at(world, client.version, private, names)

    to_root = client.cell_id_to_root_id(cells)["root_id"].tolist()
    to_cell = client.root_id_to_cell_id(roots)["cell_id"].tolist()

    graph, now = graph_of(world, private), datetime.now(UTC)
    failing = 0
    for cell, root, found, back in zip(cells, roots, to_root, to_cell, strict=True):
        if root == NULL_ROOT:
            failing += 1
            assert (found, back) == (-1, -1)
            continue
        assert found == root
        if back != cell:
            # It has an alternative point of another nucleus, too, or its own nucleus
            # was deleted after the version.
            failing += 1
            assert back == -1
            moment = last_moment(graph, root, now)
            later = {*nuclei_in(world, root, moment, private)}
            assert len(held[root]) > 1 or later != {cell}
    assert failing < 0.02 * len(drawn)


@pytest.mark.parametrize("client_name", ["microns_public", "v1dd"])
def test_many_cells_are_large_enough(client_name):
    client = load_client(client_name)
    nuclei = client.tables.nucleus_detection_v0().query(log_warning=False)
    roots = nuclei.drop_duplicates("pt_root_id", keep=False)["pt_root_id"]
    found = client.get_l2_ids(roots[roots > NULL_ROOT].tolist())

    large = [root for root, ids in found.items() if len(ids) > 100]

    assert len(large) > 0.2 * len(found)
