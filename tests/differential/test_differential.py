"""What the cache answers is what caveclient itself gets, whatever is held.

A case is one question, asked of the plain caveclient and of our client with the tables
held whole, held whole but offline, not held, too large to be fetched whole, and those
again offline; and of the engine, with rows as exact as an export's. The long run asks
each question in one of these states, or two that belong together, as drawn.

``CORTICAL_CACHE_CASES`` sets the number of cases of the long run.
"""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from cortical_cache.errors import (
    CorticalCacheError,
    NotCachedError,
    UnsupportedQueryError,
)
from tests.differential.bench import Bench, bench
from tests.differential.compare import same_answer
from tests.differential.questions import Question, questions
from tests.differential.reference import Expected, Unknowable, expected
from tests.differential.worlds import worlds

GROUPS = (("mirrored", "offline"), ("bare",), ("large", "large_offline"), ("exact",))
STATES = tuple(state for group in GROUPS for state in group)
QUESTIONS = 20
PARTS = 4
CASES = 2_000
MANY_CASES = int(os.environ.get("CORTICAL_CACHE_CASES", "100000"))

without_limits = settings(
    deadline=None,
    phases=[Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)


@st.composite
def sessions(draw: st.DrawFn):
    """Draw a world and some questions about it."""
    drawn = draw(worlds())
    asked = st.lists(questions(drawn), min_size=QUESTIONS, max_size=QUESTIONS)
    return drawn, draw(asked)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", range(PARTS))
def test_every_answer_is_caveclients(home: Path, part: int):
    """The same cases every time; the long run draws new ones."""

    @seed(part)
    @settings(without_limits, max_examples=CASES // QUESTIONS // PARTS)
    @given(session=sessions())
    def ask(session) -> None:
        check_all(home, session)

    ask()


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize("part", range(PARTS))
@settings(without_limits, max_examples=max(1, MANY_CASES // QUESTIONS // PARTS))
@given(
    session=sessions(),
    drawn_groups=st.lists(
        st.sampled_from(GROUPS), min_size=QUESTIONS, max_size=QUESTIONS
    ),
)
def test_every_one_of_many_answers_is_caveclients(
    home: Path, part: int, session, drawn_groups
):
    check_all(home, session, drawn_groups)


def check_all(home: Path, session, groups=(STATES,) * QUESTIONS) -> None:
    drawn, asked = session
    with bench(drawn, home) as at:
        for question, states in zip(asked, groups, strict=True):
            check(question, at, states)


def check(question: Question, at: Bench, states: tuple[str, ...]) -> None:
    due = expected(question, at.drawn, lambda one: one.ask(at.plain))
    if isinstance(due.error, Unknowable):
        return
    for state in states:
        if state != "exact" or question.method in {"query_table", "join_query"}:
            try:
                compare(state, question, due, at)
            except BaseException as error:
                error.add_note(f"{state}: {question}\nis due: {due}")
                raise


def compare(state: str, question: Question, due: Expected, at: Bench) -> None:
    ask = getattr(at, state)
    if due.error is not None:
        with pytest.raises(CorticalCacheError):
            ask(question)
        return
    try:
        answer = ask(question)
    except (NotCachedError, UnsupportedQueryError):
        if not may_be_refused(state, question, due):
            raise
        return
    same_answer(question, answer, due, attrs=state != "exact")


def may_be_refused(state: str, question: Question, due: Expected) -> bool:
    """Whether only the server could answer, and it cannot be asked, or gets it wrong.

    A join that the server gets wrong needs its tables here, as a whole.
    """
    if state in {"offline", "large_offline"}:
        return True
    if state == "large" and question.is_join and due.differences:
        return True
    wrong = {*due.differences} - {"a_random_sample_is_the_servers"}
    return needs_the_server(question) and (bool(wrong) or state == "exact")


def needs_the_server(question: Question) -> bool:
    """Whether it is a sample, or filters ``deleted``, by patterns or text's order."""
    if question.get("random_sample"):
        return True
    given = repr({n: v for n, v in question.arguments.items() if n[:6] == "filter"})
    return any(name in given for name in ("deleted", "regex", "greater", "less"))
