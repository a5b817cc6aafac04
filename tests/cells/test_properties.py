"""Facts by id, lives, places and the index, against plain models of them."""

import os
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from cortical_cache import load_client
from cortical_cache.cache.keyed import MISSING, Keyed
from cortical_cache.client import Client
from cortical_cache.model.coverage import Whole
from cortical_cache.model.moments import from_micros
from cortical_cache.model.shape import Column, ColumnType, TableShape
from cortical_cache.repositories.cellmaps import NONE, Sightings
from cortical_cache.repositories.roots import Lives
from cortical_cache.store import Provenance, Store
from tests.cells.kit import MAIN, OTHER

BIG = 864691135336055529
ids = st.sampled_from([0, 1, BIG, BIG + 1, 2**63 - 1])
values = st.sampled_from([MISSING, -1, 0, 5, BIG])
rows = st.lists(st.tuples(ids, values, values), min_size=1, max_size=4)


def column(numbers: object) -> np.ndarray:
    return np.array(list(numbers), np.int64)


def offline_client(folder: str) -> Client:
    """Return a client without a server, whose store is empty."""
    return load_client("demo", offline=True, cache_dir=Path(folder))


class KeyedIsADictOfSets(RuleBasedStateMachine):
    """Two instances on one folder: what either is told, both know."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.model: dict[int, set[tuple[int, int]]] = {}
        self.both = []
        for _ in range(2):
            store = Store(Path(self.folder.name)).dataset(
                "demo", datastack="demo", server="http://127.0.0.1:1"
            )
            row_set = store.rows("graph", "facts", 0)
            self.both.append(Keyed(row_set, "key", ("one", "two"), "s", compact_at=4))
            self.row_set = row_set

    @rule(who=st.integers(0, 1), rows=rows)
    def add(self, who: int, rows: list[tuple[int, int, int]]) -> None:
        self.both[who].add([column(row[n] for row in rows) for n in range(3)])
        for key, one, two in rows:
            self.model.setdefault(key, set()).add((one, two))

    @rule(who=st.integers(0, 1))
    def compact(self, who: int) -> None:
        self.both[who].compact()

    @invariant()
    def both_know_all(self) -> None:
        for who in range(2):
            self.get(who, [0, 1, BIG, BIG + 1, 2**63 - 1])

    @rule(who=st.integers(0, 1), keys=st.lists(ids, max_size=6))
    def get(self, who: int, keys: list[int]) -> None:
        found = self.both[who].get(column(keys))
        told = {place: set() for place in range(len(keys))}
        for place, one, two in zip(
            found.asked.tolist(),
            found.columns["one"].tolist(),
            found.columns["two"].tolist(),
            strict=True,
        ):
            told[place].add((one, two))
        assert told == {n: self.model.get(key, set()) for n, key in enumerate(keys)}

    @invariant()
    def few_commits_are_left(self) -> None:
        assert len(self.row_set.state().commits) <= 4

    def teardown(self) -> None:
        self.folder.cleanup()


TestKeyedIsADictOfSets = KeyedIsADictOfSets.TestCase
TestKeyedIsADictOfSets.settings = settings(
    max_examples=10, stateful_step_count=16, deadline=None
)


# Lives: a root is current from its creation until just before its end.

times = st.integers(0, 12)


@st.composite
def known_life(draw):
    """Return a true life and what is known of it."""
    created = draw(times)
    ended = draw(st.none() | st.integers(created + 1, 14))
    seen = draw(st.none() | st.integers(created, (ended or 15) - 1))
    told = draw(st.tuples(st.booleans(), st.booleans()))
    return (
        (created, 99 if ended is None else ended),
        (
            created if told[0] else MISSING,
            ended if told[1] and ended is not None else MISSING,
            MISSING if seen is None else seen,
        ),
    )


@given(st.lists(known_life(), min_size=1), times)
def test_a_life_is_told_right_and_as_far_as_it_is_known(histories, moment):
    truth = [created <= moment < ended for (created, ended), _ in histories]
    told = Lives(*(column(known[n] for _, known in histories) for n in range(3)))

    alive, dead = told.alive_at(moment), told.dead_at(moment)

    for is_alive, (_, (created, ended, seen)), sure, never in zip(
        truth, histories, alive, dead, strict=True
    ):
        assert is_alive or not sure
        assert not (is_alive and never)
        has = MISSING.__ne__
        if has(created) and (has(ended) or (has(seen) and seen >= moment)):
            assert sure == is_alive
            assert never == (not is_alive)
        if has(ended) and moment >= ended:
            assert never


# Places: supervoxels pass from root to root, and some have none for a while.


@dataclass
class Past:
    """One supervoxel's roots: each from its time on until the next one's."""

    roots: list[tuple[int, int]]

    def at(self, moment: int) -> int:
        return next((r for t, r in reversed(self.roots) if t <= moment), 0)

    def life(self, root: int) -> tuple[int, int]:
        times = [*(t for t, _ in self.roots), 99]
        number = [r for _, r in self.roots].index(root)
        return times[number], times[number + 1]


@st.composite
def pasts(draw):
    """Return pasts of some supervoxels; no two share a root."""
    found = {}
    for atom in range(1, draw(st.integers(1, 3)) + 1):
        changes = sorted(draw(st.sets(times, min_size=1, max_size=4)))
        roots = [
            0 if draw(st.booleans()) and n % 2 else BIG + 100 * atom + n
            for n in range(len(changes))
        ]
        found[atom] = Past(list(zip(changes, roots, strict=True)))
    return found


@settings(max_examples=30, deadline=None)
@given(
    pasts(),
    st.lists(st.tuples(st.integers(1, 3), times), max_size=8),
    st.lists(st.tuples(st.integers(1, 3), times), max_size=4),
    st.lists(st.tuples(st.integers(1, 3), times, st.booleans()), max_size=4),
)
def test_a_place_is_told_right_and_wherever_it_follows(past, asked, seen, lived):
    asked = [(atom, t) for atom, t in asked if atom in past]
    seen = [(atom, t) for atom, t in seen if atom in past]
    lived = [
        (past[atom].at(t), *past[atom].life(past[atom].at(t)), t, over)
        for atom, t, over in lived
        if atom in past and past[atom].at(t)
    ]
    with tempfile.TemporaryDirectory() as folder:
        client = offline_client(folder)
        store = client.repositories.store
        Keyed(
            store.rows("graph", "supervoxel_roots", 0),
            "supervoxel_id",
            ("root_id", "observed_at"),
            "s",
        ).add(
            [
                column(atom for atom, _ in asked),
                column(past[atom].at(t) for atom, t in asked),
                column(t for _, t in asked),
            ]
        )
        Keyed(
            store.rows("graph", "root_lives", 0),
            "root_id",
            ("created_at", "ended_at", "seen_at"),
            "s",
        ).add(
            [
                column(root for root, *_ in lived),
                column(created for _, created, *_ in lived),
                column(e if over and e < 99 else MISSING for _, _, e, _, over in lived),
                column(t for _, _, _, t, _ in lived),
            ]
        )
        sightings = Sightings(
            column(atom for atom, _ in seen),
            column(past[atom].at(t) for atom, t in seen),
            column(t for _, t in seen),
        )
        places = client.repositories.places

        for moment in range(-1, 14):
            found = places.held(column(past), from_micros(moment), sightings)

            for atom, told in zip(past, found.tolist(), strict=True):
                right = past[atom].at(moment)
                assert told in {right, MISSING}
                facts = {(t, past[atom].at(t)) for a, t in [*asked, *seen] if a == atom}
                same = [t for t, root in facts if root == right and root]
                spanned = same and min(same) <= moment <= max(same)
                life = [one for one in lived if one[0] == right]
                covered = bool(same) and any(
                    created <= moment
                    and (
                        moment <= max(one[3] for one in life)
                        or any(over and e < 99 for _, _, e, _, over in life)
                    )
                    for _, created, *_ in life
                )
                follows = (moment, right) in facts or spanned or covered
                assert (told != MISSING) == bool(follows)


# The index: of each root the newest version that has it counts.

cell_rows = st.lists(
    st.tuples(
        st.integers(1, 4),  # cell
        st.sampled_from([None, 0, BIG, BIG + 1, BIG + 2]),  # root
        st.booleans(),  # valid
    ),
    max_size=5,
)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 9), cell_rows, cell_rows),
        min_size=1,
        max_size=3,
        unique_by=lambda one: one[0],
    )
)
def test_the_index_has_of_each_root_what_the_newest_version_says(versions):
    wanted: dict[int, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        client = offline_client(folder)
        for day, main, other in versions:
            fill(client, 10 - day, day, main, other)
        for _, main, other in sorted(versions, key=lambda one: one[0]):
            here: dict[int, set[int]] = {}
            for cell, root, valid in [*main, *other]:
                if valid and root:
                    here.setdefault(root, set()).add(cell)
            wanted |= {
                root: cells.pop() if len(cells) == 1 else NONE
                for root, cells in here.items()
            }
        everything = column([0, BIG - 1, BIG, BIG + 1, BIG + 2, BIG + 3])

        index = client.repositories.cells.maps.index()

        assert index.find(everything).tolist() == [
            wanted.get(root, MISSING) for root in everything.tolist()
        ]
        assert len(index.moments) == len(versions)


def fill(client: Client, version: int, day: int, main: list, other: list) -> None:
    """Hold the cell tables of a version; versions are not numbered by their time."""
    stamp = datetime(2024, 1, day, tzinfo=UTC)
    store = client.repositories.store
    store.write_version(
        version,
        {
            "version": version,
            "datastack": "demo",
            "time_stamp": stamp.isoformat(),
            "status": "AVAILABLE",
            "valid": True,
            "is_merged": True,
            "expires_on": stamp.isoformat(),
        },
    )
    for name, key, rows in ((MAIN, "id", main), (OTHER, "target_id", other)):
        columns = {
            "id": pa.array(range(len(rows)), pa.int64()),
            key: pa.array([cell for cell, _, _ in rows], pa.int64()),
            "pt_root_id": pa.array([root for _, root, _ in rows], pa.int64()),
            "valid": pa.array([valid for *_, valid in rows], pa.bool_()),
        }
        kinds = {"valid": ColumnType.BOOLEAN}
        store.rows("table", name, version).append(
            pa.table(columns),
            shape=TableShape(
                name,
                "table",
                tuple(
                    Column(one, kinds.get(one, ColumnType.BIGINT)) for one in columns
                ),
                is_merged=True,
                voxel_resolution=(1.0, 1.0, 1.0),
            ),
            coverage=Whole(),
            provenance=Provenance("cave", "http://127.0.0.1:1", stamp),
        )


def test_a_version_counts_once_all_its_cell_tables_are_there(tmp_path):
    client = offline_client(os.fspath(tmp_path))
    maps = client.repositories.cells.maps
    rows = [(7, BIG, True)]
    fill(client, 1, 1, rows, [])
    assert maps.index().find(column([BIG])).tolist() == [7]

    fill(client, 2, 2, [(8, BIG, True)], [(8, BIG, True)])  # the index is read anew

    assert maps.index().find(column([BIG])).tolist() == [8]
