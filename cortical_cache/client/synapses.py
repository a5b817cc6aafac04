"""``client.query_synapses``: the synapses of roots, however many.

cortical_tools' method with its faults mended: no synapses is an empty frame with the
right columns, ``timestamp`` counts, ids stay 64-bit integers through merges, and a
reference table is matched on what it refers to, the synapse, not on its own id.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from cortical_cache.client.cached.materialize import CachedMaterialize
from cortical_cache.client.progress.watched import is_watched
from cortical_cache.repositories.answered import Answered, combined
from cortical_cache.repositories.tables import Tables

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SynapseQuery", "query_synapses"]


@dataclass(frozen=True, slots=True)
class SynapseQuery:
    """What is asked of `query_synapses`; see `Client.query_synapses`."""

    root_ids: tuple[int, ...]
    pre: bool
    post: bool
    table: str
    version: int | None
    timestamp: datetime | None
    resolution: Sequence[float]
    split_positions: bool
    omit_self_synapse: bool
    reference_tables: tuple[str, ...] = ()
    suffixes: Mapping[str, str] = field(default_factory=dict[str, str])
    batch_size: int = 100
    ref_batch_size: int = 5000
    progress: bool = True


def query_synapses(
    materialize: CachedMaterialize, tables: Tables, asked: SynapseQuery
) -> "pd.DataFrame":
    """Answer a synapse query batch by batch.

    What a batch fetched is held when the next one starts, so an interrupted call goes
    on where it stopped.
    """
    asking = _Asking(materialize, tables)
    frames: list[pd.DataFrame] = []
    for side in [*["pre"] * asked.pre, *["post"] * asked.post]:
        column = f"{side}_pt_root_id"
        label = f"{side} synapses"
        frames += [
            _ask(asking, asked, asked.table, (column, batch))
            for batch in _batches(
                asked.root_ids, asked.batch_size, label, show=asked.progress
            )
        ]
    synapses = _stacked(frames).drop_duplicates(subset="id", keep="first")
    if asked.omit_self_synapse:
        apart = synapses["pre_pt_root_id"] != synapses["post_pt_root_id"]
        synapses = synapses[apart.fillna(value=False)]
    synapses = synapses.reset_index(drop=True)
    for reference in asked.reference_tables:
        synapses = _with_reference(asking, asked, synapses, reference)
    if asking.parts:
        tables.last = combined(asking.parts)
        synapses.attrs["cortical_cache"] = tables.last.note()
    return synapses


@dataclass(frozen=True, slots=True)
class _Asking:
    """Whom to ask, and where each part of the answer came from."""

    materialize: CachedMaterialize
    tables: Tables
    parts: list[Answered] = field(default_factory=list[Answered])


def _with_reference(
    asking: _Asking,
    asked: SynapseQuery,
    synapses: "pd.DataFrame",
    reference: str,
) -> "pd.DataFrame":
    """Add a reference table's columns; missing where a synapse has no entry."""
    refers = asking.materialize.get_table_metadata(reference, version=asked.version)
    on = "target_id" if refers.get("reference_table") == asked.table else "id"
    ids = tuple(int(one) for one in synapses["id"].unique())
    label = f"{reference} entries"
    frames = [
        _ask(asking, asked, reference, (on, batch))
        for batch in _batches(ids, asked.ref_batch_size, label, show=asked.progress)
    ]
    entries = _stacked(frames)
    if on == "target_id":
        # cortical_tools shows no second id: the entries are the synapses' own
        entries = entries.drop(columns="id").assign(id=entries["target_id"])
    suffix = asked.suffixes.get(reference, f"_{reference}")
    return synapses.merge(entries, on="id", how="left", suffixes=("", suffix))


def _ask(
    asking: _Asking,
    asked: SynapseQuery,
    table: str,
    key: tuple[str, tuple[int, ...]],
) -> "pd.DataFrame":
    """Ask, and note where the answer came from."""
    frame = _rows(asking.materialize, asked, table, key)
    if asking.tables.last is not None:
        asking.parts.append(asking.tables.last)
    return frame


def _rows(
    materialize: CachedMaterialize,
    asked: SynapseQuery,
    table: str,
    key: tuple[str, tuple[int, ...]],
) -> "pd.DataFrame":
    """Ask for the rows of some keys; only synapses are shown in the units asked for."""
    column, ids = key
    units = table == asked.table
    split_positions = asked.split_positions and units
    resolution = list(asked.resolution) if units else None
    if asked.timestamp is None:
        return materialize.query_table(
            table,
            filter_in_dict={column: list(ids)},
            materialization_version=asked.version,
            merge_reference=False,
            split_positions=split_positions,
            desired_resolution=resolution,
            metadata=False,
            log_warning=False,
        )
    return materialize.live_live_query(
        table,
        asked.timestamp,
        filter_in_dict={table: {column: list(ids)}},
        split_positions=split_positions,
        desired_resolution=resolution,
        metadata=False,
        log_warning=False,
    )


def _batches(
    ids: tuple[int, ...], size: int, label: str, *, show: bool
) -> Iterator[tuple[int, ...]]:
    """Cut ids into batches; no ids are one empty batch, for the columns."""
    from tqdm.auto import tqdm

    starts = range(0, max(len(ids), 1), size)
    hidden = not show or len(starts) == 1 or not is_watched()
    bar = tqdm(starts, desc=label, disable=hidden, leave=False)
    for start in bar:
        yield ids[start : start + size]


def _stacked(frames: list["pd.DataFrame"]) -> "pd.DataFrame":
    """Stack frames; empty ones, which have poorer dtypes, only if all are empty."""
    import pandas as pd

    filled = [frame for frame in frames if len(frame)] or frames[:1]
    return pd.concat(filled, ignore_index=True)
