"""Neuroglancer through nglui, which asks ``client.cached``, so mostly the store."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cortical_cache.client.cached import Cached
from cortical_cache.errors import ConfigurationError
from cortical_cache.model.ids import as_ids

if TYPE_CHECKING:
    from nglui.statebuilder import ViewerState

__all__ = ["EXTRA", "copy", "viewer"]

EXTRA = "cortical-cache[neuroglancer]"
"""What to install for viewers."""

_LAYER = "segmentation"


def viewer(
    cached: Cached,
    root_ids: object,
    seg_prop: Mapping[str, object] | None,
    *,
    offline: bool,
) -> "ViewerState":
    """See `Described.neuroglancer_viewer`."""
    try:
        from nglui.statebuilder import ViewerState, get_default_capabilities
    except ImportError as error:
        message = f"neuroglancer needs a library: pip install '{EXTRA}'"
        raise ConfigurationError(message) from error
    # The viewer finds the middle of the volume itself; nglui would ask the buckets. Of
    # tags that are added later it would ask the viewer's site what it can show.
    plays_caveclient: Any = cached
    state = ViewerState(
        client=plays_caveclient,
        infer_coordinates=False,
        capabilities=get_default_capabilities() if offline else None,
    )
    state.add_layers_from_client(segmentation=_LAYER)
    if root_ids is not None:
        state.add_segments(segments=list(as_ids(root_ids, "root_ids")))
    if seg_prop is not None:
        number = cached.state.upload_property_json(seg_prop)
        source = cached.state.build_neuroglancer_url(number, format_properties=True)
        state.layers[_LAYER].add_source(source)
    return state


def copy(text: str) -> None:
    """Copy a text to the clipboard, with nglui's own library.

    Raises
    ------
    ConfigurationError
        If this machine has no clipboard.
    """
    import pyperclip

    try:
        pyperclip.copy(text)
    except pyperclip.PyperclipException as error:
        reason = " ".join(str(error).split())
        message = f"there is no clipboard to copy to: {reason}"
        raise ConfigurationError(message) from error
