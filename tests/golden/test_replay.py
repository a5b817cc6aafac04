"""Every recorded query, answered from held rows, against what the server said.

No case is written by hand: what a case needs, and where it may differ, is a rule.
"""

import ast
import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cortical_cache.engine import Engine, without_autapses
from cortical_cache.errors import (
    InvalidQueryError,
    UnknownNameError,
    UnsupportedQueryError,
)
from cortical_cache.model.arguments import (
    join_query,
    synapse_query,
    table_query,
    view_query,
)
from cortical_cache.model.attributes import attributes
from cortical_cache.model.blockers import blockers
from cortical_cache.model.calls import call
from cortical_cache.model.held import HeldRows
from cortical_cache.model.query import Query
from cortical_cache.model.shape import TableShape
from cortical_cache.model.values import as_given
from tests.golden.world import Case, World

Rows = dict[str, HeldRows]

NAN = "NaN"  # equal to itself, unlike the number

# What the server says of a refusal, and the error that stands for it here.
REFUSALS = [
    (r"must be less than max", InvalidQueryError),
    (r"operator does not exist|syntax error at or near", InvalidQueryError),
    (r"operators can be used with None", InvalidQueryError),
    (r"literal-quote", InvalidQueryError),
    (r"schema_errors", InvalidQueryError),
    (r"only supported on string|invalid regular expression", InvalidQueryError),
    (r"Duplicate suffixes", InvalidQueryError),
    (r"know how to join", InvalidQueryError),
    (r'column "inf" does not exist', InvalidQueryError),
    (r"Server Error: '\w+' for url", UnknownNameError),
    (r"Server Error: \w+ for url", UnknownNameError),
    (r"column \w+ not found in|not in model", UnknownNameError),
]


def test_answer_is_the_servers(
    case: Case, world: World, record_property: Callable[[str, object], None]
):
    record = case.record
    reason = out_of_scope(case, world)
    if reason:
        record_property("golden", f"skipped by rule: {reason}")
        pytest.skip(reason)

    if record["result"] == "exception":
        rule = check_refusal(case, world)
    elif record["result"] == "json":
        rule = check_records(case, world)
    else:
        rule = check_frame(case, world)

    record_property("golden", f"differs by rule: {rule}" if rule else "passed")


def out_of_scope(case: Case, world: World) -> str | None:
    record = case.record
    if record["group"] in ("meta", "live"):
        return f"{record['group']} is not about materialized rows"
    if "query" not in case.url and record["result"] != "exception":
        return "no query was sent"
    if record["result"] == "exception" and "401" in record["exception"][1]:
        return "permission is the server's business"
    if record["result"] == "exception" and "/query" not in case.url:
        return "refused before a query was sent"
    missing = [t for t in tables_of(case) if (case.version, t) not in world]
    if missing:
        return "no case shows all rows of the table at that version"
    return None


def tables_of(case: Case) -> list[str]:
    body = case.body
    if "tables" in body:
        return [table for table, _ in body["tables"]]
    parts = case.url.split("/")
    return [parts[parts.index("table" if "table" in parts else "views") + 1]]


def query_of(case: Case, world: World) -> Query:
    """Build the query as caveclient's method would be called."""
    record, method = case.record, case.record["method"]
    place = {"datastack": case.datastack, "version": case.version}
    kwargs = {
        key: decoded(key, value, case)
        for key, value in record["kwargs"].items()
        if key not in ("materialization_version", "log_warning", "datastack_name")
    }
    if method == "query_table":
        (table,) = record["args"]
        held = world.get((case.version, table))
        target = held.shape.reference_table if held else None
        return table_query(table, reference_table=target, **place, **kwargs)
    if method == "join_query":
        return join_query(record["args"][0], **place, **kwargs)
    if method == "query_view":
        return view_query(record["args"][0], **place, **kwargs)
    if method == "synapse_query":
        return synapse_query(tables_of(case)[0], **place, **kwargs)
    return manager_query(case, place, kwargs)


def manager_query(case: Case, place: dict, kwargs: dict) -> Query:
    """Build what a TableManager or ViewManager made of its arguments."""
    body = case.body
    nested = {
        key.replace("notin", "out"): value
        for key, value in body.items()
        if key.startswith("filter_")
    }
    if "tables" in body:
        return join_query(
            body["tables"], suffixes=body["suffix_map"], **place, **nested, **kwargs
        )
    (table,) = tables_of(case)
    flat = {key: value[table] for key, value in nested.items()}
    build = view_query if "/views/" in case.url else table_query
    return build(table, **place, **flat, **kwargs)


def decoded(key: str, value: object, case: Case):
    """Turn the manifest's stand-ins for Series and arrays back into such values."""
    if isinstance(value, dict) and "__ndarray__" in value:
        rows = value["__ndarray__"]
        return np.array(
            [ast.literal_eval(r) if isinstance(r, str) else r for r in rows]
        )
    if isinstance(value, dict):
        return {name: decoded(name, one, case) for name, one in value.items()}
    if isinstance(value, str) and "dtype: int64" in value:
        (members,) = case.body["filter_in_dict"].values()
        return pd.Series(members[key])
    return value


def rows_of(query: Query, world: World):
    return {table: world[query.version, table] for table in query.tables}


def expected_difference(query: Query, *, cut: bool) -> str | None:
    if cut:
        return "a complete answer is complete"
    if any(one.kind == "out" and one.value for one in query.filters):
        return "filter_out_dict filters"
    if any("%" in str(one.value) for one in query.filters):
        return "text with % matches"
    if query.counts and query.kind == "join":
        return "get_counts counts the rows of a join"
    return None


def check_refusal(case: Case, world: World) -> str | None:
    message = case.record["exception"][1]
    if "has no attribute" in message:
        query = query_of(case, world)
        answer = Engine().answer(query, rows_of(query, world))
        assert len(answer.columns) == 1
        assert len(answer)
        return "a single column can be selected"
    error = next(error for said, error in REFUSALS if re.search(said, message))
    three = len(tables_of(case)) > 2
    with pytest.raises(UnsupportedQueryError if three else error) as caught:
        ask(case, world)
    assert "\n" not in str(caught.value)
    return "a join of three tables is refused" if three else None


def ask(case: Case, world: World):
    query = query_of(case, world)
    return Engine().answer(query, rows_of(query, world))


def check_records(case: Case, world: World) -> str | None:
    query = query_of(case, world)
    expected = json.loads(case.text())
    answer = Engine().answer(query, rows_of(query, world))
    assert sorted(answer, key=lambda one: one["id"]) == sorted(
        expected, key=lambda one: one["id"]
    )
    return None


def check_frame(case: Case, world: World) -> str | None:
    if len(tables_of(case)) > 2:
        with pytest.raises(UnsupportedQueryError):
            ask(case, world)
        return "a join of three tables is refused"
    query, engine = query_of(case, world), Engine()
    rows, expected = rows_of(query, world), case.frame()
    assert blockers(query, {t: held.shape for t, held in rows.items()}) is None
    check_call(case, query)
    rule = expected_difference(query, cut="server_setting" in case.record)
    if query.counts:
        return check_count(query, rows, engine, expected, rule)
    decided = decisions(query, rows, engine, expected)
    answer = engine.answer(query, rows, decided=decided)
    if case.record["method"] == "synapse_query":
        answer = without_autapses(answer)
    if bool(len(answer)) == bool(len(expected)):
        check_columns(query, answer, case.record)
    check_attributes(case, query, rows)
    if rule == "filter_out_dict filters":
        expected = excluded(query, expected)
    found, wanted = multiset(answer), multiset(expected)
    if rule in ("text with % matches", "a complete answer is complete"):
        assert not wanted - found
    elif query.limit is None and not query.offset:
        if rule is None:
            check_cells(answer, case.record)
        assert found == wanted
        check_order(query, answer)
    else:
        whole = engine.answer(unlimited(query), rows, decided=decided)
        assert not wanted - multiset(whole), "the server's rows are among all rows"
        assert not found - multiset(whole)
        assert len(answer) == len(expected)
        return rule or "limit and offset choose by id"
    return rule


def check_count(
    query: Query, rows: Rows, engine: Engine, expected: pd.DataFrame, rule: str | None
) -> str | None:
    answer = engine.answer(query, rows)
    assert answer.dtypes.astype(str).to_dict() == {"count": "int64"}
    if query.kind == "join":
        assert answer["count"][0] == len(expected)
        return rule
    open_rows = sum(map(len, engine.ambiguous(query, rows).values()))
    assert abs(answer["count"][0] - expected["count"][0]) <= open_rows
    return rule


def decisions(query: Query, rows: Rows, engine: Engine, expected: pd.DataFrame):
    """Let the recorded answer decide what rounded rows cannot."""
    found = {}
    for table, ids in engine.ambiguous(query, rows).items():
        name = id_name(query, rows, table)
        if query.limit is None and name in expected:
            found[table] = set(ids) & set(expected[name])
        else:
            found[table] = ids
    return found


def id_name(query: Query, rows: Rows, table: str) -> str:
    shapes = {name: held.shape for name, held in rows.items()}
    names = ast.literal_eval(attributes_of(query, {}, shapes)["column_names"])
    return names[table].get("id", "")


def attributes_of(query: Query, metadata: dict, shapes: dict[str, TableShape]):
    every = {table: metadata.get(table, {}) for table in query.tables}
    return attributes(query, every, shapes)


def unlimited(query: Query):
    return replace(query, limit=None, offset=None)


def check_columns(query: Query, answer: pd.DataFrame, record: dict) -> None:
    dtypes = answer.dtypes.astype(str).to_dict()
    assert dtypes == record["dtypes"]
    if query.kind != "join":
        assert list(answer.columns) == record["columns"]
    if query.limit is None:
        assert type(answer.index).__name__ == record["index"][0]


def check_cells(answer: pd.DataFrame, record: dict) -> None:
    for name, kinds in record["object_cells"].items():
        found = Counter(map(kind_of, answer[name]))
        if sum(kinds.values()) == record["rows"]:  # else the record is of a sample
            assert found == kinds, name
        assert set(found) >= set(kinds), name


def kind_of(cell: object) -> str:
    members = {type(one).__name__ for one in cell.tolist()}
    return f"ndarray[{cell.dtype}]:{'NAType' if 'NAType' in members else members.pop()}"


def check_order(query: Query, answer: pd.DataFrame) -> None:
    if query.kind == "table" and "id" in answer:
        assert answer["id"].is_monotonic_increasing


def check_call(case: Case, query: Query) -> None:
    """What would be passed on to caveclient is what it was asked."""
    method, arguments = call(query)
    given = case.record["kwargs"]
    if method == case.record["method"]:
        asked = {
            name: as_given(decoded(name, value, case)) for name, value in given.items()
        }
        assert asked.items() <= {**arguments, "log_warning": True}.items()


def check_attributes(case: Case, query: Query, rows: Rows) -> None:
    expected = dict(case.record["attrs"])
    shapes = {table: held.shape for table, held in rows.items()}
    if query.kind == "join":
        metadata = {t: bare(found) for t, found in expected["tables"].items()}
    else:
        metadata = {query.tables[0]: bare(expected)}
    found = attributes_of(query, metadata, shapes)
    if case.record["method"] == "synapse_query":
        found["remove_autapses"] = True
    for attrs in (found, expected):
        if query.kind == "join":  # the server's order of tables is a matter of chance
            attrs["column_names"] = ast.literal_eval(attrs["column_names"])
    assert found == expected


def bare(attrs: dict) -> dict:
    """Return the metadata record that these attributes were made of."""
    return {
        key if key == "table_name" else key.removeprefix("table_"): value
        for key, value in attrs.items()
        if key.startswith("table_")
    }


def excluded(query: Query, expected: pd.DataFrame):
    for one in query.filters:
        if one.kind == "out":
            expected = expected[~expected[one.column].isin(list(one.value))]
    return expected


def multiset(frame: pd.DataFrame) -> Counter:
    """Return the rows regardless of their order; columns by name."""
    columns = [frame[name] for name in sorted(frame.columns)]
    return Counter(zip(*(map(comparable, column) for column in columns), strict=True))


def comparable(cell: object):
    if isinstance(cell, (list, np.ndarray)):  # the record has NaN for a missing one
        members = map(comparable, cell)
        return tuple(None if one is NAN else one for one in members)
    if cell is None or cell is pd.NA or cell is pd.NaT:
        return None
    return cell if cell == cell else NAN
