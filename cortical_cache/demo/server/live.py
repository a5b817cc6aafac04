"""Live queries: a frozen version brought forward or back to another moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

import numpy as np

from cortical_cache.demo.rows import (
    Bools,
    Ints,
    Kind,
    Rows,
    Vector,
    empty,
    stack,
    whole,
)
from cortical_cache.demo.schemas import CRUD, all_schemas
from cortical_cache.demo.server import bodies, wire
from cortical_cache.demo.server.bodies import Body
from cortical_cache.demo.server.deployment import (
    Deployment,
    Relation,
    Snapshot,
    left_join,
)
from cortical_cache.demo.server.exchange import Reply, Request, unhandled
from cortical_cache.demo.server.filters import Condition, matching
from cortical_cache.demo.server.liveroots import RootFilters, root_filters
from cortical_cache.demo.server.query import Page, page
from cortical_cache.demo.server.selection import Output, column_names, named
from cortical_cache.demo.world import Table

_VALID = Condition("valid", "equal", value=True)
_CRUD = {name for name, _ in CRUD}


@dataclass(frozen=True, slots=True)
class _Plan:
    """One live query, understood: the base version, the moment, tables and joins."""

    snapshot: Snapshot
    when: datetime
    tables: Sequence[Table]
    joins: Sequence[Sequence[str]]
    filters: RootFilters
    page: Page

    @property
    def base(self) -> datetime:
        """The time stamp of the frozen version."""
        return self.snapshot.source_version.time_stamp

    @property
    def edited(self) -> bool:
        """Whether any table may have changed since the version or the moment."""
        first = min(self.base, self.when)
        return any(table.last_modified > first for table in self.tables)


@dataclass(frozen=True, slots=True)
class _Found:
    """Joined rows: the rows of each table, by table name."""

    relations: Mapping[str, Relation]
    places: Mapping[str, Ints]

    def __len__(self) -> int:
        return len(next(iter(self.places.values())))

    def keep(self, mask: Bools | Ints) -> "_Found":
        """Return some of the joined rows."""
        places = {name: rows[mask] for name, rows in self.places.items()}
        return _Found(self.relations, places)

    def column(self, table: str, name: str) -> Vector:
        """Return one column of one table; null if the table lacks it."""
        rows = self.places[table]
        physical = self.relations[table].physical
        if name in physical.columns:
            return physical[name].take(rows)
        kinds = {"valid": "boolean", "superceded_id": "bigint"}
        kind = kinds.get(name, "timestamp without time zone")
        return empty(cast("Kind", kind), len(rows))

    def ids(self) -> list[tuple[int, ...]]:
        """Return the ids of every joined row."""
        ids = [self.column(name, "id").ints().tolist() for name in self.places]
        return list(zip(*ids, strict=True))


def live(deployment: Deployment, request: Request, datastack: str) -> Reply:
    """Answer a live query."""
    body = bodies.read(request, bodies.LIVE, "table", "timestamp")
    warnings: list[str] = []
    plan = _plan(deployment, request, body, datastack, warnings)
    dice = deployment.dice()
    frozen = _frozen(deployment, plan, dice)
    _refuse_missing(frozen)
    ended: set[tuple[int, ...]] = set()
    fresh: _Found | None = None
    if plan.edited:
        ended, fresh = _production(plan, request, dice, warnings)
        frozen = frozen.keep(
            np.array([key not in ended for key in frozen.ids()], dtype=np.bool_)
        )
        known = set(frozen.ids())
        fresh = fresh.keep(
            np.array([key not in known for key in fresh.ids()], dtype=np.bool_)
        )
    merged = _combined(deployment, plan, frozen, fresh)
    outputs = _outputs(plan, body, merged, frozen, fresh)
    resolution = bodies.resolution(body) or plan.tables[0].voxel_resolution
    every = np.arange(len(frozen) + (len(fresh) if fresh is not None else 0))
    answer = wire.frame(outputs, [every] * len(outputs), resolution)
    answer = answer[_post_filter(plan, merged, len(every))]
    if len(frozen) >= plan.page.limit:
        warnings.append(
            f"result has {len(frozen)} entries, which is equal or more than limit of "
            f"{plan.page.limit} there may be more results which are not shown"
        )
    return wire.reply(
        request,
        answer,
        resolution=resolution,
        names=column_names(outputs),
        warnings=warnings,
    )


def _plan(
    deployment: Deployment,
    request: Request,
    body: Body,
    datastack: str,
    warnings: list[str],
) -> _Plan:
    found = deployment.datastack(datastack)
    when = datetime.fromisoformat(str(body["timestamp"]))
    when = when.replace(tzinfo=when.tzinfo or UTC)
    versions = sorted(
        (v for v in found.versions if v.valid), key=lambda v: v.time_stamp
    )
    if not versions:
        raise unhandled(f"404 Not Found: no versions of {datastack}")
    clamped = found.parent is not None and when > versions[-1].time_stamp
    if clamped:
        when = versions[-1].time_stamp
        warnings.append(f"timestamp clamped to {when}")
    before = [v for v in versions if v.time_stamp <= when]
    base = before[-1] if before else versions[0]
    snapshot = deployment.snapshot(datastack, base.number)
    joins = cast("list[list[str]]", body.get("join_tables") or [])
    names = dict.fromkeys([str(body["table"]), *(j[0] for j in joins)])
    names |= dict.fromkeys(join[2] for join in joins)
    tables = [deployment.table(snapshot, name) for name in names]
    filters = root_filters(
        deployment.world.segmentations[snapshot.source.segmentation].graph,
        body,
        when=when,
        base=snapshot.source_version.time_stamp,
        clamped=clamped,
        allow_invalid=request.flag("allow_invalid_root_ids"),
        warnings=warnings,
    )
    part = page(deployment, body)
    return _Plan(snapshot, when, tables, joins, filters, part)


def _frozen(deployment: Deployment, plan: _Plan, dice: np.random.Generator) -> _Found:
    relations = {t.name: deployment.relation(plan.snapshot, t) for t in plan.tables}
    found = _join(plan, relations, plan.filters.at_base, valid=True)
    return found.keep(plan.page.cut(len(found), dice))


def _join(
    plan: _Plan,
    relations: Mapping[str, Relation],
    wanted: Mapping[str, Sequence[Condition]],
    *,
    valid: bool,
) -> _Found:
    """Filter and join; only the main table's invalid rows are left out."""
    main = plan.tables[0].name
    kept: dict[str, Ints] = {}
    for name, relation in relations.items():
        own = list(wanted.get(name, ()))
        if valid and name == main:
            own.append(_VALID)
        kept[name] = np.flatnonzero(matching(relation.physical, own))
    for name in wanted:
        if wanted[name] and name not in relations:
            raise unhandled(repr(name))
    places = {main: kept[main]}
    for join in plan.joins:
        ends = join if join[2] not in places else [*join[2:], *join[:2]]
        left, left_column, right, right_column = ends
        one = relations[left].physical[left_column].take(places[left])
        other = relations[right].physical[right_column].take(kept[right])
        here, there = _pairs(one, other)
        places = {name: rows[here] for name, rows in places.items()}
        places[right] = kept[right][there]
    return _Found(relations, places)


def _pairs(one: Vector, other: Vector) -> tuple[Ints, Ints]:
    """Return the places of all equal, known values of two whole-number columns."""
    order = np.argsort(other.ints(), kind="stable")
    order = order[~other.null[order]]
    keys = other.ints()[order]
    first = np.searchsorted(keys, one.ints(), "left")
    count = np.searchsorted(keys, one.ints(), "right") - first
    count[one.null] = 0
    here = np.repeat(np.arange(len(one)), count)
    steps = np.arange(len(here)) - np.repeat(np.cumsum(count) - count, count)
    return here, order[first[here] + steps]


def _refuse_missing(frozen: _Found) -> None:
    """Fail if rows of a split version still wait for their supervoxels."""
    missing = _missing(frozen)
    if missing.any():
        raise _lookups_needed(int(missing.sum()))


def _missing(found: _Found) -> Bools:
    missing = np.zeros(len(found), dtype=np.bool_)
    for name, relation in found.relations.items():
        for column in relation.physical.columns:
            if relation.is_split and column.endswith("_supervoxel_id"):
                missing |= found.column(name, column).null
    return missing


def _lookups_needed(count: int) -> Exception:
    return unhandled(
        f"406 Not Acceptable: There are {count} annotations that need supervoxel "
        "lookups, wait till new annotation ingest is done or pick an less recent "
        "timestamp"
    )


def _production(
    plan: _Plan, request: Request, dice: np.random.Generator, warnings: list[str]
) -> tuple[set[tuple[int, ...]], _Found]:
    """Compare the live tables at the two moments.

    Returns
    -------
    set, _Found
        The ids of joined rows that are gone at the asked moment, and the joined
        rows that are new then.
    """
    relations = {
        t.name: Relation(
            t.name,
            left_join(t.annotation, t.segmentation),
            t.voxel_resolution,
            is_split=True,
        )
        for t in plan.tables
    }
    found = _join(plan, relations, plan.filters.elsewhere, valid=False)
    then, now = _alive(found, plan.base), _alive(found, plan.when)
    ended = set(found.keep(then & ~now).ids())
    fresh = found.keep(now & ~then)
    fresh = fresh.keep(plan.page.cut(len(fresh), dice))
    missing = _missing(fresh)
    if missing.any():
        if not request.flag("allow_missing_lookups"):
            raise _lookups_needed(int(missing.sum()))
        warnings.append(
            f"There are {int(missing.sum())} annotations that need supervoxel "
            "lookups, they are not shown"
        )
    return ended, fresh.keep(~missing)


def _alive(found: _Found, moment: datetime) -> Bools:
    """Tell which joined rows existed at a moment, all their parts."""
    when = np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "us")
    alive = np.ones(len(found), dtype=np.bool_)
    for name in found.places:
        created, deleted = found.column(name, "created"), found.column(name, "deleted")
        alive &= created.data <= when
        alive &= deleted.null | (deleted.data > when)
        flawed = ~found.column(name, "valid").data.astype(np.bool_)
        alive &= ~(flawed & deleted.null)
    return alive


def _combined(
    deployment: Deployment, plan: _Plan, frozen: _Found, fresh: _Found | None
) -> dict[str, Relation]:
    """Put new rows before frozen ones, with the roots of the asked moment."""
    graph = deployment.world.segmentations[plan.snapshot.source.segmentation].graph
    when = int(plan.when.timestamp() * 1000)
    combined: dict[str, Relation] = {}
    for table in plan.tables:
        schema = all_schemas()[table.schema]
        columns: dict[str, Vector] = {}
        for name in [*schema.annotation, *schema.segmentation]:
            columns[name] = frozen.column(table.name, name)
            if fresh is not None:
                new = fresh.column(table.name, name)
                if name == "valid" and plan.snapshot.source_version.is_merged:
                    new = empty("boolean", len(fresh))
                columns[name] = stack(new, columns[name])
        for point in schema.bound_points:
            supervoxels = columns[f"{point}_supervoxel_id"].ints()
            columns[f"{point}_root_id"] = whole(graph.parents(supervoxels, when))
        rows = Rows(columns)
        combined[table.name] = Relation(table.name, rows, table.voxel_resolution)
    return combined


def _outputs(
    plan: _Plan,
    body: Body,
    merged: Mapping[str, Relation],
    frozen: _Found,
    fresh: _Found | None,
) -> list[Output]:
    """Choose, name and order the columns, which depend on what was found."""
    selected = cast("Mapping[str, list[str]]", bodies.mapping(body, "select_columns"))
    blocks: list[tuple[Relation, list[str]]] = []
    for table in plan.tables:
        columns = _columns(plan, table, frozen, fresh)
        if selected:
            columns = [c for c in selected.get(table.name, []) if c in columns]
        blocks.append((merged[table.name], columns))
    suffixes = cast("dict[str, str]", dict(bodies.mapping(body, "suffixes")))
    outputs = named(blocks, suffixes)
    if fresh is None or selected:
        return outputs
    last = ("deleted", "valid")
    return [
        *(o for o in outputs if o.column not in last),
        *(o for o in outputs if o.column in last),
    ]


def _columns(
    plan: _Plan, table: Table, frozen: _Found, fresh: _Found | None
) -> list[str]:
    schema = all_schemas()[table.schema]
    merged = plan.snapshot.source_version.is_merged
    if merged and fresh is None:
        return list(schema.flat)
    fields = [c for c in schema.annotation if c not in {"id", "valid", *_CRUD}]
    fields += schema.segmentation
    if fresh is not None and not len(frozen):
        return ["id", *(["created"] if len(fresh) else []), *fields]
    if merged:
        return ["id", *fields, "valid"]
    return ["id", "created", "deleted", *fields]


def _post_filter(plan: _Plan, merged: Mapping[str, Relation], n: int) -> Bools:
    keep = np.ones(n, dtype=np.bool_)
    for name, wanted in plan.filters.at_moment.items():
        keep &= matching(merged[name].physical, wanted)
    return keep
