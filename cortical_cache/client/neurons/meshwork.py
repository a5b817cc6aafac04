"""Skeletons as MeshParty meshworks, built by pcg_skel on ``client.cached``.

Every part comes through the cache by itself: the skeleton, the root's life, the level-2
graph and attributes, the synapses, and their level-2 ids.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from cortical_cache.client.cached import Cached
from cortical_cache.client.cached.chunkedgraph import CachedChunkedGraph
from cortical_cache.client.cached.l2cache import CachedL2Cache
from cortical_cache.client.cached.materialize import CachedMaterialize
from cortical_cache.client.cached.skeleton import CachedSkeleton
from cortical_cache.client.neurons.segments import add_properties
from cortical_cache.client.space import EXTRA, space_of
from cortical_cache.errors import ConfigurationError, InvalidQueryError, NotCachedError
from cortical_cache.model.ids import MISSING
from cortical_cache.model.json import Json, JsonObject, as_list
from cortical_cache.model.level2 import chosen
from cortical_cache.model.moments import from_micros
from cortical_cache.policy.answering import Options
from cortical_cache.repositories.dataset import Repositories
from cortical_cache.repositories.skeletonoutcome import as_arrays
from cortical_cache.repositories.skeletons import LATEST

if TYPE_CHECKING:
    import pandas as pd
    from meshparty.meshwork import Meshwork

__all__ = ["MeshworkQuery", "Tables", "Transform", "get_meshwork"]

Floats = npt.NDArray[np.float64]

Transform = Literal["rigid", "streamline"]

Tables = str | Sequence[str] | Mapping[str, "str | Sequence[str]"]
"""Reference tables of both sides, or by side: ``pre``, ``post``."""

_SIDES = ("pre", "post")
_MILLISECOND = timedelta(milliseconds=1)
_PLACE = "rep_coord_nm"


@dataclass(frozen=True, slots=True)
class MeshworkQuery:
    """What is asked of one root; see `Morphology.get_skeleton`."""

    root_id: int
    synapses: bool
    restore_graph: bool
    restore_properties: bool
    reference_tables: Tables | None
    skeleton_version: int | None
    transform: Transform | None


def get_meshwork(
    of: Repositories, options: Options, asked: MeshworkQuery
) -> "Meshwork":
    """See `Morphology.get_skeleton`."""
    try:
        return _made(of, options, asked)
    except NotCachedError as error:
        if not _is_fetched(asked, error):
            raise
        where = of.dataset.name
        with suppress(NotCachedError):
            where += f"@{of.versions.resolve()}"
        command = f"cortical-cache fetch {where} {asked.root_id}"
        raise NotCachedError(error.missing, command) from error


def _is_fetched(asked: MeshworkQuery, missed: NotCachedError) -> bool:
    """Tell whether the command that fetches neurons fetches what was missed."""
    tables = {
        name for names in _by_side(asked.reference_tables).values() for name in names
    }
    is_latest = asked.skeleton_version in {None, LATEST}
    return is_latest and tables.isdisjoint(missed.missing.split())


def _made(of: Repositories, options: Options, asked: MeshworkQuery) -> "Meshwork":
    """See `Morphology.get_skeleton`; what is missing offline names its own command."""
    if asked.transform not in {None, "rigid", "streamline"}:
        message = f"transform is 'rigid' or 'streamline', not {asked.transform!r}"
        raise InvalidQueryError(message)
    space = None if asked.transform is None else space_of(of.dataset)
    try:
        import pcg_skel
    except ImportError as error:
        message = f"skeletons need libraries: pip install '{EXTRA}'"
        raise ConfigurationError(message) from error
    library: Any = pcg_skel
    version = of.skeletons.version(asked.skeleton_version)
    # Before anything else is asked: of what is no root there is no skeleton.
    skeleton = of.skeletons.get(asked.root_id, version)
    moment = _moment(of, asked.root_id) if asked.synapses else datetime.now(UTC)
    client = _CachedAt(of, options, moment, skeleton)
    with warnings.catch_warnings():
        # pandas, where numexpr is installed and a frame has nullable integers
        warnings.filterwarnings("ignore", "Engine has switched", RuntimeWarning)
        neuron = library.get_meshwork_from_client(
            asked.root_id,
            client,
            synapses=asked.synapses,
            restore_graph=asked.restore_graph,
            restore_properties=False,
            synapse_reference_tables=_by_side(asked.reference_tables),
            skeleton_version=version,
        )
        if asked.restore_properties:
            add_properties(of, neuron, version)
    if asked.transform == "rigid":
        rigid: Any = space
        _transform(neuron, rigid.transform("nm").apply)
    elif asked.transform == "streamline":
        field: Any = space
        anchor = np.array(neuron.skeleton.root_position)
        _transform(neuron, field.streamline("nm").transformer(anchor=anchor))
    return neuron


def _moment(of: Repositories, root: int) -> datetime:
    """Return when to look at a root's synapses: a moment past, the same every time.

    The version's own if the root was current then, so that its rows answer; else the
    last of the root's life if that had ended by then; else, of a root made later, the
    first of its life.
    """
    version = of.versions.record(of.versions.resolve()).timestamp
    roots = np.array([root], np.int64)
    end = of.versions.graph_end()
    # What a public chunkedgraph is asked of later than its end it tells of that end.
    looked_at = version if end is None else min(version, end)
    if of.roots.is_latest(roots, looked_at)[0]:
        return version
    lives = of.roots.known(roots)
    created, ended = int(lives.created[0]), int(lives.ended[0])
    if created == MISSING:
        raise InvalidQueryError(f"{root} is no root")
    if ended != MISSING and from_micros(ended) <= version:
        return from_micros(ended) - _MILLISECOND
    return from_micros(created) + _MILLISECOND


class _GraphAt(CachedChunkedGraph):
    """A chunkedgraph whose roots were last current at one moment."""

    def __init__(self, of: Repositories, shell: "_CachedAt", moment: datetime) -> None:
        super().__init__(of, shell)
        self._moment = moment

    def get_root_timestamps(
        self,
        root_ids: object,
        latest: bool = False,  # noqa: FBT001, FBT002  caveclient's own signature
        timestamp: datetime | None = None,
    ) -> npt.NDArray[np.object_]:
        """Return the moment as that of the one root asked about."""
        if not latest:
            return super().get_root_timestamps(root_ids, latest, timestamp)
        return np.array([self._moment], dtype=object)


class _MaterializeAt(CachedMaterialize):
    """A materialization service that answers live queries at a version's own time.

    The server refuses those; the rows of the version are the answer.
    """

    def live_live_query(  # pyright: ignore[reportIncompatibleMethodOverride]  any options
        self,
        table: str,
        timestamp: datetime,
        **asked: Any,  # noqa: ANN401  caveclient's own
    ) -> "pd.DataFrame":
        """Query a table at a moment."""
        version = self._version_at(timestamp)
        if version is None:
            return super().live_live_query(table, timestamp, **asked)
        return self.query_table(
            table,
            **{
                name: value[table] if name.startswith("filter_") else value
                for name, value in asked.items()
            },
            materialization_version=version,
            merge_reference=False,
        )


class _WholeRecords(CachedL2Cache):
    """An L2 cache whose records have every attribute: NaN where there is no value.

    pcg_skel fails on a neuron with a node of which nothing is computed. Such a node
    stands at its vertex of the skeleton, as all do where the graph is not restored.
    """

    def __init__(self, of: Repositories, skeleton: JsonObject) -> None:
        super().__init__(of)
        self._skeleton = skeleton

    def get_l2data(
        self, l2_ids: object, attributes: Sequence[str] | None = None
    ) -> dict[str, dict[str, Any]]:
        """Return attributes of level-2 ids by id, as text."""
        found = super().get_l2data(l2_ids, attributes)
        names = [one.name for one in chosen(attributes)]
        whole = {
            one: {name: record.get(name, np.nan) for name in names}
            for one, record in found.items()
        }
        if _PLACE in names:
            for one, place in self._places().items():
                if one in whole and _PLACE not in found[one]:
                    whole[one][_PLACE] = place
        return whole

    def _places(self) -> dict[str, Json]:
        vertices = as_list(self._skeleton["vertices"])
        ids = as_list(self._skeleton["lvl2_ids"])
        at = as_list(self._skeleton["mesh_to_skel_map"])
        return {
            str(one): vertices[int(str(vertex))]
            for one, vertex in zip(ids, at, strict=True)
        }


class _GivenSkeleton(CachedSkeleton):
    """A skeleton service that gives the one skeleton that has been read already."""

    def __init__(self, of: Repositories, skeleton: JsonObject) -> None:
        super().__init__(of)
        self._skeleton = skeleton

    def get_skeleton(  # pyright: ignore[reportIncompatibleMethodOverride]  any options
        self,
        *_: object,
        **_options: object,
    ) -> dict[str, Any]:
        """Return the skeleton."""
        return as_arrays(self._skeleton)


class _CachedAt(Cached):
    """``client.cached`` for pcg_skel, which asks when the root was last current."""

    def __init__(
        self,
        of: Repositories,
        options: Options,
        moment: datetime,
        skeleton: JsonObject,
    ) -> None:
        super().__init__(of, options)
        self.materialize = _MaterializeAt(of, self, options)
        self.chunkedgraph = _GraphAt(of, self, moment)
        self.l2cache = _WholeRecords(of, skeleton)
        self.skeleton = _GivenSkeleton(of, skeleton)


def _by_side(tables: Tables | None) -> dict[str, list[str]]:
    """Return reference tables by side, as pcg_skel takes them."""
    if tables is None:
        return {}
    if not isinstance(tables, Mapping):
        tables = dict.fromkeys(_SIDES, tables)
    unknown = set(tables) - set(_SIDES)
    if unknown:
        raise InvalidQueryError(
            f"reference tables are of 'pre' and 'post', not of {min(unknown)!r}"
        )
    return {
        side: [names] if isinstance(names, str) else [*names]
        for side, names in tables.items()
    }


def _transform(
    neuron: Any,  # noqa: ANN401  a Meshwork; MeshParty has no types
    move: Callable[[Floats], Floats],
) -> None:
    """Move vertices and the points of annotations, in place."""
    neuron.mesh.vertices = move(np.asarray(neuron.mesh.vertices))
    neuron.skeleton.vertices = move(np.asarray(neuron.skeleton.vertices))
    for side in _SIDES:
        if f"{side}_syn" not in neuron.anno.table_names:
            continue
        rows = neuron.anno[f"{side}_syn"]._data  # noqa: SLF001  as the deprecated way
        for column in [one for one in rows if str(one).endswith("_position")]:
            if len(rows):
                rows[column] = [*move(np.vstack(rows[column]))]
