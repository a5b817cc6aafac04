"""Shared regular expressions, against a third implementation."""

import re

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortical_cache.errors import InvalidQueryError
from cortical_cache.model.regex import translate

atoms = st.sampled_from(
    [
        "a",
        "B",
        ".",
        "[ab]",
        "[^a]",
        "(?:ab|B)",
        "(a)",
        r"\.",
        r"\d",
        "[a-c0-9]",
        " ",
        "µ",
    ]
)
repeats = st.sampled_from(["", "", "*", "+", "?", "{2}", "{1,2}", "{1,}", "*?"])
parts = st.tuples(atoms, repeats).map("".join) | st.sampled_from(["^", "$", "|"])
patterns = st.lists(parts, min_size=1, max_size=5).map("".join)
texts = st.lists(st.text("aABb.0 \nµ", max_size=6), min_size=1, max_size=6)

SQL = "SELECT [REGEXP_MATCHES(text, $pattern, 's') FOR text IN $texts::VARCHAR[]]"


@settings(deadline=None, max_examples=200)
@given(patterns, texts, st.sampled_from(["", "(?i)"]))
def test_a_translated_pattern_matches_the_same_texts(
    pattern: str, some: list[str], option: str
):
    if option:  # whose effect on other letters the server's locale decides
        pattern = option + pattern.replace("µ", "a")
    # Python's $ also stands before a last newline; \Z is the end and nothing else.
    python = re.compile(pattern.replace("$", r"\Z"), re.DOTALL | re.ASCII)

    found = translate(pattern)

    row = duckdb.execute(SQL, {"pattern": found, "texts": some}).fetchone()
    assert row is not None
    assert row[0] == [python.search(text) is not None for text in some]


@pytest.mark.parametrize(
    "pattern",
    ["(a", "a)", "[a", "*a", "a|*", "a**", "^*", "a{2,1}", "a{300}", "[b-a]", "a\\"],
)
def test_patterns_that_postgresql_refuses_are_refused(pattern: str):
    with pytest.raises(InvalidQueryError, match="no regular expression"):
        translate(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        r"\w",
        r"\s",
        r"\bx",
        r"\y",
        r"\1",
        "(?=a)",
        "(?!a)",
        "(?<a>b)",
        "[[:alpha:]]",
        "[à-é]",
    ],
)
def test_patterns_of_another_meaning_are_left_to_the_server(pattern: str):
    assert translate(pattern) is None
