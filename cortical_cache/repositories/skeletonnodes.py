"""The nodes of all held skeletons as rows, for SQL; derived, so it can be made anew."""

import json
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cortical_cache.cache.keyed import Keyed
from cortical_cache.model.ids import MISSING
from cortical_cache.model.json import JsonObject, as_object
from cortical_cache.repositories.skeletonoutcome import as_arrays
from cortical_cache.store import DatasetStore, RowSetState

__all__ = ["NAME", "fill", "is_fillable"]

NAME = "skeleton_nodes"

_KEYS = ("root_id", "skeleton_version")
_COLUMNS = ("skeleton_version", "node", "parent", "compartment")
_FLOATS = ("x", "y", "z", "radius")
_NODES_A_COMMIT = 200_000

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def fill(store: DatasetStore, server: str) -> None:
    """Add the nodes of held skeletons that are not there yet. No network.

    Parameters
    ----------
    store : DatasetStore
    server : str
        Address, for the provenance.

    Raises
    ------
    CorruptStoreError
        If a skeleton's file is damaged.
    """
    row_set = store.rows("graph", NAME, 0)
    there = row_set.read(_there)
    table = Keyed(row_set, _KEYS[0], _COLUMNS, server, floats=_FLOATS)
    waiting: list[tuple[list[Ints], list[Floats]]] = []
    size = 0
    for version in _versions(store):
        objects = store.objects("skeletons", f"v{version}")
        for name in objects.names():
            held = None if (int(name), version) in there else objects.read(name)
            if held is None:
                continue
            waiting.append(_rows(int(name), version, as_object(json.loads(held))))
            size += len(waiting[-1][0][0])
            if size >= _NODES_A_COMMIT:
                _keep(table, waiting)
                waiting, size = [], 0
    _keep(table, waiting)


def is_fillable(store: DatasetStore) -> bool:
    """Tell whether a skeleton is held whose nodes could be added."""
    return any(
        True
        for version in _versions(store)
        for _ in store.objects("skeletons", f"v{version}").names()
    )


def _versions(store: DatasetStore) -> list[int]:
    groups = {
        one.group
        for layer in (store, *store.below)
        for one in layer.object_groups()
        if one.kind == "skeletons"
    }
    numbers = [int(one[1:]) for one in groups if one[:1] == "v" and one[1:].isdigit()]
    return sorted(numbers)


def _there(state: RowSetState) -> set[tuple[int, int]]:
    """Return which skeletons, by root id and version, have rows."""
    return {
        skeleton
        for commit in state.commits
        for file in commit.files
        for skeleton in _named(state.folder_of(commit) / file.name)
    }


@lru_cache(maxsize=1_000)
def _named(path: Path) -> frozenset[tuple[int, int]]:
    """Return which skeletons a file names; it is read once, as it never changes."""
    import pyarrow.parquet as pq

    once = pq.read_table(path, columns=[*_KEYS]).group_by([*_KEYS]).aggregate([])
    return frozenset(zip(*(once[one].to_pylist() for one in _KEYS), strict=True))


def _rows(
    root: int, version: int, skeleton: JsonObject
) -> tuple[list[Ints], list[Floats]]:
    arrays = as_arrays(skeleton)
    vertices = np.asarray(arrays["vertices"], np.float64).reshape(-1, 3)
    edges = np.asarray(arrays["edges"], np.int64).reshape(-1, 2)
    size = len(vertices)
    parent = np.full(size, MISSING, np.int64)
    parent[edges[:, 0]] = edges[:, 1]  # the child comes first
    whole = [
        np.full(size, root, np.int64),
        np.full(size, version, np.int64),
        np.arange(size),
        parent,
        np.asarray(arrays.get("compartment", np.full(size, MISSING)), np.int64),
    ]
    radius = np.asarray(arrays.get("radius", np.full(size, np.nan)), np.float64)
    return whole, [*vertices.T, radius]


def _keep(table: Keyed, waiting: list[tuple[list[Ints], list[Floats]]]) -> None:
    if waiting:
        whole = zip(*(one for one, _ in waiting), strict=True)
        real = zip(*(one for _, one in waiting), strict=True)
        table.add([*map(np.concatenate, whole)], [*map(np.concatenate, real)])
