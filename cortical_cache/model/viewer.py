"""A neuroglancer state that shows a datastack, from its record alone. No I/O.

The same as nglui makes of it (``ViewerState.add_layers_from_client``), for links that
must cost no request and no library.
"""

import json
from collections.abc import Sequence
from urllib.parse import quote

from cortical_cache.model.json import Json, JsonObject

__all__ = ["SPELUNKER", "link", "viewer_state"]

SPELUNKER = "https://spelunker.cave-explorer.org/"
"""The neuroglancer of the CAVE project, and nglui's default."""

_NANOMETRE = 1e-9

_LEGIBLE = "~@#$&()*!+=:;,.?/'"  # what the neuroglancer package leaves as it is


def viewer_state(
    info: JsonObject, image_source: str, segments: Sequence[int] = ()
) -> JsonObject:
    """Return the state: images, segmentation, voxels of the viewer.

    Parameters
    ----------
    info : dict
        The datastack's record of the info service.
    image_source : str
        Path of the images.
    segments : sequence of int
        Roots to show.
    """
    space = _space(info)
    paths = [str(info["segmentation_source"])]
    if info.get("skeleton_source"):
        paths.append(str(info["skeleton_source"]))
    ids: list[Json] = [str(int(one)) for one in segments]
    return {
        "dimensions": space,
        "layers": [
            {
                "type": "image",
                "source": [_source(image_source, space, images=True)],
                "name": "imagery",
            },
            {
                "type": "segmentation",
                "source": [_source(one, space) for one in paths],
                "segments": ids,
                "selectedAlpha": 0.5,
                "notSelectedAlpha": 0.0,
                "name": "segmentation",
            },
        ],
        "layout": "xy-3d",
        "showSlices": False,
        "crossSectionScale": 1.0,
        "projectionScale": 50000.0,
    }


def link(state: JsonObject, viewer: str = SPELUNKER) -> str:
    """Return the address that opens a state in a viewer.

    Parameters
    ----------
    state : dict
    viewer : str
        Address of a neuroglancer.
    """
    text = json.dumps(state, separators=(",", ":"))
    return f"{viewer.rstrip('/')}/#!{quote(text, safe=_LEGIBLE)}"


def _space(info: JsonObject) -> JsonObject:
    axes: JsonObject = {}
    for axis in "xyz":
        nanometres = float(str(info[f"viewer_resolution_{axis}"]))
        axes[axis] = [nanometres * _NANOMETRE, "m"]
    return axes


def _source(path: str, space: JsonObject, *, images: bool = False) -> JsonObject:
    scheme, _, rest = path.partition("://")
    if scheme == "graphene" and not rest.startswith("middleauth+"):
        rest = f"middleauth+{rest}"
    if scheme == "graphene":  # images behind the log-in are precomputed nonetheless
        path = f"{'precomputed' if images else 'graphene'}://{rest}"
    return {"url": path, "transform": {"outputDimensions": space}}
