"""The recorded answers of a real server, through our client and the loopback CAVE.

Where an answer may differ, a rule of docs/differences.md says how; no case is named.
"""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from cortical_cache import load_client
from cortical_cache.demo import LoopbackCave
from cortical_cache.errors import CorticalCacheError, UnsupportedQueryError
from cortical_cache.testing import forget_client_caches, write_token
from tests.demo.golden import (
    CASES,
    GOLDEN,
    arguments,
    assert_same_json,
    call,
    golden_world,
    picked,
    settings,
)
from tests.golden.test_replay import multiset
from tests.golden.world import Case

pytestmark = [
    pytest.mark.skipif(not CASES, reason=f"no golden answers at {GOLDEN}"),
    pytest.mark.filterwarnings("ignore"),
]

CONFIG = """
[datasets.golden_public]
datastack = "demo_public"
server_address = "{url}"
"""


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, LoopbackCave]]:
    world = golden_world()
    with (
        LoopbackCave(world, settings(200_000)) as whole,
        LoopbackCave(world, settings(500)) as capped,
    ):
        yield {"whole": whole, "capped": capped}


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stores")


@pytest.fixture
def ask(servers, stores: Path, home: Path, monkeypatch):
    """Return a function that asks a recorded question of our client.

    Cases of one server share a store: some find their table held, some do not.
    """

    def ask(case: dict) -> object:
        kind = "capped" if case["group"] == "truncation" else "whole"
        cave = servers[kind]
        forget_client_caches()
        write_token(home, cave)
        config = home / "config.toml"
        config.write_text(CONFIG.format(url=cave.url), "utf-8")
        monkeypatch.setenv("CORTICAL_CACHE_CONFIG", str(config))
        urls = [exchange["url"] for exchange in case["http"]]
        public = any("/datastack/demo_public/" in url for url in urls)
        client = load_client(
            "golden_public" if public else "demo",
            cache_dir=stores / kind,
            server_address=cave.url,
        )
        if case["group"] != "managers":
            return call(case, client.cached)
        managers = SimpleNamespace(tables=client.tables, views=client.views)
        return call(case, SimpleNamespace(materialize=managers))

    return ask


@pytest.mark.parametrize("case", picked(), ids=lambda c: f"{c['group']}-{c['name']}")
def test_recorded_case(case: dict, ask, record_property) -> None:
    rule = check(case, ask)
    record_property("facade", rule or "passed")
    if rule and rule.startswith("skipped"):
        pytest.skip(rule)


def check(case: dict, ask) -> str | None:  # noqa: PLR0911 - one kind a line
    """Compare one case; return the rule by which it differs, if any."""
    kwargs = case["kwargs"]
    if "random_sample" in kwargs:
        return "skipped by rule: a_random_sample_is_the_servers"
    if kwargs.get("materialization_version") == 0:
        return "skipped by rule: version 0 is the live database, which is never held"
    if case["result"] == "exception":
        return check_refusal(case, ask)
    if case["result"] == "json" and case["group"] == "meta":
        answer = ask(case)
        if "timestamp" not in case["name"] and "version" not in case["name"]:
            assert_same_json(case, answer)  # times are objects, not text
        return None
    tables = Case(case).body.get("tables", [])
    if len(tables) > 2:
        with pytest.raises(UnsupportedQueryError):
            ask(case)
        return "differs by rule: a_join_of_three_tables_is_refused"
    answer = ask(case)
    if case["result"] == "json":
        return check_records(case, answer)
    return check_frame(case, answer)


def check_refusal(case: dict, ask) -> str | None:
    if "has no attribute" in case["exception"][1]:
        answer = ask(case)
        assert len(answer.columns) == 1
        return "differs by rule: a_single_column_can_be_selected"
    with pytest.raises(CorticalCacheError):
        ask(case)
    return None


def check_records(case: dict, answer) -> None:
    expected = pd.read_json(GOLDEN / case["file"], dtype=False)
    assert len(answer) == len(expected)
    assert set(answer[0]) == set(expected.columns)


def check_frame(case: dict, answer: pd.DataFrame) -> str | None:
    expected = Case(case).frame()
    rule = rule_of(case)
    if rule == "get_counts_counts_the_rows_of_a_join":
        assert answer["count"].tolist() == [len(expected)]
        return f"differs by rule: {rule}"
    assert sorted(answer.columns) == sorted(case["columns"])
    # An empty answer has other types, and so has any part of a view.
    is_part = rule is not None and case["group"] == "query_view"
    if bool(len(answer)) == bool(len(expected)) and not is_part:
        assert {c: str(t) for c, t in answer.dtypes.items()} == case["dtypes"]
    found, wanted = multiset(answer), multiset(expected)
    match rule:
        case "filter_out_dict_filters":
            assert found == multiset(excluded(case, expected))
        case "text_with_percent_matches" | "a_complete_answer_is_complete":
            assert not wanted - found
        case "limit_and_offset_choose_by_id":
            # caveclient drops autapses, of which any part holds a few or none
            autapses = case["group"] == "synapse_query"
            assert len(answer) == len(expected) or autapses
            assert len(answer) <= limit_of(case)
        case "include_zeros_false_leaves_out_root_zero":
            assert found == multiset(nonzero(expected))
        case _:
            assert found == wanted
    check_attrs(case, answer)
    return rule and f"differs by rule: {rule}"


def rule_of(case: dict) -> str | None:  # noqa: PLR0911 - one rule a line
    kwargs = case["kwargs"]
    if "server_setting" in case:
        return "a_complete_answer_is_complete"
    if kwargs.get("filter_out_dict"):
        return "filter_out_dict_filters"
    if kwargs.get("include_zeros") is False:
        return "include_zeros_false_leaves_out_root_zero"
    filters = {name: one for name, one in kwargs.items() if name[:6] == "filter"}
    if "%" in str(filters) or "%" in str(case.get("filter", "")):
        return "text_with_percent_matches"
    # A TableManager does not pass on get_counts for a reference table.
    is_join = case["attrs"].get("join_query") and case["group"] != "managers"
    if kwargs.get("get_counts") and is_join:
        return "get_counts_counts_the_rows_of_a_join"
    if "limit" in kwargs or ("offset" in kwargs and not kwargs.get("get_counts")):
        return "limit_and_offset_choose_by_id"
    return None


def limit_of(case: dict) -> int:
    return case["kwargs"].get("limit", 2**62)


def nonzero(expected: pd.DataFrame) -> pd.DataFrame:
    roots = expected[["pre_pt_root_id", "post_pt_root_id"]]
    return expected[(roots != 0).all(axis=1)]


def excluded(case: dict, expected: pd.DataFrame) -> pd.DataFrame:
    given = arguments(case["kwargs"]["filter_out_dict"])
    nested = given.values() if "tables" in Case(case).body else [given]
    for columns in nested:
        for column, values in columns.items():
            if isinstance(values, dict):
                return excluded_by(expected, values)
            expected = excluded_by(expected, {column: values})
    return expected


def excluded_by(expected: pd.DataFrame, columns: dict) -> pd.DataFrame:
    for column, values in columns.items():
        expected = expected[~expected[column].isin(list(values))]
    return expected


def check_attrs(case: dict, answer: pd.DataFrame) -> None:
    """Compare what the question itself says; records of tables are the demo's."""
    for key in ("join_query", "filters", "select_columns", "offset", "limit"):
        assert answer.attrs.get(key) == case["attrs"].get(key), key
