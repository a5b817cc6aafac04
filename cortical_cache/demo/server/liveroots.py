"""Translate the root ids in the filters of a live query to its base version."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import numpy as np

from cortical_cache.demo.graph import ChunkedGraph
from cortical_cache.demo.server.bodies import Body
from cortical_cache.demo.server.exchange import unhandled
from cortical_cache.demo.server.filters import Condition, conditions


@dataclass(frozen=True, slots=True)
class RootFilters:
    """The filters by table, in three forms.

    `at_base` has the roots of the base version, `at_moment` only the conditions on
    roots, as asked, and `elsewhere` only the others.
    """

    at_base: Mapping[str, Sequence[Condition]]
    at_moment: Mapping[str, Sequence[Condition]]
    elsewhere: Mapping[str, Sequence[Condition]]


def root_filters(  # noqa: PLR0913 - one argument for each fact
    graph: ChunkedGraph,
    body: Body,
    *,
    when: datetime,
    base: datetime,
    clamped: bool,
    allow_invalid: bool,
    warnings: list[str],
) -> RootFilters:
    """Check that the asked roots are current at `when`, and find those of `base`."""
    wanted = conditions(body)
    on_roots = {t: [c for c in cs if _on_root(c)] for t, cs in wanted.items()}
    others = {t: [c for c in cs if not _on_root(c)] for t, cs in wanted.items()}
    if any(on_roots.values()) and when == base and not clamped:
        raise unhandled(
            "400 Bad Request: do not use live live query to query a materialized "
            "timestamp"
        )
    now, then = (int(moment.timestamp() * 1000) for moment in (when, base))
    asked = sorted({r for cs in on_roots.values() for c in cs for r in _roots(c)})
    current = graph.current(np.array(asked, dtype=np.int64), now)
    stale = [root for root, ok in zip(asked, current.tolist(), strict=True) if not ok]
    if stale and not allow_invalid:
        raise unhandled(
            "400 Bad Request: Some root_ids passed are not valid at the query "
            f"timestamp: {stale}"
        )
    if stale:
        warnings.append(f"Some root_ids are not valid at the query timestamp: {stale}")
    fit = {root for root in asked if root not in stale}
    if any(on_roots.values()) and not fit:
        raise unhandled("All root_ids passed are not valid at the query timestamp")

    at_base: dict[str, list[Condition]] = {}
    for table, listed in others.items():
        at_base[table] = [_intersected(c, fit) for c in listed] if stale else listed
        for condition in on_roots[table]:
            roots = [root for root in _roots(condition) if root in fit]
            at_base[table] = [*at_base[table], _mapped(graph, condition, roots, then)]
    at_moment = {t: [_intersected(c, fit) for c in cs] for t, cs in on_roots.items()}
    return RootFilters(at_base, at_moment, others)


def _on_root(condition: Condition) -> bool:
    return condition.column.endswith("root_id")


def _roots(condition: Condition) -> list[int]:
    value = condition.value
    listed = cast("list[int]", value) if isinstance(value, list) else [value]
    return [int(cast("int", item)) for item in listed]


def _intersected(condition: Condition, fit: set[int]) -> Condition:
    """Keep only the fit roots in a list, whatever column the list is for."""
    if condition.operator != "in":
        return condition
    kept = [item for item in cast("list[object]", condition.value) if item in fit]
    return Condition(condition.column, "in", kept)


def _mapped(
    graph: ChunkedGraph, condition: Condition, roots: list[int], then: int
) -> Condition:
    """Replace roots by those that held their supervoxels at another time."""
    if condition.operator not in ("in", "equal"):
        return condition
    leaves = [graph.leaves(root) for root in roots]
    atoms = np.concatenate([np.zeros(0, dtype=np.int64), *leaves])
    earlier = np.unique(graph.parents(atoms, max(then, graph.oldest))).tolist()
    return Condition(condition.column, "in", earlier)
