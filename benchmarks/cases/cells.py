"""Cell ids and root ids over ten versions, and what differs between two."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.data.cells import CELLS, VERSIONS, frames, no_cells, opened, versions
from benchmarks.model import Case, Goal, Job, Work

__all__ = ["cases"]

MANY = 1_000_000
TEN = versions()


def cases(sizes: tuple[int, ...]) -> Iterator[Case]:
    """Yield the cases; the size of a synapse table is nothing to them."""
    del sizes
    for number in (1, 1_000, MANY):
        yield Case(
            f"cells/{number:,} root ids",
            f"{number:,} root ids to cell ids over {VERSIONS} versions of {CELLS:,}",
            TEN,
            (
                Job("cortical_cache", partial(_root_to_cell, _some_roots, number)),
                Job("pandas merge, in memory", partial(_merge, _some_roots, number)),
            ),
            goals=(Goal("1 CPU-s", "cpu", at_most=1),) if number == MANY else (),
        )
    yield Case(
        "cells/half without a cell",
        f"{MANY:,} root ids, half of which are proved to have none by their lives",
        TEN,
        (
            Job("cortical_cache", partial(_root_to_cell, _mixed, MANY)),
            Job("pandas merge, in memory", partial(_merge, _mixed, MANY)),
        ),
    )
    yield Case(
        "cells/cell to root",
        "100,000 cell ids to root ids at one version",
        TEN,
        (
            Job("cortical_cache", _cell_to_root),
            Job("pandas merge, in memory", _cell_merge),
        ),
    )
    yield Case(
        "cells/diff of two versions",
        f"Cells whose root differs between two versions of {CELLS:,}",
        TEN,
        (Job("cortical_cache", _diff), Job("pandas merge", _diff_merge)),
    )


Asked = Callable[[Path, int], np.ndarray]


def _some_roots(folder: Path, number: int) -> np.ndarray:
    every = np.concatenate([one["root_id"].to_numpy() for one in frames(folder)])
    return np.random.default_rng(11).choice(every, number)


def _mixed(folder: Path, number: int) -> np.ndarray:
    half = number // 2
    return np.concatenate([_some_roots(folder, half), no_cells(half)])


def _root_to_cell(asked: Asked, number: int, folder: Path) -> Work:
    client, roots = opened(), asked(folder, number)
    return lambda: client.root_id_to_cell_id(roots).reset_index(drop=True)


def _merge(asked: Asked, number: int, folder: Path) -> Work:
    roots, held = asked(folder, number), frames(folder)

    def work() -> object:
        whole = pd.concat(held).drop_duplicates("root_id", keep="last")
        found = pd.DataFrame({"root_id": roots}).merge(whole, "left", "root_id")
        return found[["cell_id"]].fillna(-1).astype(np.int64)

    return work


def _cells(folder: Path) -> tuple[np.ndarray, pd.DataFrame]:
    newest = frames(folder)[-1]
    rng = np.random.default_rng(5)
    return rng.choice(newest["cell_id"].to_numpy(), 100_000), newest


def _cell_to_root(folder: Path) -> Work:
    client, (asked, _) = opened(), _cells(folder)
    moment = client.version_timestamp(VERSIONS)
    ask = client.cell_id_to_root_id
    return lambda: ask(asked, timestamp=moment).reset_index(drop=True)


def _cell_merge(folder: Path) -> Work:
    asked, newest = _cells(folder)

    def work() -> Any:  # noqa: ANN401  a frame
        found = pd.DataFrame({"cell_id": asked}).merge(newest, "left", "cell_id")
        return found[["root_id"]]

    return work


def _diff(folder: Path) -> Work:
    del folder
    client = opened()
    return lambda: len(client.diff("nucleus_detection_v0", 1, 2).changed)


def _diff_merge(folder: Path) -> Work:
    paths = sorted((folder / "frames").iterdir())[:2]

    def work() -> int:
        old, new = map(pd.read_parquet, paths)
        both = old.merge(new, "outer", "cell_id", suffixes=("_old", "_new"))
        return int((both["root_id_old"] != both["root_id_new"]).sum())

    return work
