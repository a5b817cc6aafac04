"""A version brought from the server, and asked for again."""

import os
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.data.cortex import VERSION, cortex, opened
from benchmarks.data.server import start
from benchmarks.model import Case, Job, Work

__all__ = ["cases"]

SMALL = cortex(1_000_000)


def cases(sizes: tuple[int, ...]) -> Iterator[Case]:
    """Yield the cases; the demo world is as large as it is."""
    del sizes
    yield Case(
        "syncing/demo world",
        "All tables and views of the demo world from a loopback server to disk",
        SMALL,
        (
            Job("cortical_cache", partial(_sync, again=False)),
            Job("cortical_cache, all is held", partial(_sync, again=True)),
            Job("caveclient and to_parquet", _caveclient),
        ),
        note=(
            "A sync also keeps metadata, counts, schemas, unique values and the facts "
            "that cell ids are found by, proves each table whole by its count, and is "
            "durable when it returns; the rival saves rows, and the server caps them."
        ),
    )


class _Quiet:
    """Hears of the progress and says nothing."""

    def started(self, item: object) -> None: ...

    def progressed(self, item: object, come: int, there_are: int) -> None: ...

    def finished(self, outcome: object) -> None: ...


def _sync(folder: Path, *, again: bool) -> Work:
    from cortical_cache.sync import Selection, execute, make_plan

    del folder
    start(Path(tempfile.mkdtemp()))

    def work() -> None:
        if not again:
            os.environ["CORTICAL_CACHE_DIR"] = tempfile.mkdtemp()
        repositories = opened(offline=False).repositories
        plan = make_plan(repositories, VERSION, Selection())
        report = execute(repositories, plan, _Quiet())
        if report.failed:
            raise SystemExit(f"not synced: {report.failed}")

    os.environ["CORTICAL_CACHE_DIR"] = tempfile.mkdtemp()
    work()
    return work


def _caveclient(folder: Path) -> Work:
    from caveclient import CAVEclient

    del folder
    url = start(Path(tempfile.mkdtemp()))
    client = CAVEclient("minnie65_public", server_address=url)
    client.version = VERSION
    ask = client.materialize

    def work() -> None:
        out = Path(tempfile.mkdtemp())
        for name in ask.get_tables():
            rows = ask.query_table(name, split_positions=True, merge_reference=False)
            rows.to_parquet(out / f"{name}.parquet")
        for name in ask.get_views():
            ask.query_view(name, split_positions=True).to_parquet(out / f"{name}.view")

    return work
