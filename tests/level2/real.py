"""A world with one real neuron in it, read from files beside the project.

Its level-2 graph and attributes, skeleton and synapses are minnie65's own; what is not
in the files (partners' level-2 nodes, the version's number) is made up around them.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from cortical_cache.demo.graph import (
    NEVER,
    ChunkedGraph,
    Family,
    History,
    Nodes,
)
from cortical_cache.demo.rows import Rows, empty, moments, points, truth, whole
from cortical_cache.demo.schemas import all_schemas
from cortical_cache.demo.world import (
    AlignedVolume,
    Datastack,
    L2Cache,
    SegmentationTable,
    SplitTable,
    Table,
    Version,
    World,
)

# Beside the checkout; not part of it.
FOLDER = Path(__file__).parents[3] / "shared" / "data" / "minnie_neuron"
STACK, GRAPH, SYNAPSES = "minnie65_phase3_v1", "minnie3_v1", "synapses_pni_2"
VERSION = 117
STAMP = datetime(2021, 6, 11, 8, 10, tzinfo=UTC)
OLDEST = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp() * 1000)
VOXEL = (4.0, 4.0, 40.0)
OFFSET = (26385, 30308, 14850)


@dataclass(frozen=True)
class Neuron:
    """What the files say."""

    root: int
    edges: np.ndarray
    skeleton: dict
    properties: pd.DataFrame
    pre: pd.DataFrame
    post: pd.DataFrame


def read() -> Neuron:
    return Neuron(
        int((FOLDER / "root_id.json").read_text()),
        np.array(json.loads((FOLDER / "l2graph.json").read_text()), np.int64),
        json.loads((FOLDER / "skel.json").read_text()),
        pd.read_feather(FOLDER / "l2properties.feather"),
        pd.read_feather(FOLDER / "pre_l2.feather"),
        pd.read_feather(FOLDER / "post_l2.feather"),
    )


def world(neuron: Neuron) -> World:
    rows = pd.concat([neuron.pre, neuron.post]).drop_duplicates("id")
    table = _synapses(rows.sort_values("id"))
    frozen = SplitTable(len(rows), table.annotation, table.segmentation)
    version = Version(
        1,
        VERSION,
        STAMP,
        None,
        is_merged=False,
        valid=True,
        status="AVAILABLE",
        tables={SYNAPSES: 1},
    )
    stack = Datastack(
        STACK, "", "minnie65_phase3", GRAPH, SYNAPSES, "", VOXEL, (version,)
    )
    return World(
        datastacks={STACK: stack},
        aligned_volumes={
            "minnie65_phase3": AlignedVolume(
                1, "minnie65_phase3", "", "", "", {SYNAPSES: table}, {}
            )
        },
        segmentations={GRAPH: SegmentationTable(_graph(neuron))},
        frozen={(STACK, VERSION): {SYNAPSES: frozen}},
        view_rows={(STACK, VERSION): {}, (STACK, 0): {}},
        l2_caches={GRAPH: L2Cache("minnie3_v1_0", _records(neuron.properties))},
        skeletons={GRAPH: {neuron.root: neuron.skeleton}},
    )


def _synapses(frame: pd.DataFrame) -> Table:
    schema = all_schemas()["synapse"]
    size = len(frame)
    created = frame["created"].dt.tz_localize(None).to_numpy()
    columns = {}
    for name, kind in schema.annotation.items():
        if name.endswith("_position"):
            nm = frame[[f"{name}_{axis}" for axis in "xyz"]].to_numpy()
            columns[name] = points(nm / VOXEL)
        elif name == "created":
            columns[name] = moments(created)
        elif name == "valid":
            columns[name] = truth(np.ones(size, np.bool_))
        elif name in frame and name != "superceded_id":
            columns[name] = whole(frame[name].to_numpy(), kind=kind)
        else:
            columns[name] = empty(kind, size)
    bound = {"id": whole(frame["id"].to_numpy())}
    for name in schema.segmentation:
        bound[name] = whole(frame[name].to_numpy())
    return Table(
        SYNAPSES,
        "synapse",
        "",
        VOXEL,
        created=frame["created"].min().to_pydatetime(),
        last_modified=frame["created"].max().to_pydatetime(),
        annotation=Rows(columns),
        segmentation=Rows(bound),
        last_updated=STAMP,
    )


def _graph(neuron: Neuron) -> ChunkedGraph:
    mine = {
        sv: l2
        for frame, side in ((neuron.pre, "pre"), (neuron.post, "post"))
        for sv, l2 in zip(
            frame[f"{side}_pt_supervoxel_id"].tolist(),
            frame[f"{side}_pt_l2_id"].tolist(),
            strict=True,
        )
    }
    root_of = dict.fromkeys(neuron.properties.index.tolist(), neuron.root)
    for frame, side in ((neuron.pre, "post"), (neuron.post, "pre")):
        for sv, root in zip(
            frame[f"{side}_pt_supervoxel_id"].tolist(),
            frame[f"{side}_pt_root_id"].tolist(),
            strict=True,
        ):
            if sv not in mine:  # a partner's: a level-2 node of its own
                chunk = sv & ((1 << 30) - 1 << 26)
                mine[sv] = (2 << 56) | chunk | (1 << 25) + len(mine)
                root_of[mine[sv]] = root
    supervoxels = np.array(sorted(mine), np.int64)
    holder = np.array([mine[one] for one in supervoxels.tolist()], np.int64)
    level2 = np.array(sorted(root_of), np.int64)
    roots = np.array([root_of[one] for one in level2.tolist()], np.int64)
    nodes = np.unique(np.concatenate([level2, roots]))
    return ChunkedGraph(
        name=GRAPH,
        layers=12,
        resolution=(8.0, 8.0, 40.0),
        chunk_size=(256, 256, 512),
        volume_voxels=(192424, 131051, 13008),
        oldest=OLDEST,
        supervoxels=supervoxels,
        supervoxel_nm=np.zeros((len(supervoxels), 3)),
        level2_of=History.of(supervoxels, np.full(len(supervoxels), OLDEST), holder),
        root_of=History.of(level2, np.full(len(level2), OLDEST), roots),
        level2_children=Family.of(holder, supervoxels),
        root_children=Family.of(roots, level2),
        nodes=Nodes(
            nodes, np.full(len(nodes), OLDEST), np.full(len(nodes), NEVER, np.int64)
        ),
        edges=neuron.edges,
        edits=(),
        voxel_offset=OFFSET,
    )


def _records(frame: pd.DataFrame) -> dict[int, dict[str, object]]:
    """Write the table as the service's records; pca without values was never there."""
    pca = frame[[f"pca_{n}_{axis}" for n in range(3) for axis in "xyz"]].to_numpy()
    place = frame[[f"rep_coord_nm_{axis}" for axis in "xyz"]].to_numpy()
    counts = frame[
        [
            f"chunk_intersect_count_{axis}_{side}"
            for side in ("bottom", "top")
            for axis in "xyz"
        ]
    ].to_numpy()
    records: dict[int, dict[str, object]] = {}
    for row, (one, area, deepest, mean, size, values) in enumerate(
        zip(
            frame.index.tolist(),
            frame["area_nm2"].tolist(),
            frame["max_dt_nm"].tolist(),
            frame["mean_dt_nm"].tolist(),
            frame["size_nm3"].tolist(),
            frame["pca_val"].tolist(),
            strict=True,
        )
    ):
        records[one] = {
            "area_nm2": area,
            "chunk_intersect_count": counts[row].reshape(2, 3).tolist(),
            "max_dt_nm": deepest,
            "mean_dt_nm": mean,
            "rep_coord_nm": place[row].tolist(),
            "size_nm3": size,
        }
        if values is not None:
            records[one]["pca"] = pca[row].reshape(3, 3).tolist()
            records[one]["pca_val"] = [*map(float, values)]
            records[one] = dict(sorted(records[one].items()))
    return records
