"""Copy live tables into the database of a version, and evaluate views there."""

import numpy as np

from cortical_cache.demo.generate.lives import COPY_TIME
from cortical_cache.demo.generate.source import Source
from cortical_cache.demo.graph import ChunkedGraph
from cortical_cache.demo.rows import Ints, Rows, Vector, floating, points, whole
from cortical_cache.demo.schemas import all_schemas
from cortical_cache.demo.world import FrozenTable, MergedTable, SplitTable


def milliseconds(when: np.datetime64) -> int:
    """Return whole milliseconds since 1970."""
    return int(when.astype("datetime64[ms]").astype(np.int64))


def freeze(
    source: Source, graph: ChunkedGraph, stamp: np.datetime64, *, merged: bool
) -> FrozenTable:
    """Copy one table as of half an hour after a version's time stamp."""
    copied = stamp + COPY_TIME
    annotation = source.annotation(copied)
    segmentation = source.segmentation(copied, graph, milliseconds(stamp))
    counted = annotation["valid"].data.astype(np.bool_)
    counted[source.count_at(stamp) :] = False
    row_count = int(counted.sum())
    if not merged:
        return SplitTable(row_count, annotation, segmentation)
    flat = annotation.take(np.flatnonzero(counted))
    if segmentation is not None:
        here, there = match(flat["id"].ints(), segmentation["id"].ints())
        flat = flat.take(here).with_columns(segmentation.take(there).columns)
    columns = all_schemas()[source.profile.schema].flat
    return MergedTable(row_count, flat.select(columns))


def match(left: Ints, right: Ints) -> tuple[Ints, Ints]:
    """Return the places of equal ids in two lists without repeats."""
    _, here, there = np.intersect1d(
        left, right, assume_unique=True, return_indices=True
    )
    return here, there


def lookup_view(
    nuclei: Source,
    alternatives: Source,
    graph: ChunkedGraph,
    stamp: np.datetime64,
    copied: np.datetime64,
) -> Rows:
    """Show every valid nucleus, at its alternative point where it has one."""
    main = _bound_rows(nuclei, graph, stamp, copied)
    other = _bound_rows(alternatives, graph, stamp, copied)
    if not len(other):
        return main.select(["id", "pt_supervoxel_id", "pt_root_id", "pt_position"])
    targets = other["target_id"].ints()
    order = np.argsort(targets, kind="stable")
    place = np.searchsorted(targets[order], main["id"].ints())
    place = np.minimum(place, len(order) - 1)
    chosen = order[place]
    use_other = targets[chosen] == main["id"].ints()
    unit = np.array(alternatives.profile.resolution) / nuclei.profile.resolution
    columns: dict[str, Vector] = {"id": main["id"]}
    for name in ("pt_supervoxel_id", "pt_root_id"):
        columns[name] = whole(
            np.where(use_other, other[name].ints()[chosen], main[name].ints()),
            np.where(use_other, other[name].null[chosen], main[name].null),
        )
    columns["pt_position"] = points(
        np.where(
            use_other[:, None],
            other["pt_position"].xyz()[chosen] * unit,
            main["pt_position"].xyz(),
        )
    )
    return Rows(columns)


def _bound_rows(
    source: Source, graph: ChunkedGraph, stamp: np.datetime64, copied: np.datetime64
) -> Rows:
    """Return the valid rows with their segmentation, null where it is missing."""
    annotation = source.annotation(copied)
    annotation = annotation.take(np.flatnonzero(source.valid_at(copied)))
    segmentation = source.segmentation(copied, graph, milliseconds(stamp))
    if segmentation is None:
        return annotation
    ids = annotation["id"].ints()
    here, there = match(ids, segmentation["id"].ints())
    columns: dict[str, Vector] = {}
    for name in segmentation.columns:
        if name != "id":
            values, null = np.zeros(len(ids), np.int64), np.ones(len(ids), np.bool_)
            values[here] = segmentation[name].ints()[there]
            null[here] = segmentation[name].null[there]
            columns[name] = whole(values, null)
    return annotation.with_columns(columns)


def stats_view(
    synapses: Source, graph: ChunkedGraph, stamp: np.datetime64, copied: np.datetime64
) -> Rows:
    """Count the outgoing synapses of each root, leaving out root 0."""
    rows = _bound_rows(synapses, graph, stamp, copied)
    roots = rows["pre_pt_root_id"].ints()
    rows = rows.take(np.flatnonzero(roots > 0))
    names, member, counts = np.unique(
        rows["pre_pt_root_id"].ints(), return_inverse=True, return_counts=True
    )
    total = np.bincount(member, weights=rows["size"].data.astype(np.float64)).astype(
        np.float64
    )
    return Rows(
        {
            "pre_pt_root_id": whole(names),
            "n_synapses": whole(counts),
            "total_size": floating(total),
            "mean_size": floating(total / counts, kind="numeric"),
        }
    )
