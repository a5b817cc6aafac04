"""What caveclient answers, put right where the project differs from it on purpose.

Each documented difference (docs/differences.md) is one function here, named like its
test. It refuses a question, or says which other questions to the same server bring
the rows that are due: so the server itself stays the judge of every row.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from cortical_cache.demo.rows import WHOLE_KINDS
from cortical_cache.errors import InvalidQueryError, UnsupportedQueryError
from tests.differential.compare import multiset, without_columns
from tests.differential.questions import COMPARISONS, KINDS, TIME, Question, plain
from tests.differential.worlds import Drawn

Answer = Any  # a frame, or a list of records
Ask = Callable[[Question], Answer]


@dataclass
class Expected:
    """What an answer must be.

    `error` is what the question must raise, if anything; `sample` is caveclient's
    answer to the question as it is, or to the one nearest to it, which has other
    `attrs` (`unlike`); `rows` are all rows of which the answer has `size`, or any
    number.
    """

    error: type[Exception] | Exception | None = None
    sample: Answer = None
    rows: Counter = field(default_factory=Counter)
    size: int | None = 0
    differences: tuple[str, ...] = ()
    unlike: frozenset[str] = frozenset()


def expected(question: Question, drawn: Drawn, ask: Ask) -> Expected:
    """Ask caveclient a question, and whatever else the differences need to know."""
    for refusal, error in REFUSALS.items():
        if refusal(question, drawn):
            return Expected(error, differences=(refusal.__name__,))
    try:
        if question.get("include_zeros") is False:
            return include_zeros_false_leaves_out_root_zero(question, ask)
        return _answered(question, drawn, ask)
    except Exception as error:  # noqa: BLE001 - caveclient raises what it likes
        return Expected(error)


def _answered(question: Question, drawn: Drawn, ask: Ask) -> Expected:
    used: list[str] = []
    question = joins_keep_the_order_of_their_tables(question)
    question, sample = _sample(question, drawn, ask, used)
    if isinstance(sample, pd.DataFrame) and not len(sample.columns):
        raise Unknowable  # nothing shows how many rows there are
    whole = question.without("limit", "offset", "get_counts", "random_sample")
    if question.get("get_counts"):
        whole = whole.without("select_columns")
    rows = _rows(whole, drawn, ask, used)
    size: int | None = max(0, rows.total() - (question.get("offset") or 0))
    if question.get("random_sample") and question.method != "query_view":
        used.append("a_random_sample_is_the_servers")
        size = None
    elif question.get("get_counts"):
        if question.is_join:
            used.append("get_counts_counts_the_rows_of_a_join")
            sample = counted(sample, size)
        rows, size = Counter([(("count", size),)]), 1
    elif question.get("limit") is not None:
        size = min(size, question.get("limit"))
    return Expected(
        None,
        sample,
        rows,
        size,
        tuple(used),
        frozenset[str]().union(*(UNLIKE.get(one, ()) for one in used)),
    )


def _sample(
    question: Question, drawn: Drawn, ask: Ask, used: list[str]
) -> tuple[Question, Answer]:
    """Return caveclient's own answer, to the nearest question that it can ask."""
    try:
        return question, ask(question)
    except TypeError as error:
        if "JSON serializable" not in str(error):
            raise
        used.append("filters_take_any_list_of_values")
        question = question.plain()
    except Exception as error:
        if "has no attribute" not in str(error):
            raise
    return question, _alone(question, drawn, ask, used)


def include_zeros_false_leaves_out_root_zero(question: Question, ask: Ask) -> Expected:
    """Ask for all, and drop what has a root id 0."""
    name = "include_zeros_false_leaves_out_root_zero"
    whole = ask(question.without("limit", "offset"))
    zero = (whole["pre_pt_root_id"] == 0) | (whole["post_pt_root_id"] == 0)
    rows = multiset(whole[~zero.fillna(value=False)])
    size = max(0, rows.total() - question.get("offset", 0))
    return Expected(
        None, ask(question), rows, min(size, question.get("limit", size)), (name,)
    )


def counted(sample: Answer, number: int) -> Answer:
    """get_counts_counts_the_rows_of_a_join: show the rows' number, not the rows."""
    if isinstance(sample, list):
        return [{"count": number}]
    count = pd.DataFrame({"count": [number]})
    count.attrs = sample.attrs
    return count


def _rows(question: Question, drawn: Drawn, ask: Ask, used: list[str]) -> Counter:
    """Return the rows that are due, whatever the server does with `filter_out_dict`."""
    left_out = [
        (table, column, value)
        for table, columns in question.filters("out").items()
        for column, value in (columns or {}).items()
    ]
    bare = question.without("filter_out_dict")
    return _leaving_out(bare, left_out, drawn, ask, used)


def _leaving_out(
    question: Question, left_out: list, drawn: Drawn, ask: Ask, used: list[str]
) -> Counter:
    if not left_out:
        asked = text_with_percent_matches(question, drawn, used)
        return multiset(_alone(asked, drawn, ask, used))
    used.append("filter_out_dict_filters")
    (table, column, value), *rest = left_out
    found = _leaving_out(question, rest, drawn, ask, used)
    values = plain(value)
    present = values
    if isinstance(values, list):
        present = [one for one in values if one is not None]
    among = question.filtering("in", table, column, present)
    gone = _leaving_out(among, rest, drawn, ask, used)
    if isinstance(values, list) and None in values:
        equal = question.filters("equal").get(table, {})
        if plain(equal.get(column)) is None:
            missing = question.filtering("equal", table, column, None)
            gone += _leaving_out(missing, rest, drawn, ask, used)
    assert not gone - found, "what is left out is among the rows"
    return found - gone


def _alone(question: Question, drawn: Drawn, ask: Ask, used: list[str]) -> Answer:
    """a_single_column_can_be_selected: ask for another one, too, and drop it."""
    try:
        return ask(question)
    except Exception as error:
        if "has no attribute" not in str(error):
            raise
    used.append("a_single_column_can_be_selected")
    chosen = question.get("select_columns")
    if not chosen:  # a view of one column: nothing shows its rows
        raise Unknowable
    lists = chosen.values() if isinstance(chosen, dict) else [chosen]
    flat = [name for names in lists for name in names]
    known = {
        name: kind
        for table in question.tables
        for name, kind in drawn[table].columns(question.version).items()
        if name not in flat and name != "deleted" and kind != "geometry"
        if not name.endswith("_root_id")  # its supervoxel would come with it
    }
    if isinstance(chosen, dict):
        (table,) = (table for table, names in chosen.items() if names)
        own = [n for n in known if n in drawn[table].columns(question.version)]
        extra = next(iter(own), None)
        wider: object = {table: [*chosen[table], extra]}
    else:
        extra = next(iter(known), None)
        wider = [*chosen, extra]
    if extra is None:
        raise Unknowable
    return without_columns(ask(question.having(select_columns=wider)), extra)


class Unknowable(Exception):  # noqa: N818 - no error of the program
    """No question to the server brings the rows that are due."""


def joins_keep_the_order_of_their_tables(question: Question) -> Question:
    """Select in the order of the tables: the server lets the selection decide."""
    chosen = question.get("select_columns")
    if not isinstance(chosen, dict):
        return question
    ordered = {table: chosen[table] for table in question.tables if table in chosen}
    return question.having(select_columns=ordered)


def text_with_percent_matches(
    question: Question, drawn: Drawn, used: list[str]
) -> Question:
    """Ask by a regular expression for what the server cannot match literally."""
    for kind in ("in", "equal", "regex"):
        for table, columns in question.filters(kind).items():
            for column, value in (columns or {}).items():
                if "%" not in str(plain(value)):
                    continue
                kinds = drawn[table].columns(question.version)
                if kinds.get(column) != "character varying":
                    continue
                used.append("text_with_percent_matches")
                question = _by_pattern(question, kind, table, column)
    return question


def _by_pattern(question: Question, kind: str, table: str, column: str) -> Question:
    value = plain(question.filters(kind)[table][column])
    if kind == "regex":
        pattern = value.replace("%", "\\x25")
        return question.filtering("regex", table, column, pattern)
    if kind == "in" and not isinstance(value, list):
        return question  # the server refuses it, and so must we
    members = value if isinstance(value, list) else [value]
    texts = [one for one in members if one is not None]
    if not all(isinstance(one, str) for one in texts):
        return question  # the server refuses it, and so must we
    if column in question.filters("regex").get(table, {}):
        raise Unknowable
    escaped = [re.escape(one).replace("%", "\\x25") for one in texts]
    question = _without_filter(question, kind, table, column)
    pattern = f"\\A(?:{'|'.join(escaped)})\\Z"
    return question.filtering("regex", table, column, pattern)


def _without_filter(question: Question, kind: str, table: str, column: str) -> Question:
    kept = {
        t: {c: one for c, one in columns.items() if (t, c) != (table, column)}
        for t, columns in question.filters(kind).items()
    }
    whole = kept if question.method == "join_query" else kept[question.about]
    return question.having(**{f"filter_{kind}_dict": whole})


def a_join_of_three_tables_is_refused(question: Question, drawn: Drawn) -> bool:
    return len(question.tables) > 2


def filters_on_tables_outside_are_refused(question: Question, drawn: Drawn) -> bool:
    return any(
        columns and table not in question.tables
        for kind in KINDS
        for table, columns in question.filters(kind).items()
    )


def float_ids_that_may_have_lost_digits_are_refused(
    question: Question, drawn: Drawn
) -> bool:
    # every integer of a view arrives as a wide one
    wide = WHOLE_KINDS if question.method == "query_view" else {"bigint"}
    return any(
        of in wide and _is_damaged(one, kind)
        for kind, of, one in _compared(question, drawn)
    )


def _is_damaged(value: object, kind: str) -> bool:
    if not isinstance(value, float) or value - value != 0:  # NaN, inf
        return False
    return abs(value) >= 2**53 or (value % 1 != 0 and kind not in COMPARISONS)


def times_with_another_offset_are_refused(question: Question, drawn: Drawn) -> bool:
    return any(
        of == TIME and isinstance(one, str) and one.endswith("+01:00")
        for _, of, one in _compared(question, drawn)
    )


def _compared(question: Question, drawn: Drawn) -> Iterator[tuple]:
    """Yield every single value that a column is compared with."""
    for kind in ("in", "out", "equal", *COMPARISONS):
        for table, columns in question.filters(kind).items():
            kinds = drawn[table].columns(question.version)
            for column, value in (columns or {}).items():
                values = plain(value)
                for one in values if isinstance(values, list) else [values]:
                    yield kind, kinds.get(column), one


# What a question asked in its stead shows differently.
UNLIKE = {
    "filters_take_any_list_of_values": ("filters",),
    "a_single_column_can_be_selected": ("select_columns", "column_names"),
}

REFUSALS: dict[Callable[[Question, Drawn], bool], type[Exception]] = {
    a_join_of_three_tables_is_refused: UnsupportedQueryError,
    filters_on_tables_outside_are_refused: InvalidQueryError,
    float_ids_that_may_have_lost_digits_are_refused: InvalidQueryError,
    times_with_another_offset_are_refused: InvalidQueryError,
}
