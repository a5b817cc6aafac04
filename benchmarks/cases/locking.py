"""What it costs to say what is in a table: the digest that a lock file has."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.data.cortex import SYNAPSES, VERSION, cortex, opened
from benchmarks.data.synapses import COLUMNS
from benchmarks.model import Case, Goal, Job, Work

__all__ = ["cases"]

PANDAS = "pandas: read, hash, sum"


def cases(sizes: tuple[int, ...]) -> Iterator[Case]:
    """Yield a case for each size of table."""
    for rows in sizes:
        yield Case(
            f"locking/digest of {rows}",
            f"What {rows:,} synapses are, whatever their order and files",
            cortex(rows),
            (
                Job("cortical_cache", _ours),
                Job("pyarrow: read only", _read),
                Job(PANDAS, _pandas),
            ),
            goals=(
                Goal("no more CPU than pandas", "cpu", PANDAS, at_least=1),
                Goal("less memory than pandas", "peak_mb", PANDAS, at_least=1),
            ),
            note="Each answers with the number of rows: the digests differ by kind.",
        )


def _files(folder: Path) -> list[Path]:
    """Return the files of one sorted copy, of the rows that count."""
    del folder
    rows = opened().repositories.store.rows("table", SYNAPSES, VERSION)
    held = rows.state().held_whole()
    return [Path(one) for piece in held.pieces for one in piece.files]


def _ours(folder: Path) -> Work:
    from cortical_cache.store.content import content_of_files

    files = _files(folder)
    return lambda: content_of_files(files, COLUMNS).rows


def _read(folder: Path) -> Work:
    import pyarrow.parquet as pq

    files = _files(folder)

    def work() -> int:
        return sum(
            batch.num_rows
            for file in files
            for batch in pq.ParquetFile(file).iter_batches(columns=list(COLUMNS))
        )

    return work


def _pandas(folder: Path) -> Work:
    import pandas as pd

    files = [str(one) for one in _files(folder)]

    def work() -> int:
        rows = pd.read_parquet(files, columns=list(COLUMNS))
        hashed = pd.util.hash_pandas_object(rows, index=False)
        hashed.sum()
        return len(hashed)

    return work
