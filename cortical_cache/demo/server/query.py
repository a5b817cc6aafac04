"""Answer simple, join and view queries of one frozen version."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd

from cortical_cache.demo.rows import Array, Ints, Vector
from cortical_cache.demo.server import bodies, wire
from cortical_cache.demo.server.bodies import Body
from cortical_cache.demo.server.deployment import (
    Deployment,
    Relation,
    Snapshot,
    relation_missing,
)
from cortical_cache.demo.server.exchange import Reply, Request, sql_failure, unhandled
from cortical_cache.demo.server.filters import Condition, conditions, matching
from cortical_cache.demo.server.selection import (
    Output,
    chosen,
    column_names,
    named,
    refuse_single,
)
from cortical_cache.demo.world import Table

_VALID = Condition("valid", "equal", value=True)
_SUFFIXES_WARNING = (
    "Suffixes is deprecated for complex queries as it can be ambiguous what you "
    "desire, please pass suffix_map as a dictionary to explicitly set suffixes for "
    "individual tables. Upgrade caveclient to >=5.0.0"
)
_SELECT_WARNING = (
    "Select_columns is deprecated for join queries, please use select_column_map a "
    "dictionary which is more explicit about what columns to select from what tables. "
    "This query result will attempt to select the first column it finds of this name "
    "in any table, but if there are more than one such column it will not select "
    "both. Upgrade caveclient to >=5.0.0 ."
)


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of the matching rows to return."""

    offset: int
    limit: int

    def cut(self, count: int, dice: np.random.Generator) -> Ints:
        """Choose rows by number, in no order: the database promises none."""
        wanted = min(max(count - self.offset, 0), self.limit)
        return dice.permutation(count)[:wanted].astype(np.int64)


def page(deployment: Deployment, body: Body) -> Page:
    """Read offset and limit; the cap holds without a word."""
    cap = deployment.settings.row_cap
    limit, offset = bodies.number(body, "limit"), bodies.number(body, "offset") or 0
    limit = cap if limit is None else min(limit, cap)
    if limit < 0:
        raise sql_failure("LIMIT must not be negative")
    if offset < 0:
        raise sql_failure("OFFSET must not be negative")
    return Page(offset, limit)


def simple(
    deployment: Deployment, request: Request, datastack: str, version: str, table: str
) -> Reply:
    """Answer a query of one table."""
    body = bodies.read(request, bodies.SIMPLE)
    snapshot = deployment.snapshot(datastack, int(version))
    found = deployment.table(snapshot, table)
    relation = deployment.relation(snapshot, found)
    notice = deployment.notice(table, found.notice_text)
    return _one_relation(deployment, request, body, relation, notice, snapshot=snapshot)


def view(
    deployment: Deployment, request: Request, datastack: str, version: str, view: str
) -> Reply:
    """Answer a query of a view; version 0 is the live database."""
    body = bodies.read(request, bodies.SIMPLE)
    source, number = view_source(deployment, datastack, int(version))
    views = deployment.volume(deployment.world.datastacks[source]).views
    if view not in views:
        raise unhandled("No row was found for one()")
    if (source, number) not in deployment.world.view_rows:
        raise relation_missing(view)
    found = views[view]
    rows = deployment.world.view_rows[source, number][view]
    relation = Relation(view, rows, found.voxel_resolution, is_view=True)
    notice = deployment.notice(view, found.notice_text)
    return _one_relation(deployment, request, body, relation, notice, snapshot=None)


def view_source(deployment: Deployment, datastack: str, number: int) -> tuple[str, int]:
    """Resolve a version for a view: private datastack and version, 0 if live."""
    found = deployment.datastack(datastack)
    if number == 0 and found.parent is None:
        return found.name, 0
    snapshot = deployment.snapshot(datastack, number)
    return snapshot.source.name, snapshot.source_version.number


def _one_relation(  # noqa: PLR0913 - one argument for each fact
    deployment: Deployment,
    request: Request,
    body: Body,
    relation: Relation,
    notice: str | None,
    *,
    snapshot: Snapshot | None,
) -> Reply:
    part, dice = page(deployment, body), deployment.dice()
    wanted = conditions(body)
    own = wanted.pop(relation.name, [])
    if snapshot is not None:
        own.append(_VALID)
    keep = matching(relation.physical, own)
    places = _sampled(np.flatnonzero(keep), relation, request, dice)
    copies = _foreign_rows(deployment, snapshot, relation, wanted)

    columns = chosen(relation, bodies.names(body, "select_columns"), joined=False)
    outputs = named([(relation, columns)], {relation.name: ""})
    resolution = bodies.resolution(body) or relation.resolution
    warnings: list[str] = []
    if request.flag("count"):
        count = max(len(places) * copies - part.offset, 0)
        answer = pd.DataFrame({"count": np.array([count])})
    else:
        refuse_single(outputs)
        rows = places[part.cut(len(places) * copies, dice) // copies]
        dropped = ("deleted", "superceded") if relation.is_view else ("deleted",)
        kept = [o for o in outputs if o.column not in dropped]
        answer = wire.frame(kept, [rows] * len(kept), resolution)
        if len(answer) == part.limit:
            warnings.append(limit_warning(part.limit))
    if notice is not None:
        warnings.append(notice_warning(relation.name, notice))
    return wire.reply(
        request,
        answer,
        resolution=resolution,
        names=column_names(outputs),
        warnings=warnings,
    )


def limit_warning(limit: int) -> str:
    """Return the server's only sign of truncation; its quote is never closed."""
    return f'201 - "Limited query to {limit} rows'


def notice_warning(name: str, notice: str) -> str:
    """Return the warning that carries a notice."""
    return f"Table Owner Notice on {name}: {notice}"


def _sampled(
    places: Ints, relation: Relation, request: Request, dice: np.random.Generator
) -> Ints:
    asked = int(request.query.get("random_sample", "0"))
    total = len(relation.physical)
    if relation.is_view or not 0 < asked < total:
        return places
    return places[dice.random(len(places)) < asked / total]


def _foreign_rows(
    deployment: Deployment,
    snapshot: Snapshot | None,
    relation: Relation,
    wanted: Mapping[str, Sequence[Condition]],
) -> int:
    """Return how often each row repeats because of filters on other tables.

    A merged version joins them as a cartesian product; a split one fails.
    """
    copies = 1
    for name, filters in wanted.items():
        if not filters:
            continue
        if relation.is_split or snapshot is None:
            raise unhandled(repr(name))
        table = deployment.volume(snapshot.source).tables.get(name)
        if table is None or name not in snapshot.source_version.tables:
            raise unhandled("'NoneType' object is not subscriptable")
        rows = deployment.relation(snapshot, table).physical
        copies *= int(matching(rows, filters).sum())
    return copies


def join(
    deployment: Deployment, request: Request, datastack: str, version: str
) -> Reply:
    """Answer a query that joins the first two of its tables."""
    body = bodies.read(request, bodies.JOIN, "tables")
    snapshot = deployment.snapshot(datastack, int(version))
    pairs = cast("list[tuple[str, str]]", body["tables"])
    tables = [deployment.table(snapshot, name) for name, _ in pairs]
    relations = [deployment.relation(snapshot, table) for table in tables]
    _refuse_odd_joins(relations)
    part, dice = page(deployment, body), deployment.dice()

    wanted = conditions(body)
    kept = [
        np.flatnonzero(matching(r.physical, [*wanted.pop(r.name, []), _VALID]))
        for r in relations
    ]
    left, right = _joined(relations, kept, [column for _, column in pairs])
    copies = math.prod(len(places) for places in kept[2:])
    copies *= _foreign_rows(deployment, snapshot, relations[0], wanted)
    rows = part.cut(len(left) * copies, dice) // max(copies, 1)
    places = {relations[0].name: left[rows], relations[1].name: right[rows]}

    outputs = _join_outputs(deployment, body, relations[:2], dice)
    refuse_single(outputs)
    sent = [o for o in outputs if o.column not in ("deleted", "superceded_id")]
    resolution = bodies.resolution(body) or relations[-1].resolution
    answer = wire.frame(sent, [places[o.relation.name] for o in sent], resolution)
    return wire.reply(
        request,
        answer,
        resolution=resolution,
        names=column_names(outputs),
        warnings=_join_warnings(deployment, body, tables, len(answer), part.limit),
    )


def _refuse_odd_joins(relations: Sequence[Relation]) -> None:
    names = [relation.name for relation in relations]
    if len(names) < 2:  # noqa: PLR2004 - a join has two sides
        raise unhandled("list index out of range")
    if names[0] == names[1]:
        raise unhandled(
            f"Don't know how to join to <class '{names[0]}'>. Please use the "
            ".select_from() method to establish an explicit left side, as well as "
            "providing an explcit ON clause if not present already to help resolve "
            "the ambiguity."
        )
    if relations[0].is_split and len(names) > 2:  # noqa: PLR2004  a join has two sides
        raise unhandled(repr(names[2]))


def _joined(
    relations: Sequence[Relation], kept: Sequence[Ints], columns: Sequence[str]
) -> tuple[Ints, Ints]:
    """Return the rows of both tables whose join columns are equal and not null."""
    sides: list[pd.DataFrame] = []
    for relation, places, column in zip(relations[:2], kept, columns, strict=False):
        if column not in relation.physical.columns:
            raise unhandled(repr(column))
        key: Vector = relation.physical[column].take(places)
        values: Array = key.data[~key.null]
        sides.append(pd.DataFrame({"key": values, "place": places[~key.null]}))
    both = sides[0].merge(sides[1], on="key", suffixes=("_left", "_right"))
    return both["place_left"].to_numpy(), both["place_right"].to_numpy()


def _join_outputs(
    deployment: Deployment,
    body: Body,
    relations: Sequence[Relation],
    dice: np.random.Generator,
) -> list[Output]:
    selection = cast(
        "Mapping[str, list[str]]", bodies.mapping(body, "select_column_map")
    )
    listed = bodies.names(body, "select_columns")
    blocks: list[tuple[Relation, list[str]]] = []
    if selection:
        by_name = {relation.name: relation for relation in relations}
        for name, columns in selection.items():
            if name not in by_name:
                raise unhandled(repr(name))
            blocks.append((by_name[name], chosen(by_name[name], columns, joined=True)))
    elif listed:
        blocks = _first_holders(_in_block_order(deployment, relations, dice), listed)
    else:
        ordered = _in_block_order(deployment, relations, dice)
        blocks = [(relation, chosen(relation, [], joined=True)) for relation in ordered]
    return named(blocks, _suffixes(body, relations))


def _in_block_order(
    deployment: Deployment, relations: Sequence[Relation], dice: np.random.Generator
) -> list[Relation]:
    order = deployment.settings.join_block_order
    flip = order == "reversed" or (order == "random" and bool(dice.integers(2)))
    return list(reversed(relations)) if flip else list(relations)


def _first_holders(
    relations: Sequence[Relation], listed: Sequence[str]
) -> list[tuple[Relation, list[str]]]:
    """Take each listed column from the first table that has it."""
    taken: dict[str, list[str]] = {}
    for column in listed:
        holder = next((r for r in relations if column in r.physical.columns), None)
        if holder is None:
            raise unhandled(f"400 Bad Request: column {column} not found in any table")
        taken.setdefault(holder.name, []).append(column)
    return [
        (relation, chosen(relation, taken[relation.name], joined=True))
        for relation in relations
        if relation.name in taken
    ]


def _suffixes(body: Body, relations: Sequence[Relation]) -> dict[str, str]:
    given = cast("dict[str, str]", dict(bodies.mapping(body, "suffix_map")))
    if not given:
        given = dict(
            zip(
                (r.name for r in relations),
                bodies.names(body, "suffixes"),
                strict=False,
            )
        )
    if len(set(given.values())) < len(given):
        raise unhandled(f"Duplicate suffixes set in {given}")
    return given


def _join_warnings(
    deployment: Deployment,
    body: Body,
    tables: Sequence[Table],
    length: int,
    limit: int,
) -> list[str]:
    warnings: list[str] = []
    for table in tables:
        notice = deployment.notice(table.name, table.notice_text)
        if notice is not None:
            warnings.append(notice_warning(table.name, notice))
    if body.get("suffixes"):
        warnings.append(_SUFFIXES_WARNING)
    if body.get("select_columns"):
        warnings.append(_SELECT_WARNING)
    if length == limit:
        warnings.append(limit_warning(limit))
    return warnings
