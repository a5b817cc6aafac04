"""Queries over every parameter of caveclient's methods, drawn by Hypothesis.

A question is a value: it prints as a call, and makes its arguments anew for every
asker (a generator can be read only once).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from cortical_cache.demo.rows import FLOAT_KINDS, WHOLE_KINDS, Kind
from tests.differential.worlds import (
    MAIN,
    OTHER,
    REFERS,
    VERSIONS,
    VIEW,
    Drawn,
    values_of,
)

KINDS = (
    "in",
    "out",
    "equal",
    "greater",
    "less",
    "greater_equal",
    "less_equal",
    "spatial",
    "regex",
)
COMPARISONS = ("greater", "less", "greater_equal", "less_equal")
TEXT: Kind = "character varying"
TIME: Kind = "timestamp without time zone"

_MAKERS: dict[str, Callable[[list], object]] = {
    "list": list,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "np.array": np.array,
    "object array": lambda values: np.array(values, dtype=object),
    "pd.Series": pd.Series,
    "pd.Index": pd.Index,
    "pd.array": pd.array,
    "iter": iter,
    "dict keys": lambda values: dict.fromkeys(values).keys(),
}


@dataclass(frozen=True)
class Listed:
    """Values in some container."""

    container: str
    values: tuple[object, ...]

    def make(self) -> object:
        try:
            return _MAKERS[self.container](list(self.values))
        except (TypeError, ValueError, OverflowError, pd.errors.ParserError):
            return list(self.values)  # no such array can be made

    def __repr__(self) -> str:
        return f"{self.container}({list(self.values)!r})"


@dataclass(frozen=True)
class Question:
    """One call of a method of ``client.materialize``."""

    method: str
    about: Any  # a table or view name, or the sides of a join
    arguments: Mapping[str, Any]

    def ask(self, materialize):
        arguments = {name: made(value) for name, value in self.arguments.items()}
        if self.method == "synapse_query":
            return materialize.synapse_query(synapse_table=self.about, **arguments)
        return getattr(materialize, self.method)(made(self.about), **arguments)

    def __repr__(self) -> str:
        given = "".join(f", {name}={one!r}" for name, one in self.arguments.items())
        return f"{self.method}({self.about!r}{given})"

    @property
    def tables(self) -> tuple[str, ...]:
        if self.method == "join_query":
            return tuple(table for table, _ in self.about)
        return (self.about,)

    @property
    def version(self) -> int:
        return self.arguments["materialization_version"]

    @property
    def is_join(self) -> bool:
        """Whether several tables answer it."""
        return self.method == "join_query" or (
            self.about == REFERS and self.get("merge_reference", True)
        )

    def get(self, name: str, default: object = None):
        return self.arguments.get(name, default)

    def having(self, **arguments: object) -> "Question":
        return replace(self, arguments={**self.arguments, **arguments})

    def without(self, *names: str) -> "Question":
        kept = {n: one for n, one in self.arguments.items() if n not in names}
        return replace(self, arguments=kept)

    def filters(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the filters of a kind by table and column."""
        given = self.arguments.get(f"filter_{kind}_dict") or {}
        return given if self.method == "join_query" else {self.about: given}

    def filtering(self, kind: str, table: str, column: str, value) -> "Question":
        """Add a filter, or change it."""
        name = f"filter_{kind}_dict"
        given = {t: dict(columns) for t, columns in self.filters(kind).items()}
        given.setdefault(table, {})[column] = value
        whole = given if self.method == "join_query" else given[self.about]
        return self.having(**{name: whole})

    def plain(self) -> "Question":
        """Return the same question with lists for all containers."""
        return replace(
            self, arguments={n: plain(one) for n, one in self.arguments.items()}
        )


def made(value):
    """Make the containers."""
    if isinstance(value, Listed):
        return value.make()
    if isinstance(value, dict):
        return {key: made(one) for key, one in value.items()}
    if isinstance(value, list):
        return [made(one) for one in value]
    return value


def plain(value):
    """Turn every value into what JSON has."""
    if isinstance(value, Listed):
        return [plain(one) for one in value.make()]
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, np.generic):
        return value.item()
    return value.isoformat() if isinstance(value, datetime) else value


@st.composite
def _mostly(
    draw: st.DrawFn, usual: st.SearchStrategy, odd: st.SearchStrategy, one_in: int = 12
) -> object:
    """Draw something odd one time in so many."""
    return draw(odd if draw(st.integers(1, one_in)) == one_in else usual)


@st.composite
def questions(draw: st.DrawFn, drawn: Drawn) -> Question:
    """Draw one question about a drawn world."""
    methods = ["query_table"] * 4 + ["join_query"] * 2 + ["query_view"] * 2
    if drawn[MAIN].schema == "synapse":
        methods += ["synapse_query"] * 4
    method = draw(st.sampled_from(methods))
    version = draw(st.sampled_from(VERSIONS))
    arguments: dict[str, Any] = {"materialization_version": version}
    if method == "synapse_query":
        return Question(method, MAIN, arguments | draw(_synapse_arguments(drawn)))
    if method == "join_query":
        about = draw(_sides(drawn, version))
        tables = [table for table, _ in about]
        arguments |= draw(_join_arguments(drawn, tables, version))
    elif method == "query_table":
        about = draw(st.sampled_from([MAIN, MAIN, REFERS, REFERS, OTHER]))
        tables = [about]
        arguments |= draw(_some({"merge_reference": st.booleans()}))
    else:
        about, tables = VIEW, [VIEW]
    arguments |= draw(_filters(drawn, tables, version, by_table=len(tables) > 1))
    if method != "join_query":
        kinds = drawn[about].columns(version)
        arguments |= draw(
            _some(
                {
                    "select_columns": _selection(list(kinds)),
                    "get_counts": st.booleans(),
                    "return_df": st.sampled_from([True, True, False]),
                }
            )
        )
    # The server alone draws samples, and it fails on a single column.
    plain_rows = not {"get_counts", "select_columns"} & arguments.keys()
    if plain_rows and draw(st.integers(0, 14)) == 14:
        arguments["random_sample"] = draw(st.sampled_from([1, 2, 100]))
    shared = {
        "offset": st.sampled_from([0, 1, 2, 5, 100]),
        "limit": _mostly(st.sampled_from([1, 2, 3, 50]), st.sampled_from([0, -1])),
        "split_positions": st.booleans(),
        "metadata": st.booleans(),
        "desired_resolution": _resolutions(),
    }
    arguments |= draw(_some(shared))
    return Question(method, about, arguments)


@st.composite
def _synapse_arguments(draw: st.DrawFn, drawn: Drawn) -> dict[str, Any]:
    arguments = draw(
        _some(
            {
                "include_zeros": st.booleans(),
                "split_positions": st.booleans(),
                "metadata": st.booleans(),
                "desired_resolution": _resolutions(),
            }
        )
    )
    for side in ("pre", "post"):
        stored = drawn[MAIN].by_column[f"{side}_pt_root_id"]
        known = [one for one in stored if one is not None] or [7]
        one = st.sampled_from(known) | st.sampled_from([7, 0])
        some = st.builds(
            Listed,
            st.sampled_from(["list", "tuple", "set", "np.array", "pd.Series", "iter"]),
            st.lists(one, max_size=5).map(tuple),
        )
        arguments |= draw(_some({f"{side}_ids": one | one.map(np.int64) | some}))
    if draw(st.integers(0, 3)) == 3:
        column = draw(st.sampled_from(["pre", "ctr", "post"])) + "_pt_position"
        arguments["bounding_box"] = draw(_boxes(drawn[MAIN].by_column[column]))
        if column != "post_pt_position":
            arguments["bounding_box_column"] = column
    # A limit counts the autapses, too, which go afterwards.
    if draw(st.booleans()):
        arguments["remove_autapses"] = False
        arguments |= draw(
            _some({"limit": st.integers(1, 5), "offset": st.integers(0, 5)})
        )
    return arguments


@st.composite
def _some(draw: st.DrawFn, choices: dict[str, st.SearchStrategy]) -> dict[str, Any]:
    """Give each argument one time in four."""
    return {
        name: draw(strategy)
        for name, strategy in choices.items()
        if draw(st.integers(0, 3)) == 3
    }


def _resolutions() -> st.SearchStrategy:
    steps = st.sampled_from([1, 4, 40, 9.7, 9, 45.0, 2.5, 0.3, 1000, 1e-3])
    some = st.tuples(steps, steps, steps)
    known = st.sampled_from([(1, 1, 1), (4, 4, 40), (9.7, 9.7, 45), (8.0, 8.0, 33.0)])
    odd = st.sampled_from([(1, 1), (-1, 1, 1)])
    containers = st.sampled_from(["list", "list", "tuple", "np.array"])
    return st.builds(Listed, containers, _mostly(some | known, odd))


@st.composite
def _sides(draw: st.DrawFn, drawn: Drawn, version: int) -> list[list[str]]:
    usual = [[REFERS, "target_id"], [MAIN, "id"]]
    kind = draw(st.sampled_from(["usual"] * 6 + ["turned", "turned", "any", "odd"]))
    if kind == "usual":
        return usual
    if kind == "turned":
        return usual[::-1]
    tables = draw(st.permutations([MAIN, REFERS, OTHER]))[:2]
    if kind == "odd":
        odd = [[*usual, [OTHER, "id"]], [usual[0], usual[0]], [[MAIN, "no"], usual[0]]]
        return draw(st.sampled_from(odd))
    sides = []
    for table in tables:
        kinds = drawn[table].columns(version)
        whole = [name for name, one in kinds.items() if one == "bigint"]
        sides.append([table, draw(st.sampled_from(whole))])
    return sides


@st.composite
def _join_arguments(
    draw: st.DrawFn, drawn: Drawn, tables: list[str], version: int
) -> dict[str, Any]:
    columns = {table: list(drawn[table].columns(version)) for table in tables}
    every = [name for names in columns.values() for name in names]
    # Not "_x": caveclient mixes up pt_position_x_y and pt_position_x.
    suffix = st.sampled_from(["", "_ref", "_a", "b"])
    return draw(
        _some(
            {
                "select_columns": _selection(every)
                | st.fixed_dictionaries(
                    {}, optional={t: _chosen(names) for t, names in columns.items()}
                ),
                "suffixes": st.fixed_dictionaries(
                    {}, optional=dict.fromkeys(tables, suffix)
                )
                | st.fixed_dictionaries(dict.fromkeys(tables, suffix))
                | st.lists(suffix, min_size=2, max_size=2),
            }
        )
    )


def _chosen(columns: list[str]) -> st.SearchStrategy[list[str]]:
    # Nobody knows what the server makes of a table with an empty list.
    return _selection(columns).filter(bool)


def _selection(columns: list[str]) -> st.SearchStrategy[list[str]]:
    known = st.sampled_from(columns)
    unknown = st.sampled_from(["no_such", "pt_position_x"])
    return _mostly(st.lists(known, max_size=5), st.lists(known | unknown, max_size=3))


@st.composite
def _filters(
    draw: st.DrawFn, drawn: Drawn, tables: list[str], version: int, *, by_table: bool
) -> dict[str, Any]:
    found: dict[str, dict[str, dict[str, Any]]] = {}
    among = st.sampled_from(tables)
    if by_table:
        among = _mostly(among, st.sampled_from([MAIN, REFERS, OTHER]))
    for _ in range(draw(st.sampled_from([1, 0, 1, 1, 2, 3]))):
        table = draw(among)
        kinds = drawn[table].columns(version)
        possible = [one for one in KINDS if any(_apt(one, k) for k in kinds.values())]
        kind = draw(_mostly(st.sampled_from(possible), st.sampled_from(KINDS), 20))
        column = draw(_column_for(kind, kinds))
        stored = drawn[table].by_column.get(column, [])
        taken = {
            *found.get("in", {}).get(table, {}),
            *found.get("out", {}).get(table, {}),
        }
        if kind in ("in", "out") and column in taken:
            continue  # what is left out is asked for with ``in``: see reference.py
        value = draw(_value(kind, column, kinds.get(column, "bigint"), stored))
        found.setdefault(kind, {}).setdefault(table, {})[column] = value
    if draw(st.integers(0, 9)) == 9:
        found.setdefault(draw(st.sampled_from(KINDS)), {})
    return {
        f"filter_{kind}_dict": given if by_table else given.get(tables[0], {})
        for kind, given in found.items()
    }


def _column_for(kind: str, kinds: Mapping[str, Kind]) -> st.SearchStrategy[str]:
    apt = [name for name, one in kinds.items() if _apt(kind, one)]
    every = st.sampled_from([*kinds, "no_such"])
    return _mostly(st.sampled_from(apt), every, 16) if apt else every


def _apt(kind: str, of: Kind) -> bool:
    if kind == "spatial":
        return of == "geometry"
    if kind == "regex":
        return of == TEXT
    if kind in COMPARISONS:
        return of in WHOLE_KINDS | FLOAT_KINDS or of in (TEXT, TIME)
    return of != "geometry"


def _value(kind: str, column: str, of: Kind, stored: list) -> st.SearchStrategy[object]:
    if kind == "spatial":
        return _boxes(stored)
    if kind == "regex":
        return _patterns(stored)
    one = _scalar(column, of, stored)
    if kind in ("in", "out"):
        return _lists(one, column, of, stored)
    return _mostly(one, st.builds(Listed, st.just("list"), st.just((1,))), 20)


def _scalar(column: str, of: Kind, stored: list) -> st.SearchStrategy[object]:
    known = [one for one in stored if one is not None and of != "geometry"]
    found = values_of(of, column) if of != "geometry" else st.just(1)
    if known:
        found = st.sampled_from(known) | st.sampled_from(known) | found
    if of in WHOLE_KINDS:
        found = found | st.builds(_nudged, found, st.sampled_from([-1, 0, 1]))
        found = _mostly(found, _odd_numbers(), 6)
    elif of in FLOAT_KINDS:
        found = found | st.builds(_single, found) | st.builds(_beside, found)
        found = _mostly(found, _odd_numbers(), 6)
    elif of == TIME:
        forms = _mostly(st.sampled_from(["", "iso", "Z"]), st.just("+01"))
        found = st.builds(_dated, found, forms)
    elif of == TEXT:
        found = _mostly(found, st.sampled_from(["none such", 1]))
    elif of == "boolean":
        found = _mostly(found, st.sampled_from(["true", "f", "No", "maybe", 1]), 6)
    odd = st.sampled_from([None, None, pd.NA, float("nan"), True, "x", 1.5])
    return _mostly(found, odd)


def _nudged(number, step: int) -> object:
    return number + step if isinstance(number, int) else number


def _odd_numbers() -> st.SearchStrategy[object]:
    return st.sampled_from(
        [0.5, 2.0, float(2**53), 1e19, 10**19, "7", "-1", np.int64(7), np.float64(2.0)]
    )


def _single(number) -> object:
    if not isinstance(number, float):
        return number
    with np.errstate(over="ignore"):
        return float(np.float32(number))


def _beside(number) -> object:
    return float(np.nextafter(number, 0.0)) if isinstance(number, float) else number


def _dated(time: datetime, notation: str) -> object:
    if notation == "":
        return time.replace(tzinfo=UTC)
    if notation == "+01":
        return f"{time.isoformat()}+01:00"
    return time.isoformat() + ("Z" if notation == "Z" else "")


@st.composite
def _lists(
    draw: st.DrawFn, one: st.SearchStrategy, column: str, of: Kind, stored: list
) -> object:
    form = draw(st.sampled_from(["values"] * 12 + ["range", "scalar", "mixed", "long"]))
    if form == "scalar":
        return draw(one | st.none())
    if form == "range":
        return Listed("list", tuple(range(draw(st.integers(0, 9)))))
    if form == "long" and of in WHOLE_KINDS:
        known = [value for value in stored if value is not None]
        return Listed("list", (*range(70), *known[1:]))
    strict = values_of(of, column) if of != "geometry" else st.just(1)
    known = [value for value in stored if value is not None and of != "geometry"]
    if known:
        strict = st.sampled_from(known) | strict
    if of == TIME:
        strict = st.builds(_dated, strict, st.sampled_from(["", "iso"]))
    values = draw(st.lists(one if form == "mixed" else strict, max_size=8))
    container = draw(st.sampled_from(["list", "list", "list", *_MAKERS]))
    if container == "list" and draw(st.integers(0, 4)) == 4:
        values.append(None)
    return Listed(container, tuple(values))


@st.composite
def _boxes(draw: st.DrawFn, stored: list) -> object:
    known = [one for one in stored if isinstance(one, tuple)] or [(0.0, 0.0, 0.0)]
    middle = draw(st.sampled_from(known))
    steps = st.sampled_from([0, 0.25, 0.5, 1, 1.5, 100, 2.0**33])
    low = [axis - draw(steps) for axis in middle]
    high = [axis + draw(steps) for axis in middle]
    if draw(st.booleans()):
        low, high = [int(one // 1) for one in low], [int(one // 1) + 1 for one in high]
    if draw(st.integers(0, 19)) == 19:
        return draw(st.sampled_from([[low], [low, high[:2]], [high, low], None, "box"]))
    if draw(st.integers(0, 3)) == 3:
        return Listed("np.array", (low, high))
    return [low, high]


def _patterns(stored: list) -> st.SearchStrategy[object]:
    texts = [one for one in stored if isinstance(one, str)] or ["a"]
    usual = st.sampled_from(texts) | st.sampled_from(
        ["a", "^a", "^a$", "^$", "a.b", ".", "[a-c]", "^[0-9]+P", "(?i)a", "a|b", "%"]
    )
    odd = st.sampled_from(
        ["\\d", "\\w", "(?<!a)b", "a{2,1}", "(", "[[:alpha:]]", "(?i)[A-Z]", 1, None]
    )
    return _mostly(usual, odd, 4)
