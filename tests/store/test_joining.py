"""Small commits are joined: every row stays, once, and few are written again."""

from datetime import UTC, datetime

import numpy as np
import pytest
from uuid6 import uuid7

from cortical_cache.cache.joining import are_many, worth_joining
from cortical_cache.cache.keyed import Keyed
from cortical_cache.model.coverage import Request
from cortical_cache.store import Commit, DataFile

from .kit import PROVENANCE, SHAPE, open_dataset


def commit(rows):
    file = DataFile("a.parquet", rows, rows, "", {}, ("key",))
    return Commit(
        str(uuid7()), datetime.now(UTC), (file,), SHAPE, Request("facts"), PROVENANCE
    )


SIZES = {"even": [5_000], "small": [*range(1, 98)], "mixed": [3, *[50_000] * 8]}


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_a_row_is_written_a_few_times_only(sizes):
    held, added, written, most_held = [], 0, 0, 0
    for number in range(5_000):
        held.append(commit(sizes[number % len(sizes)]))
        added += held[-1].rows
        if are_many(held, 100):
            joined = worth_joining(held)
            assert len(joined) > 1
            rows = sum(one.rows for one in joined)
            written += rows
            held = [one for one in held if one not in joined] + [commit(rows)]
        most_held = max(most_held, len(held))
    assert sum(one.rows for one in held) == added
    assert most_held < 100
    assert written < 6 * added


def test_more_rows_than_are_sorted_at_once_are_joined(root):
    rows = open_dataset(root).rows("graph", "facts", 0)
    table = Keyed(rows, "key", ("value",), "http://x", compact_at=4)
    rng = np.random.default_rng(3)
    parts = [rng.permutation(700_000) for _ in range(4)]
    for number, keys in enumerate(parts):
        table.add([keys, keys % 5 + (keys % 1000 == 0) * number])

    (only,) = rows.state().commits

    # four say the same of a key, but of each thousandth
    assert only.rows == 700_000 + 3 * 700
    found = table.get(np.arange(700_000))
    assert np.bincount(found.asked).tolist() == [
        4 if key % 1000 == 0 else 1 for key in range(700_000)
    ]
    plain = found.asked % 1000 != 0
    assert (found.columns["value"][plain] == found.asked[plain] % 5).all()
    assert len([*rows.folder.glob("segments/*")]) == len(only.files)
    assert not [*rows.folder.glob(".run*")]
