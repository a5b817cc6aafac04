"""Properties of a skeleton's segments, computed once by pcg_skel and kept.

They follow from the skeleton and the volumes of its level-2 nodes, and take ten times
as long as all else; so they are kept under a digest of all that they follow from.
"""

import gzip
import hashlib
import json
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from cortical_cache.client.neurons.level2 import numbers
from cortical_cache.model.level2 import chosen
from cortical_cache.repositories.dataset import Repositories

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["add_properties"]

_TABLE = "segment_properties"
_VOLUMES = ("area_nm2", "size_nm3", "mean_dt_nm", "max_dt_nm")
_NODE = "lvl2_id"
_SEGMENT, _VERTEX = "seg_num", "mesh_ind"
_SHOWN = "mesh_ind_filt"  # MeshParty adds it to what it shows
_LIBRARIES = ("pcg_skel", "meshparty")


def add_properties(
    of: Repositories,
    neuron: Any,  # noqa: ANN401  a Meshwork
    skeleton_version: int,
) -> None:
    """Add ``vol_prop`` and ``segment_properties`` to a meshwork, as pcg_skel does.

    Parameters
    ----------
    of : Repositories
    neuron : Meshwork
        With ``lvl2_ids``.
    skeleton_version : int
        A number; a root has one skeleton of each, for ever.
    """
    frame = _volumes(of, neuron.anno["lvl2_ids"].df)
    neuron.anno.add_annotations("vol_prop", data=frame, index_column=_VERTEX)
    objects = of.store.objects("skeletons", "segments")
    name = f"{neuron.seg_id}.{_digest(neuron, skeleton_version)}"
    held = objects.read(name)
    if held is not None:
        frame = _read(json.loads(held))
        neuron.anno.add_annotations(_TABLE, data=frame, index_column=_VERTEX)
        return
    from pcg_skel import features

    theirs: Any = features
    theirs.add_segment_properties(neuron)
    frame = neuron.anno[_TABLE].df.drop(columns=_SHOWN)
    text = json.dumps(_written(frame), allow_nan=False)
    objects.write(name, gzip.compress(text.encode(), 6, mtime=0))


def _volumes(of: Repositories, nodes: "pd.DataFrame") -> "pd.DataFrame":
    """Return the volumes of level-2 nodes beside their vertices, NaN where unknown."""
    import numpy as np

    ids = nodes[_NODE].to_numpy(np.int64)
    unique, back = np.unique(ids, return_inverse=True)
    wanted = chosen(_VOLUMES)
    values = of.level2.values(unique, wanted)
    frame = nodes.drop(columns=_NODE)
    for one in wanted:
        frame[one.name] = numbers(values, one)[back]
    return frame


def _digest(neuron: Any, skeleton_version: int) -> str:  # noqa: ANN401  a Meshwork
    volumes = neuron.anno["vol_prop"].df
    digest = hashlib.sha256(volumes.to_numpy().tobytes())
    told = [*volumes.columns, f"skeleton {skeleton_version}"]
    told += [f"{one} {version(one)}" for one in _LIBRARIES]
    digest.update("\n".join(told).encode())
    return digest.hexdigest()[:24]


def _written(frame: "pd.DataFrame") -> dict[str, Any]:
    """Return each segment once, and the segment of each vertex."""
    rows = frame.drop_duplicates(_SEGMENT).drop(columns=_VERTEX)
    return {
        _VERTEX: frame[_VERTEX].tolist(),
        "segment_of": frame[_SEGMENT].tolist(),
        "columns": [*frame.columns],
        "dtypes": {name: str(dtype) for name, dtype in rows.dtypes.items()},
        # JSON has no word for NaN and infinity, so numbers are written as text
        "segments": {name: [str(one) for one in rows[name]] for name in rows},
    }


def _read(written: dict[str, Any]) -> "pd.DataFrame":
    """Return the frame that `_written` was given."""
    import numpy as np
    import pandas as pd

    columns: dict[str, Any] = {}
    for name, texts in written["segments"].items():
        dtype = written["dtypes"][name]
        values = [text == "True" for text in texts] if dtype == "bool" else texts
        columns[name] = np.array(values).astype(dtype)
    segments: Any = pd.DataFrame(columns).set_index(_SEGMENT, drop=False)
    frame = segments.loc[written["segment_of"]].reset_index(drop=True)
    frame[_VERTEX] = np.array(written[_VERTEX], np.int64)
    return frame[written["columns"]]
