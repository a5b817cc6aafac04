"""Row sets: what was appended is held, and nothing else is."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortical_cache.errors import (
    CorruptStoreError,
    InvalidQueryError,
    StoreChangedError,
    StoreError,
)
from cortical_cache.model.coverage import Coverage, Keys, Request, Whole
from cortical_cache.model.held import HeldRows
from cortical_cache.store import Provenance, RowSet, RowSetState, Store
from cortical_cache.store.order import sort

from .kit import (
    CORTEX,
    FIRST,
    PROVENANCE,
    SHAPE,
    append_keys,
    files_under,
    ids,
    open_synapses,
    pieces,
    rows_of,
    table,
)


def append(rows: RowSet, values: pa.Table, coverage: Coverage, **terms: object) -> str:
    commit = rows.append(
        values, shape=SHAPE, coverage=coverage, provenance=PROVENANCE, **terms
    )
    return commit.id


def test_a_store_that_does_not_exist_holds_nothing_and_is_not_made(
    store: Store, synapses: RowSet, root: Path
):
    state = synapses.state()

    assert store.datasets() == ()
    assert not state.exists
    assert state.shape is None
    assert state.covered("post", [1]) == frozenset()
    assert state.held_whole() is None
    assert state.held_for("post", [1]) is None
    assert not root.exists()


def test_rows_are_the_appended_ones_with_their_commit_in_every_process(
    synapses: RowSet, root: Path
):
    commit = synapses.append(
        table(CORTEX), shape=SHAPE, coverage=Whole(), provenance=PROVENANCE, exact=True
    )

    state = open_synapses(root).state()

    assert state.commits == (commit,)
    assert state.shape == SHAPE
    assert state.is_whole
    assert state.rows == len(CORTEX)
    assert state.nbytes == sum(file.nbytes for file in commit.files)
    (piece,) = pieces(state.held_whole())
    assert [pq.read_table(file) for file in piece.files] == [table(CORTEX)]
    assert state.held_whole() == HeldRows(SHAPE, (piece,), exact=True)


def test_a_row_fetched_by_two_processes_counts_once(synapses: RowSet):
    append_keys(synapses, "post", [1, 2])
    append_keys(synapses, "post", [2, 3])

    state = synapses.state()
    held = state.held_for("post", [1, 2, 3])

    assert ids(held) == sorted(row[0] for row in CORTEX if row[2] in {1, 2, 3})
    assert state.covered("post", [0, 1, 2, 3]) == {1, 2, 3}


def test_keys_answer_only_for_their_own_column(synapses: RowSet):
    append_keys(synapses, "post", [1, 2])

    assert synapses.state().covered("pre", [1, 2]) == frozenset()
    assert synapses.state().held_for("pre", [1]) is None


def test_nothing_is_answered_unless_every_key_is_covered(synapses: RowSet):
    append_keys(synapses, "post", [1])

    assert synapses.state().held_for("post", [1, 2]) is None
    assert synapses.state().held_for("post", []) == HeldRows(SHAPE, ())


def test_a_whole_table_answers_for_keys(synapses: RowSet):
    append_keys(synapses, "post", [1])
    append(synapses, table(CORTEX), Whole())

    held = synapses.state().held_for("post", [0, 1])

    assert ids(held) == sorted(row[0] for row in CORTEX if row[2] in {0, 1})
    assert synapses.state().covered("pre", [5, 6]) == {5, 6}


def test_a_root_without_rows_is_covered_and_needs_no_file(synapses: RowSet):
    append(synapses, table([]), Keys("post", frozenset({77})))
    append_keys(synapses, "post", [1, 99])

    state = synapses.state()

    assert state.covered("post", [77, 99]) == {77, 99}
    assert state.held_for("post", [77, 99]) == HeldRows(SHAPE, ())
    held = state.held_for("post", [77])
    assert held is not None
    assert held.shape == SHAPE


def test_an_empty_table_is_whole_and_keeps_its_columns(synapses: RowSet):
    append(synapses, table([]), Whole())

    (piece,) = pieces(synapses.state().held_whole())

    assert pq.read_table(piece.files[0]).equals(table([]))
    assert synapses.state().held_for("post", [1]) == HeldRows(SHAPE, ())


def test_superseded_commits_no_longer_count_but_keep_their_files(
    synapses: RowSet, root: Path
):
    old = append_keys(synapses, "post", [1])
    before = files_under(root)

    append(
        synapses, rows_of("post", [1]), Keys("post", frozenset({1})), supersedes=[old]
    )

    assert len(synapses.state().commits) == 1
    assert synapses.state().rows == rows_of("post", [1]).num_rows
    assert before <= files_under(root)


def test_exact_rows_are_preferred_and_said_to_be_exact(synapses: RowSet):
    append(synapses, table(CORTEX), Whole(), exact=True)
    append(synapses, table(CORTEX), Whole())

    held = synapses.state().held_whole()

    assert held is not None
    assert held.exact


def test_rows_are_exact_only_if_every_piece_is(synapses: RowSet):
    append(synapses, rows_of("post", [1]), Keys("post", frozenset({1})), exact=True)
    append(synapses, rows_of("post", [2]), Keys("post", frozenset({2})))

    one, both = (synapses.state().held_for("post", keys) for keys in ([1], [1, 2]))

    assert one is not None
    assert both is not None
    assert (one.exact, both.exact) == (True, False)


def test_a_kept_reply_answers_its_request_and_no_other(synapses: RowSet):
    rows = table(reversed(CORTEX[:5]))
    append(synapses, rows, Request("abc"), sort_by=())

    state = synapses.state()
    held = state.held_request("abc")

    assert held is not None
    assert pq.read_table(held.pieces[0].files[0]).equals(rows)
    assert state.held_request("abe") is None
    assert not state.is_whole
    assert state.covered("post", [1]) == frozenset()


def test_files_are_sorted_with_null_last(synapses: RowSet):
    append(synapses, table(reversed(CORTEX)), Whole(), sort_by=("post", "id"))

    (piece,) = pieces(synapses.state().held_whole())
    found = pq.read_table(piece.files[0])

    assert found.to_pylist() == sorted(
        table(CORTEX).to_pylist(),
        key=lambda row: (row["post"] is None, row["post"] or 0, row["id"]),
    )


def test_a_second_state_costs_one_listing(synapses: RowSet, root: Path):
    append_keys(synapses, "post", [1])
    first = synapses.state()
    # If the commit were read again, this would be noticed.
    (commit,) = root.rglob("commits/*.json")
    commit.write_bytes(b"damaged")

    assert synapses.state() is first


def test_commits_of_other_processes_are_seen_at_once(synapses: RowSet, root: Path):
    assert not synapses.state().exists

    append_keys(open_synapses(root), "post", [1])

    assert synapses.state().covered("post", [1]) == {1}


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_stream_is_one_commit_of_files_cut_between_keys(synapses: RowSet, size: int):
    ordered = sorted(CORTEX, key=lambda row: (row[1], row[0]))
    with synapses.writer(
        shape=SHAPE,
        coverage=Whole(),
        provenance=PROVENANCE,
        sort_by=("pre", "id"),
        rows_per_file=20,
    ) as writer:
        for start in range(0, len(ordered), size):
            writer.write(table(ordered[start : start + size]))
            assert not synapses.state().exists

    state = synapses.state()
    (piece,) = pieces(state.held_whole())

    assert state.commits == (writer.commit,)
    assert [pq.read_metadata(file).num_rows for file in piece.files] == [12] * 5
    for key in range(5):
        (one,) = pieces(state.held_for("pre", [FIRST + key]))
        assert len(one.files) == 1


def test_a_key_larger_than_a_file_is_split(synapses: RowSet):
    with synapses.writer(
        shape=SHAPE,
        coverage=Whole(),
        provenance=PROVENANCE,
        sort_by=("pre", "id"),
        rows_per_file=5,
    ) as writer:
        writer.write(table((number, 1, 2) for number in range(12)))

    assert [file.rows for file in writer.commit.files] == [5, 5, 2]


@pytest.mark.parametrize("limit", [3, 10, 20, 30])
def test_null_and_zero_lie_in_files_of_their_own(synapses: RowSet, limit: int):
    order = sorted(CORTEX, key=lambda row: (row[2] is None, row[2] or 0))
    with synapses.writer(
        shape=SHAPE,
        coverage=Whole(),
        provenance=PROVENANCE,
        sort_by=("post", "id"),
        rows_per_file=limit,
    ) as writer:
        writer.write(table(order))

    (piece,) = pieces(synapses.state().held_whole())
    values = [set(pq.read_table(file)["post"].to_pylist()) for file in piece.files]

    assert ids(synapses.state().held_whole()) == [row[0] for row in CORTEX]
    assert all(one in ({0}, {None}) or not one & {0, None} for one in values)
    assert {0} in values
    assert {None} in values


@pytest.mark.parametrize("by", [(), ("id",), ("post", "id"), ("pre",)])
@pytest.mark.parametrize(
    "rows", [CORTEX, CORTEX[::-1], CORTEX[:1], [], [(1, 1, None), (2, 2, 1), (3, 3, 2)]]
)
def test_rows_are_sorted_whether_they_come_sorted_or_not(
    rows: list[tuple[int, int, int | None]], by: tuple[str, ...]
):
    def key(row: dict[str, int | None]) -> list[tuple[bool, int]]:
        return [(row[name] is None, row[name] or 0) for name in by]

    for came in (table(rows), sort(table(rows), by)):
        assert sort(came, by).to_pylist() == sorted(came.to_pylist(), key=key)


keys = st.one_of(st.none(), st.integers(0, 3))


@given(rows=st.lists(st.tuples(keys, keys), max_size=8))
def test_a_sorted_stream_stays_as_it_is_with_null_at_its_end(
    rows: list[tuple[int | None, int | None]],
):
    first = pa.array([one for one, _ in rows], pa.int64())
    second = pa.array([two for _, two in rows], pa.int64())
    came = pa.table({"a": first, "b": second})
    expected = came.sort_by([("a", "ascending"), ("b", "ascending")])

    found = sort(came, ("a", "b"))

    assert found.equals(expected)
    if not second.null_count and came.equals(expected):
        assert found is came


def test_copies_are_complete_and_never_read_together(synapses: RowSet):
    with synapses.writer(
        shape=SHAPE, coverage=Whole(), provenance=PROVENANCE, sort_by=("post", "id")
    ) as writer:
        writer.write(table(CORTEX))
        writer.start_copy(("pre", "id"))
        writer.write(table(CORTEX))

    state = synapses.state()

    assert state.rows == len(CORTEX)
    assert ids(state.held_whole()) == [row[0] for row in CORTEX]
    for column in ("pre", "post"):
        (piece,) = pieces(state.held_for(column, [FIRST, 1]))
        (file,) = piece.files
        chosen = next(one for one in writer.commit.files if one.name in file)
        assert chosen.sorted_by == (column, "id")


def test_copies_that_differ_are_refused(synapses: RowSet, root: Path):
    def write() -> None:
        with synapses.writer(
            shape=SHAPE, coverage=Whole(), provenance=PROVENANCE
        ) as writer:
            writer.write(table(CORTEX))
            writer.start_copy(("pre", "id"))
            writer.write(table(CORTEX[1:]))

    with pytest.raises(InvalidQueryError, match="number of rows"):
        write()

    assert not synapses.state().exists
    assert not list(root.rglob("*.parquet"))


def test_an_error_in_the_block_leaves_nothing(synapses: RowSet, root: Path):
    def write() -> None:
        with synapses.writer(
            shape=SHAPE, coverage=Whole(), provenance=PROVENANCE, rows_per_file=10
        ) as writer:
            writer.write(table(CORTEX))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()

    assert not synapses.state().exists
    assert not list(root.rglob("*.parquet"))


@pytest.mark.parametrize(
    ("break_it", "sentence"),
    [
        (lambda rows: append(rows, table([]).drop(["pre"]), Whole()), "lack .* pre"),
        (
            lambda rows: append(rows, table([]), Keys("root", frozenset({1}))),
            "lack .* root",
        ),
        (lambda rows: append(rows, table([]), Whole(), sort_by=["z"]), "lack .* z"),
        (lambda rows: append(rows, table([]), Whole(), supersedes=["../x"]), "not the"),
    ],
)
def test_what_could_not_be_read_back_is_refused(
    synapses: RowSet, break_it: Callable[[RowSet], str], sentence: str
):
    with pytest.raises(InvalidQueryError, match=sentence):
        break_it(synapses)

    assert not synapses.state().exists


def test_batches_must_agree(synapses: RowSet):
    writer = synapses.writer(shape=SHAPE, coverage=Whole(), provenance=PROVENANCE)
    narrow = [("id", pa.int64()), ("pre", pa.int64()), ("post", pa.int32())]

    def write() -> None:
        with writer:
            writer.write(table(CORTEX))
            writer.write(table(CORTEX).cast(pa.schema(narrow)))

    with pytest.raises(InvalidQueryError, match="between two batches"):
        write()
    with pytest.raises(StoreError, match="nothing is committed"):
        _ = writer.commit


def test_a_writer_without_a_batch_is_refused(synapses: RowSet):
    with (
        pytest.raises(InvalidQueryError, match="without rows"),
        synapses.writer(shape=SHAPE, coverage=Whole(), provenance=PROVENANCE),
    ):
        pass


def test_provenance_is_in_commit_and_file(synapses: RowSet):
    provenance = Provenance(
        "export", "gs://bucket", PROVENANCE.fetched_at, {"generation": "7"}
    )
    synapses.append(table(CORTEX), shape=SHAPE, coverage=Whole(), provenance=provenance)

    (commit,) = synapses.state().commits
    (piece,) = pieces(synapses.state().held_whole())

    assert commit.provenance == provenance
    metadata = pq.read_metadata(piece.files[0]).metadata
    assert b'"generation": "7"' in metadata[b"cortical_cache"]


@pytest.mark.parametrize(
    ("server", "details"),
    [
        ("https://x", {"auth_token": "abc"}),
        ("https://x", {"url": "https://x/?middle_auth_token=abc"}),
        ("https://x", {"headers": "Bearer abc"}),
        ("https://user:abc@x", {}),
    ],
)
def test_provenance_takes_no_credentials_and_does_not_print_them(
    server: str, details: dict[str, str]
):
    with pytest.raises(InvalidQueryError) as caught:
        Provenance("cave", server, PROVENANCE.fetched_at, details)

    assert "abc" not in str(caught.value)


def test_a_reader_under_whom_files_vanish_asks_once_more(synapses: RowSet, root: Path):
    append(synapses, table(CORTEX), Whole())
    seen: list[RowSetState] = []

    def ask(state: RowSetState) -> list[int]:
        seen.append(state)
        if len(seen) == 1:
            # Another process replaces the commit and sweeps what it replaced.
            other = open_synapses(root)
            append(other, table(CORTEX), Whole(), supersedes=[state.commits[0].id])
            (
                root / "minnie/v1300/tables/synapses" / state.commits[0].files[0].name
            ).unlink()
        return ids(state.held_whole())

    assert synapses.read(ask) == [row[0] for row in CORTEX]
    assert len(seen) == 2


@pytest.mark.parametrize("late", [False, True])
def test_files_that_stay_away_are_an_error(synapses: RowSet, root: Path, late: bool):
    append(synapses, table(CORTEX), Whole())
    paths = list(root.rglob("*.parquet"))

    def ask(state: RowSetState) -> list[int]:
        held = state.held_whole() if late else None
        for path in paths:
            path.unlink(missing_ok=True)
        return ids(held or state.held_whole())

    with pytest.raises(StoreChangedError):
        synapses.read(ask)


def test_a_cut_or_changed_file_is_never_offered(synapses: RowSet, root: Path):
    append(synapses, table(CORTEX), Whole())
    (path,) = root.rglob("*.parquet")
    good = path.read_bytes()

    for damaged in (good[:-1], good + b"x", good[:50] + b"\xff" + good[51:]):
        path.write_bytes(damaged)
        with pytest.raises(CorruptStoreError, match=path.name):
            open_synapses(root).state().held_whole()

    path.write_bytes(good)
    assert open_synapses(root).state().held_whole() is not None


def test_a_file_cut_after_its_first_use_is_not_offered_again(
    synapses: RowSet, root: Path
):
    append(synapses, table(CORTEX), Whole())
    assert synapses.state().held_whole() is not None
    (path,) = root.rglob("*.parquet")
    path.write_bytes(path.read_bytes()[:-1])

    with pytest.raises(CorruptStoreError, match="bytes"):
        synapses.state().held_whole()


def test_asking_what_is_held_imports_no_pyarrow(synapses: RowSet, root: Path):
    append(synapses, table(CORTEX), Whole())
    code = (
        "import sys; from pathlib import Path; from cortical_cache.store import Store\n"
        f"data = Store(Path({str(root)!r})).dataset(\n"
        "    'minnie', datastack='minnie65', server='https://global.example.org')\n"
        "state = data.rows('table', 'synapses', 1300).state()\n"
        "assert state.held_for('post', [1]).pieces\n"
        "heavy = {'pyarrow', 'pandas', 'duckdb', 'numpy', 'filelock'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )

    done = subprocess.run([sys.executable, "-c", code], check=False)

    assert done.returncode == 0
