"""Whatever is done to a row set, it holds what a dict of the same deeds holds."""

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cortical_cache.model.coverage import Coverage, Keys, Request, Whole
from cortical_cache.store import Store

from .kit import (
    CORTEX,
    FIRST,
    PROVENANCE,
    SHAPE,
    ids,
    open_synapses,
    rows_of,
    sweep_later,
    table,
)

# Some of each have rows in the cortex, some have none.
KEYS = {
    "pre": st.integers(FIRST, FIRST + 6),
    "post": st.integers(-1, 5),
    "id": st.integers(FIRST - 1, FIRST + 3),
}
PLACE = {"id": 0, "pre": 1, "post": 2}


class RowSetIsADict(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.rows = open_synapses(self.root)
        self.model: dict[str, Coverage] = {}

    def append(
        self, data: st.DataObject, coverage: Coverage, values: object, *, replace: bool
    ) -> None:
        old = (
            data.draw(st.sets(st.sampled_from(sorted(self.model))))
            if replace and self.model
            else set[str]()
        )
        commit = self.rows.append(
            values,
            shape=SHAPE,
            coverage=coverage,
            provenance=PROVENANCE,
            supersedes=old,
            sort_by=data.draw(st.sampled_from([(), ("id",), ("post", "id")])),
            exact=data.draw(st.booleans()),
        )
        self.model = {key: self.model[key] for key in self.model if key not in old}
        self.model[commit.id] = coverage

    @rule(data=st.data(), column=st.sampled_from(sorted(KEYS)), replace=st.booleans())
    def append_keys(self, data: st.DataObject, column: str, *, replace: bool) -> None:
        keys = data.draw(st.frozensets(KEYS[column], max_size=4))
        self.append(data, Keys(column, keys), rows_of(column, keys), replace=replace)

    @rule(data=st.data(), replace=st.booleans())
    def append_whole(self, data: st.DataObject, *, replace: bool) -> None:
        self.append(data, Whole(), table(CORTEX), replace=replace)

    @rule(data=st.data(), replace=st.booleans())
    def keep_a_reply(self, data: st.DataObject, *, replace: bool) -> None:
        self.append(data, Request("digest"), table(CORTEX[:3]), replace=replace)

    @rule()
    def reopen(self) -> None:
        self.rows = open_synapses(self.root)

    @rule()
    def sweep(self) -> None:
        sweep_later(self.root)

    @precondition(lambda self: self.model)
    @rule()
    def verify(self) -> None:
        assert Store(self.root).verify("minnie", deep=True) == ()

    @rule(data=st.data(), column=st.sampled_from(sorted(KEYS)))
    def ask(self, data: st.DataObject, column: str) -> None:
        keys = data.draw(st.sets(KEYS[column], max_size=5))
        covered = {key for key in keys if self.covers(column, key)}

        state = self.rows.state()
        held = state.held_for(column, keys)

        assert state.covered(column, keys) == covered
        if covered == keys and self.model:
            expected = (row[0] for row in CORTEX if row[PLACE[column]] in keys)
            assert held is not None
            assert ids(held) == sorted(expected)
        else:
            assert held is None

    def covers(self, column: str, key: int) -> bool:
        return any(
            coverage == Whole()
            or (
                isinstance(coverage, Keys)
                and coverage.column == column
                and key in coverage.values
            )
            for coverage in self.model.values()
        )

    @invariant()
    def holds_the_commits_that_count(self) -> None:
        state = self.rows.state()
        assert {one.id: one.coverage for one in state.commits} == self.model
        assert state.exists == bool(self.model)
        assert state.is_whole == (Whole() in self.model.values())
        if state.is_whole:
            assert ids(state.held_whole()) == [row[0] for row in CORTEX]
            assert state.rows == len(CORTEX)
        replies = state.held_request("digest")
        assert (replies is not None) == (Request("digest") in self.model.values())

    def teardown(self) -> None:
        shutil.rmtree(self.root)


TestRowSetIsADict = RowSetIsADict.TestCase
TestRowSetIsADict.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None
)
