"""A synapse table of hundreds of range files, of which only the first was written.

What a lookup costs in a table of 337 million rows (170 files of two million) depends on
the files that it reads and on the commit that names them all. So does this one, without
the terabyte: the other files have names, sizes and key ranges, and are never opened.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.data import cortex
from benchmarks.data.synapses import ROOTS, pool
from benchmarks.model import Data

__all__ = ["manifest", "root_of"]

ROWS = 2_000_000
POST = ROOTS[1]
ABOVE = 10**17
"""Between the key ranges of two files."""


def manifest(files: int) -> Data:
    """Return a table with so many range files."""
    return Data(f"manifest-{files}", partial(_make, files=files))


def root_of(folder: Path) -> int:
    """Return a root whose rows lie in the file that there is."""
    return pool(folder).roots(1)[0]


def _make(folder: Path, *, files: int) -> None:
    from uuid import uuid4

    from cortical_cache.store.commit_json import commit_to_json
    from cortical_cache.store.disk import Disk
    from cortical_cache.store.layout import commits_folder
    from cortical_cache.store.sealed import write_sealed

    cortex.fill(folder, rows=ROWS, rows_per_file=ROWS - 1)
    client = cortex.opened(server_address=(folder / "server").read_text())
    row_set = client.repositories.store.rows("table", cortex.SYNAPSES, cortex.VERSION)
    (commit,) = row_set.state().commits
    by_post = [one for one in commit.files if one.sorted_by[0] == POST]
    last = by_post[-1]
    low, high = last.key_ranges[POST] or (0, 0)
    more = [
        replace(
            last,
            name=f"{uuid4()}.parquet",
            key_ranges={
                **last.key_ranges, POST: (low + ABOVE * n, high + ABOVE * n),
            },
        )
        for n in range(1, files)
    ]  # fmt: skip
    # one copy is enough: nothing is asked by pre
    longer = replace(commit, files=(*by_post, *more))
    path = commits_folder(row_set.folder) / f"{commit.id}.json"
    write_sealed(Disk(), path, commit_to_json(longer))
