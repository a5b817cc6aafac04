"""What the server gets wrong is answered from rows, never passed on as it is."""

import pytest

from cortical_cache.model.arguments import join_query, table_query
from cortical_cache.model.misread import is_misread, misread
from cortical_cache.policy.answering import Count, Known, PassThrough, decide

PLACE = {"datastack": "demo", "version": 3}
UNHELD = Known("t", "table", whole=False, rows=None)

WRONG = {
    "exclusion": {"filter_out_dict": {"cell_type": ["23P"]}},
    "percent in a list": {"filter_in_dict": {"cell_type": ["50%", "23P"]}},
    "percent in a value": {"filter_equal_dict": {"cell_type": "50%"}},
    "percent in a pattern": {"filter_regex_dict": {"cell_type": "^50%"}},
}
RIGHT = {
    "nothing": {},
    "no exclusion": {"filter_out_dict": {"cell_type": []}},
    "text": {"filter_equal_dict": {"cell_type": "50"}},
    "order": {"filter_less_dict": {"cell_type": "50%"}},
}


@pytest.mark.parametrize("asked", [{"limit": 3}, {"get_counts": True}], ids=str)
@pytest.mark.parametrize("name", WRONG)
def test_wrong_answers_are_not_asked_for(name, asked):
    query = table_query("t", **PLACE, **WRONG[name], **asked)

    assert misread(query)
    step = decide(query, [UNHELD], page=100, blocked=None, widen=True)
    assert isinstance(step, Count)


@pytest.mark.parametrize("asked", [{"limit": 3}, {"get_counts": True}], ids=str)
@pytest.mark.parametrize("name", RIGHT)
def test_right_answers_are(name, asked):
    query = table_query("t", **PLACE, **RIGHT[name], **asked)

    assert misread(query) is None
    step = decide(query, [UNHELD], page=100, blocked=None, widen=True)
    assert isinstance(step, PassThrough)


def test_a_limit_on_one_column_is_not_passed_on():
    query = table_query("t", **PLACE, limit=3, select_columns=["id"])

    step = decide(query, [UNHELD], page=100, blocked=None, widen=True)
    assert isinstance(step, Count)


def test_a_join_is_counted_here():
    query = join_query([["t", "id"], ["u", "id"]], **PLACE, get_counts=True)

    assert misread(query)


def test_an_empty_exclusion_is_not_sent_either():
    query = table_query("t", **PLACE, filter_out_dict={"id": []})

    assert [is_misread(one) for one in query.filters] == [True]


def test_a_sample_is_passed_on_whatever_is_held():
    query = table_query("t", **PLACE, random_sample=3)
    held = Known("t", "table", whole=True, rows=7)

    step = decide(query, [held], page=100, blocked="it differs", widen=True)
    assert step == PassThrough(keep=False, reason=step.reason)
