"""Facts with floats are joined into one commit as they were."""

import numpy as np

from cortical_cache.cache.keyed import MISSING, Keyed
from cortical_cache.store import Store


def test_joined_commits_say_what_they_said_apart(store_dir):
    store = Store(store_dir).dataset("demo", datastack="demo", server="http://x")
    rows = store.rows("graph", "numbers", 0)
    table = Keyed(rows, "key", ("whole",), "http://x", floats=("real",), compact_at=4)
    for number in range(4):
        keys = np.array([number, number + 1], np.int64)
        whole = np.array([number, MISSING], np.int64)
        table.add([keys, whole], [np.array([np.nan, number / 7])])

    assert len(rows.state().commits) == 1
    again = Keyed(rows, "key", ("whole",), "http://x", floats=("real",))
    found = again.get(np.arange(5))
    seen = {
        (int(at), int(whole), None if np.isnan(real) else float(real))
        for at, whole, real in zip(
            found.asked, found.columns["whole"], found.floats["real"], strict=True
        )
    }
    expected = {(n, n, None) for n in range(4)}
    assert seen == expected | {(n + 1, MISSING, n / 7) for n in range(4)}
