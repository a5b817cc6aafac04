"""Bulk calls draw one progress bar each, on a terminal."""

import re

import pytest

from tests.kit import PYTHON, in_terminal
from tests.level2.kit import large_roots

LABELS = ("level-2 ids", "level-2 attributes", "skeletons")


@pytest.fixture
def many(graph):
    return large_roots(graph, 1_000)


def test_many_roots_in_one_call_have_one_bar(server, many):
    code = f"""
from cortical_cache import load_client
client = load_client("demo")
ids = client.get_l2_ids({many})
client.get_l2data([one for some in ids.values() for one in some.tolist()])
client.get_skeletons({many[:150]})
"""
    shown = in_terminal([PYTHON, "-c", code])
    again = in_terminal([PYTHON, "-c", code])

    counts = {"level-2 ids": len(many), "skeletons": 150}
    for label in LABELS:
        drawn = re.findall(rf"{label}: +(\d+)%\|[^|]*\| (\d+)/(\d+)", shown)
        totals = {total for _, _, total in drawn}
        assert len(totals) == 1, shown
        assert [one for one in drawn if one[1] == "0"] == drawn[:1]
        assert drawn[-1][1] == drawn[-1][2]
        assert int(drawn[-1][2]) == counts.get(label, int(drawn[-1][2]))
    assert "level-2 ids" not in again  # nothing to wait for
