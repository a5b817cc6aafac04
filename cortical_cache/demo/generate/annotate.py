"""Annotate the anatomy: nuclei, cell types, proofreading, synapses and the rest."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from cortical_cache.demo.generate.anatomy import Anatomy
from cortical_cache.demo.generate.lives import Lives, live, moment
from cortical_cache.demo.generate.profiles import Profile, Role, TableProfile
from cortical_cache.demo.generate.source import NO_TIME, BoundPoint, Source
from cortical_cache.demo.graph import ChunkedGraph
from cortical_cache.demo.rows import (
    Bools,
    Floats,
    Ints,
    Vector,
    floating,
    points,
    text,
    truth,
    whole,
)

_TYPES = ("23P", "4P", "5P-IT", "5P-ET", "6P-CT", "BC", "MC", "BPC", "astrocyte")
_INHIBITORY = ("BC", "MC", "BPC")
_AWKWARD = (
    "",
    'it\'s "quoted", comma',
    "100 % sure",
    "Ünïcode µm “q”",
    "back\\slash\ttab",
    "plain",
    None,
)
_ODD_FLOATS = (np.nan, np.inf, -np.inf, 0.1, 1 / 3, 1e300, 16777217.0, 0.0, 1e-45)
Item = TypeVar("Item")
_AXON = ("axon_fully_extended", "axon_partially_extended", "none", None)


@dataclass(frozen=True, slots=True)
class Study:
    """What the annotators look at, and how many synapses they find."""

    rng: np.random.Generator
    profile: Profile
    anatomy: Anatomy
    graph: ChunkedGraph
    synapses: int
    lifelike: bool

    def bind(
        self, table: TableProfile, places: Ints, *, halves: bool = False
    ) -> BoundPoint:
        """Put a point on each supervoxel; one in fifty misses the segmentation."""
        voxel = np.round(self.anatomy.supervoxel_nm[places] / table.resolution)
        if halves:
            voxel[self.rng.random(len(voxel)) < 0.1] += 0.5  # noqa: PLR2004  a share of the cases
        off = self.rng.random(len(places)) < 0.02  # noqa: PLR2004  a share of the cases
        unknown = ~off & (self.rng.random(len(places)) < 0.004)  # noqa: PLR2004  a share of the cases
        supervoxel = np.where(off, 0, self.anatomy.supervoxel_ids[places])
        return BoundPoint(voxel, supervoxel, unknown)

    def source(  # noqa: PLR0913 - one argument for each fact
        self,
        table: TableProfile,
        ids: Ints,
        fields: Mapping[str, Vector],
        bound: Mapping[str, BoundPoint] | None = None,
        *,
        churn: float = 0.03,
        age: float = 0.05,
        replace: bool = True,
    ) -> Source:
        """Give rows a history; `age` is how far into the world's time they begin."""
        start, end = moment(self.profile.oldest), moment(self.profile.newest)
        start += np.timedelta64(int((end - start).astype(np.int64) * age), "us")
        lives = live(
            self.rng, self.profile, ids, churn=churn, start=start, replace=replace
        )
        return _along(table, lives, fields, bound or {})

    def choose(self, items: Sequence[Item], n: int) -> list[Item]:
        """Draw with replacement, every item at least once if there is room."""
        drawn = np.append(np.arange(len(items)), self.rng.integers(0, len(items), n))
        return [items[i] for i in drawn[:n]]


def _along(
    table: TableProfile,
    lives: Lives,
    fields: Mapping[str, Vector],
    bound: Mapping[str, BoundPoint],
) -> Source:
    return Source(
        profile=table,
        ids=lives.ids,
        created=lives.created,
        deleted=lives.deleted,
        superceded=lives.superceded,
        looked_up=lives.looked_up,
        flawed=lives.flawed,
        fields={name: vector.take(lives.row) for name, vector in fields.items()},
        bound={
            name: BoundPoint(
                p.voxel[lives.row], p.supervoxel[lives.row], p.unknown[lives.row]
            )
            for name, p in bound.items()
        },
    )


def annotate(study: Study) -> dict[Role, Source]:
    """Fill every table of the profile."""
    made: dict[Role, Source] = {}
    for table in study.profile.tables:
        made[table.role] = _MAKERS[table.role](study, table, made)
    return made


Made = Mapping[Role, Source]


def _nuclei(study: Study, table: TableProfile, _: Made) -> Source:
    rng, cells = study.rng, study.anatomy.cells
    with_nucleus = np.flatnonzero(rng.random(cells) >= 0.03)  # noqa: PLR2004  a share of the cases
    n = len(with_nucleus)
    ids = 100_000 + rng.choice(9 * max(cells, 100_000), n, replace=False)
    point = study.bind(table, study.anatomy.supervoxel_first[with_nucleus], halves=True)
    size = rng.normal(300, 60, n).clip(20)
    radius = np.cbrt(size)[:, None] * 500 / np.array(table.resolution)
    no_box = rng.random(n) < 0.05  # noqa: PLR2004  a share of the cases
    return study.source(
        table,
        ids,
        {
            "volume": floating(size, rng.random(n) < 0.03),  # noqa: PLR2004  a share of the cases
            "bb_start_position": points(np.round(point.voxel - radius), no_box),
            "bb_end_position": points(np.round(point.voxel + radius), no_box),
        },
        {"pt": point},
        replace=False,
    )


def _alternatives(study: Study, table: TableProfile, made: Made) -> Source:
    nuclei, anatomy = made["nuclei"], study.anatomy
    off = nuclei.bound["pt"].supervoxel == 0
    if study.lifelike:
        targets = np.flatnonzero(off)
        cells = _cells_at(anatomy, nuclei.bound["pt"].voxel[targets] * table.resolution)
    else:
        targets = _some_targets(study.rng, off)
        cells = study.rng.integers(0, anatomy.cells, len(targets))
    return study.source(
        table,
        np.arange(1, len(targets) + 1),
        {"target_id": whole(nuclei.ids[targets])},
        {"pt": study.bind(table, anatomy.random_supervoxel(cells, study.rng))},
        age=0.1,
        replace=False,
    )


def _some_targets(rng: np.random.Generator, off: Bools) -> Ints:
    chosen = rng.random(len(off)) < 0.05  # noqa: PLR2004  a share of the cases
    chosen |= off & (np.arange(len(chosen)) % 2 == 0)
    chosen[:: max(len(chosen) // 8, 1)] = True
    return np.flatnonzero(chosen)


def _cells_at(anatomy: Anatomy, points_nm: Floats) -> Ints:
    """Return the cell whose soma is nearest to each point."""
    somata = anatomy.supervoxel_nm[anatomy.supervoxel_first[: anatomy.cells]]
    apart = np.linalg.norm(somata[None] - points_nm[:, None], axis=2)
    return apart.argmin(axis=1)


def _cell_types(study: Study, table: TableProfile, made: Made) -> Source:
    nuclei = made["nuclei"].ids
    once = nuclei[study.rng.random(len(nuclei)) < 0.9]  # noqa: PLR2004  a share of the cases
    targets = np.append(once, once[:: max(len(once) // 5, 1)])
    types = study.choose(_TYPES, len(targets))
    named = study.rng.random(len(targets)) >= 0.04  # noqa: PLR2004  a share of the cases
    return study.source(
        table,
        np.arange(1, len(targets) + 1),
        {
            "target_id": whole(targets),
            "classification_system": text([_system(t) for t in types]),
            "cell_type": text(
                [t if ok else None for t, ok in zip(types, named, strict=True)]
            ),
        },
        age=0.1,
    )


def _system(cell_type: str) -> str | None:
    if cell_type == "astrocyte":
        return None
    return "inhibitory" if cell_type in _INHIBITORY else "excitatory"


def _neuron_calls(study: Study, table: TableProfile, made: Made) -> Source:
    targets = made["nuclei"].ids
    calls = study.choose(("neuron", "not-neuron"), len(targets))
    return study.source(
        table,
        np.arange(1, len(targets) + 1),
        {
            "target_id": whole(targets),
            "classification_system": text(["is_neuron"] * len(targets)),
            "cell_type": text(calls),
        },
        age=0.1,
    )


def _proofreading(study: Study, table: TableProfile, _: Made) -> Source:
    rng = study.rng
    cells = rng.permutation(study.anatomy.cells)[: max(study.anatomy.cells // 5, 20)]
    n = len(cells)
    point = study.bind(table, study.anatomy.supervoxel_first[cells])
    checked = study.graph.oldest + (10**10)
    return study.source(
        table,
        np.arange(1, n + 1),
        {
            "valid_id": whole(study.graph.parents(point.supervoxel, checked)),
            "status_dendrite": truth(rng.random(n) < 0.8),  # noqa: PLR2004  a share of the cases
            "status_axon": truth(rng.random(n) < 0.4, rng.random(n) < 0.1),  # noqa: PLR2004  a share of the cases
            "strategy_dendrite": text(study.choose(("dendrite_extended", "none"), n)),
            "strategy_axon": text(study.choose(_AXON, n)),
        },
        {"pt": point},
        age=0.15,
    )


def _synapses(study: Study, table: TableProfile, _: Made) -> Source:
    rng, anatomy, n = study.rng, study.anatomy, study.synapses
    pre = study.bind(table, anatomy.random_supervoxel(_partners(study, n), rng))
    post_places = anatomy.random_supervoxel(_partners(study, n), rng)
    autapse = np.arange(0, n, max(n // 10, 1))
    post = study.bind(table, post_places)
    post.supervoxel[autapse] = pre.supervoxel[autapse]
    post.voxel[autapse] = pre.voxel[autapse]
    centre = post.voxel + rng.integers(-30, 31, (n, 3))
    ids = 1 + np.cumsum(rng.integers(1, 4, n))
    return study.source(
        table,
        ids,
        {
            "ctr_pt_position": points(centre),
            "size": floating(np.round(rng.lognormal(7, 1, n))),
        },
        {"pre_pt": pre, "post_pt": post},
        churn=0.004,
        age=0.05,
    )


def _partners(study: Study, n: int) -> Ints:
    """Draw objects so that few have very many synapses and fragments few."""
    anatomy = study.anatomy
    weight: Floats = np.minimum(study.rng.pareto(1.3, anatomy.objects), 40) + 0.05
    weight[anatomy.cells :] *= 0.1
    ladder: Floats = np.cumsum(weight)
    drawn: Floats = study.rng.random(n) * float(ladder[-1])
    return np.searchsorted(ladder, drawn, "right").astype(np.int64)


def _fine_cells(study: Study, table: TableProfile, _: Made) -> Source:
    n = 60
    cells = study.rng.integers(0, study.anatomy.cells, n)
    places = study.anatomy.supervoxel_first[cells]
    ids = np.arange(1, n + 1)
    ids[-3:] = (2**53 + 1, 2**53 + 3, 2**60 + 7)
    source = study.source(
        table,
        ids,
        {
            "classification_system": text(study.choose(("manual", "model", None), n)),
            "cell_type": text(study.choose(_AWKWARD, n)),
        },
        {"pt": study.bind(table, places, halves=True)},
        replace=False,
    )
    source.looked_up[::20] = NO_TIME
    return source


def _scores(study: Study, table: TableProfile, made: Made) -> Source:
    n, nuclei = 80, made["nuclei"].ids
    values = np.array(study.choose(_ODD_FLOATS, n))
    return study.source(
        table,
        np.arange(1, n + 1),
        {
            "target_id": whole(study.rng.choice(nuclei, n)),
            "tag": text(study.choose(_AWKWARD, n)),
            "value": floating(values, np.arange(n) % 11 == 10),  # noqa: PLR2004  a share of the cases
        },
    )


def _synapse_tags(study: Study, table: TableProfile, made: Made) -> Source:
    synapses = made["synapses"].ids
    targets = synapses[study.rng.random(len(synapses)) < 0.3]  # noqa: PLR2004  a share of the cases
    return study.source(
        table,
        np.arange(1, len(targets) + 1),
        {
            "target_id": whole(targets),
            "tag": text(study.choose(("spine", "shaft", "soma"), len(targets))),
        },
        churn=0.01,
        age=0.7,
    )


def _private_notes(study: Study, table: TableProfile, _: Made) -> Source:
    places = study.anatomy.supervoxel_first[:12]
    return study.source(
        table,
        np.arange(1, 13),
        {"tag": text(study.choose(_AWKWARD, 12))},
        {"pt": study.bind(table, places)},
    )


_MAKERS: Mapping[Role, Callable[[Study, TableProfile, Made], Source]] = {
    "nuclei": _nuclei,
    "alternatives": _alternatives,
    "cell_types": _cell_types,
    "neuron_calls": _neuron_calls,
    "proofreading": _proofreading,
    "synapses": _synapses,
    "fine_cells": _fine_cells,
    "scores": _scores,
    "synapse_tags": _synapse_tags,
    "private_notes": _private_notes,
}
