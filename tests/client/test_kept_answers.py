"""Answers that are kept as the frames they are come back as they went."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd

from cortical_cache.cache.frames import Frames
from cortical_cache.store import Store
from cortical_cache.store.rows import ROWS_PER_FILE

DIGEST = "ab" * 32
SERVER = "https://global.example.org"


def test_an_answer_of_more_rows_than_a_file_has_is_whole(store_dir):
    store = Store(store_dir).dataset("demo", datastack="demo", server=SERVER)
    frames = Frames(store, SERVER, lambda: datetime.now(UTC))
    ids = pd.array(np.arange(ROWS_PER_FILE + 3), dtype="Int64")
    answer = pd.DataFrame({"id": ids})
    answer.attrs = {"datastack_name": "demo"}

    frames.keep(DIGEST, 5, answer)
    kept = frames.get(DIGEST, 5)

    assert kept is not None
    pd.testing.assert_frame_equal(kept.frame, answer)
    assert kept.frame.attrs == answer.attrs
